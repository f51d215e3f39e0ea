"""Promises and replies on record: each once, ended once, inherited, and seen by the next round."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import insert, select, update

from jobs.rules.facts.evidence import Document, Stance
from jobs.rules.facts.past import HoldKind
from jobs.rules.promises import CustomerPromise, Instalment, PromiseState
from jobs.rules.replies import CustomerReply, ReplyKind
from jobs.rules.states import Stage, State
from jobs.store import crossings as crossing_store
from jobs.store import outbox
from jobs.store.customers import history, promises, replies
from jobs.store.database.engine import Database
from jobs.store.database.tables import crossings, holds
from jobs.store.database.tables import promises as promises_table
from jobs.store.intake import ledger
from tests.jobs.rules.world import invoice, usd
from tests.jobs.store.record import NOW, REALM, case, company

DUE = date(2026, 10, 16)
MAIL = Document("mail:1", "mailbox", "mail", NOW + timedelta(hours=1), "We pay on Friday.")


def reply(of_case: str | None) -> CustomerReply:
    """A mail that promises 845.00 for DUE and asks something, not stored yet."""
    return CustomerReply(
        id="",
        company=REALM,
        customer="58",
        document=MAIL.id,
        kind=ReplyKind.PROMISE,
        stances=(Stance.PROMISE, Stance.QUESTION, Stance.UNHAPPY),
        case=of_case,
        came_at=MAIL.at,
        promised_on=DUE,
        promised=usd("845.00"),
    )


def test_a_reply_is_recorded_once_and_settled_in_parts(database: Database) -> None:
    """What people have dealt with stays so, also after the customer was merged into another."""
    company(database)
    done = case(database, State.DONE)
    with database.writing() as conn:
        assert replies.case_for(conn, REALM, "58", MAIL) is None, "it has no card yet"
        outbox.card(conn, REALM, "CFINANCE", done.id, Decimal(0), True, NOW)
        found = replies.case_for(conn, REALM, "58", MAIL)
        assert found is not None
        assert found.id == done.id
        early = replace(MAIL, at=NOW - timedelta(days=1))
        assert replies.case_for(conn, REALM, "58", early) is None, "it came before the case"
        stored = replies.record(conn, reply(done.id), "0" * 64, NOW)
        assert stored is not None
        assert replace(stored, id="") == reply(done.id)
        assert replies.record(conn, reply(done.id), "0" * 64, NOW) is None
        assert stored.unsettled == (Stance.PROMISE, Stance.QUESTION)
        replies.settle(conn, stored, {Stance.PROMISE}, "UCOLLECT", NOW)
        again = replies.get(conn, stored.id)
        assert (again.unsettled, again.settled_by) == ((Stance.QUESTION,), "UCOLLECT")
        replies.settle(conn, again, {Stance.QUESTION}, "ULEAD1", NOW)
        everything = {(MAIL.id, Stance.PROMISE), (MAIL.id, Stance.QUESTION)}
        assert replies.settled(conn, REALM, "58") == everything
        replies.inherit(conn, REALM, "58", "59")
        assert replies.settled(conn, REALM, "59") == everything
        assert replies.of_texts(conn, REALM, "58", [MAIL.id, "ticket:7"]) == [
            replies.get(conn, stored.id)
        ]
        assert replies.find(conn, "99") is replies.find(conn, "no number") is None


def test_a_broken_promise_raises_the_next_round(database: Database) -> None:
    """Its hold ends, the stage of the round before is raised by one, and the rules hear of it."""
    company(database)
    of = case(database, State.DONE)
    made = CustomerPromise(
        id="",
        company=REALM,
        customer="58",
        currency="USD",
        case=of.id,
        reply=None,
        kind=HoldKind.PROMISE,
        set_by="UCOLLECT",
        set_at=NOW,
        instalments=(Instalment(DUE, usd("845.00")),),
        invoices={"71037": usd("845.00")},
    )
    later = NOW + timedelta(days=7)
    with database.writing() as conn:
        ledger.put_invoices(conn, REALM, [invoice()], NOW)
        crossed = {"company": REALM, "invoice": "71037", "round": 1, "stage": 2}
        conn.execute(insert(crossings).values(**crossed, case_id=of.id, crossed_at=NOW))
        id = promises.make(conn, made)
        (stored,) = promises.open_ones(conn, REALM)
        assert stored == replace(made, id=id)
        about = REALM, "58", ("71037",), HoldKind.PROMISE, DUE
        history.hold(conn, *about, "UCOLLECT", "promised", NOW, id)
        assert promises.end(conn, stored, PromiseState.BROKEN, later)
        assert not promises.end(conn, stored, PromiseState.KEPT, later), "it has ended"
        assert conn.execute(select(holds.c.lifted_by)).scalar_one() == "system:promises"
        promises.raise_stage(conn, stored)
        (one,) = crossing_store.overdue(conn, REALM, ["58"], later.date())
        assert (one.round, one.last, one.raised) == (2, None, Stage.FIRM)
        (broken,) = history.past(conn, REALM, "58").broken
        assert (broken.due, broken.amount, broken.invoices) == (
            DUE,
            usd("845.00"),
            frozenset({"71037"}),
        )
        paid = invoice(open_="0.00", status="paid")
        ledger.put_invoices(conn, REALM, [paid], later)
        ledger.put_invoices(conn, REALM, [invoice()], later)
        assert history.past(conn, REALM, "58").broken == (), "that was another round"


def test_whoever_lifts_the_hold_withdraws_the_promise(database: Database) -> None:
    """Nothing is called broken that nobody waits for; a merged customer keeps its promise."""
    company(database)
    of = case(database, State.DONE)
    row = {"company": REALM, "customer": "58", "currency": "USD", "case_id": of.id}
    row |= {"kind": "promise", "state": "open", "set_by": "UCOLLECT"}
    with database.writing() as conn:
        query = insert(promises_table).values(**row, set_at=NOW).returning(promises_table.c.id)
        id = conn.execute(query).scalar_one()
        about = REALM, "58", ("71037",), HoldKind.PROMISE, DUE
        history.hold(conn, *about, "UCOLLECT", "promised", NOW, id)
        promises.inherit(conn, REALM, "58", "59")
        conn.execute(update(holds).values(customer="59"))
        history.lift(conn, history.unlifted(conn, REALM, "59"), "ULEAD1", NOW)
        kept = conn.execute(select(promises_table.c.customer, promises_table.c.state)).one()
        assert tuple(kept) == ("59", "withdrawn")
