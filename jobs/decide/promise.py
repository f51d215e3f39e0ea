"""A person settles what a customer wrote: a promise, a plan, disputed invoices, or dealt with.

A verb that was pressed below a reply settles just that of the reply which it is about. It works
whatever has become of the case meanwhile: a hold stands for the customer, not for the case.
"""

from __future__ import annotations

from collections.abc import Collection, Set
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from jobs import opening
from jobs.decide import access
from jobs.decide.access import Answer, Click, Decider, Reply, VerbRefused
from jobs.decide.hold import GOES_ON, Holding, hold, put_on_hold
from jobs.decide.verbs import Verb
from jobs.rules.case import Decided
from jobs.rules.facts.evidence import Stance
from jobs.rules.facts.facts import Invoice
from jobs.rules.facts.past import HoldKind
from jobs.rules.figures import Money, amount, day, listed, total
from jobs.rules.policy.policy import Policy
from jobs.rules.promises import CustomerPromise, Instalment, held_until
from jobs.rules.replies import CAN_BE_SETTLED, CustomerReply
from jobs.rules.states import State
from jobs.store import cases, companies, log, outbox
from jobs.store.cases import Move
from jobs.store.customers import promises, replies
from jobs.store.intake import ledger

SETTLES: dict[Verb, frozenset[Stance]] = {
    Verb.CONFIRM_PROMISE: frozenset({Stance.PROMISE}),
    Verb.PROMISE: frozenset({Stance.PROMISE}),
    Verb.HOLD: frozenset({Stance.PROMISE}),
    Verb.PLAN: frozenset({Stance.PROMISE, Stance.PLAN_REQUEST}),
    Verb.DISPUTE: frozenset({Stance.DISPUTE, Stance.UNCLEAR}),
    Verb.DEALT_WITH: CAN_BE_SETTLED - {Stance.DISPUTE, Stance.PLAN_REQUEST},
}
"""What each verb settles of a reply. A dispute never goes away by itself, nor does a plan."""


@dataclass(frozen=True)
class Agreed:
    """What the customer is to pay, as a person entered it.

    `parts` are days in the company's zone and amounts in the currency of the case, the first day
    first; a single part without an amount means all that is open. No `invoices`: all of the case.
    """

    parts: tuple[tuple[date, Money | None], ...]
    invoices: tuple[str, ...] = ()
    comment: str = ""


def confirm_promise(conn: Connection, policy: Policy, click: Click, now: datetime) -> Reply:
    """Take the customer's own day and amount. Raises VerbRefused: STALE if it names no day."""
    decider, reply = _about(conn, policy, Verb.CONFIRM_PROMISE, click, now)
    if reply is None or reply.promised_on is None:
        raise VerbRefused(Reply(Answer.STALE, decider.case))
    agreed = Agreed(((reply.promised_on, reply.promised),))
    return _agree(conn, policy, decider, reply, HoldKind.PROMISE, agreed, now)


def promise(conn: Connection, policy: Policy, click: Click, agreed: Agreed, now: datetime) -> Reply:
    """A promise that a person has entered. Raises VerbRefused."""
    decider, reply = _about(conn, policy, Verb.PROMISE, click, now)
    return _agree(conn, policy, decider, reply, HoldKind.PROMISE, agreed, now)


def plan(conn: Connection, policy: Policy, click: Click, agreed: Agreed, now: datetime) -> Reply:
    """A plan of instalments that a finance lead has entered. Raises VerbRefused."""
    decider, reply = _about(conn, policy, Verb.PLAN, click, now)
    return _agree(conn, policy, decider, reply, HoldKind.PLAN, agreed, now)


def hold_or_promise(
    conn: Connection, policy: Policy, click: Click, holding: Holding, now: datetime
) -> Reply:
    """Put invoices, or the whole customer, on hold; a promised day is watched. Raises VerbRefused.

    `until` of a promise is the day that the customer named.
    """
    if holding.kind is not HoldKind.PROMISE:
        return hold(conn, policy, click, holding, now)
    decider = access.enter(conn, policy, Verb.HOLD, click, now)
    access.in_state(conn, decider.case, State.WAITING)
    agreed = Agreed(((holding.until, None),), holding.invoices, holding.reason)
    return _agree(conn, policy, decider, None, HoldKind.PROMISE, agreed, now)


def dispute(
    conn: Connection, policy: Policy, click: Click, holding: Holding, now: datetime
) -> Reply:
    """Hold the invoices that are disputed; the others go on. Raises VerbRefused."""
    decider, reply = _about(conn, policy, Verb.DISPUTE, click, now)
    known = {i.id for i in decider.facts.invoices}
    if not holding.invoices or not known.issuperset(holding.invoices):
        raise VerbRefused(Reply(Answer.STALE, decider.case))
    access.decide(conn, policy, decider, now, holding.reason, about=click.reply)
    _settle(conn, decider, reply, now)
    return put_on_hold(conn, decider, holding, now)


def dealt_with(conn: Connection, policy: Policy, click: Click, now: datetime) -> Reply:
    """Somebody has answered, or there is nothing to do. Raises VerbRefused."""
    decider, reply = _about(conn, policy, Verb.DEALT_WITH, click, now)
    if reply is None:
        raise VerbRefused(Reply(Answer.STALE, decider.case))
    access.decide(conn, policy, decider, now, about=click.reply)
    _settle(conn, decider, reply, now)
    cases.look_again(conn, decider.case.company, [decider.case.customer], now)
    return Reply(Answer.RECORDED, cases.get(conn, decider.case.id))


def withdraw(conn: Connection, policy: Policy, click: Click, now: datetime) -> Reply:
    """What was confirmed or entered below a reply was a mistake. Raises VerbRefused.

    Its hold ends, and the reply can be settled again.
    """
    decider = access.enter(conn, policy, Verb.WITHDRAW, click, now)
    case, reply = decider.case, replies.find(conn, click.reply)
    if reply is None or not reply.promise or reply.case != case.id:
        raise VerbRefused(Reply(Answer.STALE, case))
    ended = Decided.TAKE_UP if case.state is State.HELD else None
    access.decide(conn, policy, decider, now, kind=ended, about=reply.promise)
    promises.take_back(conn, reply.promise, decider.user, now)
    replies.reopen(conn, reply, SETTLES[Verb.PLAN])
    told = {"promise": reply.promise, "reply": reply.id}
    if case.state is State.HELD:
        move = Move(State.HELD, "promise.withdrawn", decider.user, None, told)
        access.moved(cases.move(conn, case, move, now, end_reason=GOES_ON), case)
    else:
        entry = log.Entry(case.company, "promise.withdrawn", decider.user, now, case.id, told)
        log.note(conn, entry)
    outbox.redraw_line(conn, case.id, outbox.reply_key(reply.id), now)
    company = companies.need(conn, case.company)
    trigger = f"withdrawn:{reply.promise}"
    opening.open_cases(conn, policy, company, [case.customer], trigger, now)
    cases.look_again(conn, case.company, [case.customer], now)
    return Reply(Answer.RECORDED, cases.get(conn, case.id))


def _about(
    conn: Connection, policy: Policy, verb: Verb, click: Click, now: datetime
) -> tuple[Decider, CustomerReply | None]:
    """Who decides, and the reply below which it was pressed. STALE once that is settled."""
    decider = access.enter(conn, policy, verb, click, now)
    if not click.reply:
        return decider, None
    reply = replies.find(conn, click.reply)
    case = decider.case
    if reply is None or (reply.company, reply.customer) != (case.company, case.customer):
        raise VerbRefused(Reply(Answer.STALE, case))
    if SETTLES[verb].isdisjoint(reply.unsettled):
        raise VerbRefused(Reply(Answer.STALE, case))
    return decider, reply


def _agree(
    conn: Connection,
    policy: Policy,
    decider: Decider,
    reply: CustomerReply | None,
    kind: HoldKind,
    agreed: Agreed,
    now: datetime,
) -> Reply:
    """Store what was agreed on, and hold its invoices until the last day has passed."""
    company = companies.need(conn, decider.case.company)
    about = _open(conn, decider, agreed.invoices)
    until = held_until(agreed.parts[-1][0], policy)
    if not about or until <= company.today(now):
        raise VerbRefused(Reply(Answer.STALE, decider.case))
    made = _made(decider, reply, kind, agreed, about, now)
    replaced = _replace(conn, policy, decider, made.invoices.keys(), now)
    said, stored = _said(made), promises.make(conn, made)
    told = said + replaced
    why = (str(kind), told) if decider.verb is Verb.HOLD else (told, agreed.comment)
    access.decide(conn, policy, decider, now, *why, about=stored)
    _settle(conn, decider, reply, now)
    _note(conn, made, stored, now)
    holding = Holding(kind, until, said, tuple(made.invoices), stored)
    return put_on_hold(conn, decider, holding, now)


def _made(
    decider: Decider,
    reply: CustomerReply | None,
    kind: HoldKind,
    agreed: Agreed,
    about: Collection[Invoice],
    now: datetime,
) -> CustomerPromise:
    case = decider.case
    everything = total((i.open for i in about), case.currency)
    return CustomerPromise(
        id="",
        company=case.company,
        customer=case.customer,
        currency=case.currency,
        case=case.id,
        reply=reply.id if reply else None,
        kind=kind,
        set_by=decider.user,
        set_at=now,
        instalments=tuple(Instalment(due, part or everything) for due, part in agreed.parts),
        invoices={i.id: i.open for i in about},
    )


def _replace(
    conn: Connection, policy: Policy, decider: Decider, about: Set[str], now: datetime
) -> str:
    """Of an invoice only what was agreed on last counts: " (replaces the promise for …)"."""
    case, names = decider.case, []
    for old in promises.open_about(conn, case.company, case.customer, about):
        left = promises.take_out(conn, old, about, policy, decider.user, now)
        told = {"promise": old.id, "invoices": sorted(about & old.invoices.keys())}
        entry = log.Entry(case.company, "promise.replaced", decider.user, now, case.id, told)
        log.note(conn, entry)
        line = replies.get(conn, old.reply) if old.reply else None
        if line and line.case:
            outbox.redraw_line(conn, line.case, outbox.reply_key(line.id), now)
        part, rest = ("part of ", f", of which {_said(left)} is left") if left else ("", "")
        what = "plan" if old.kind is HoldKind.PLAN else "promise"
        names.append(f"{part}the {what} for {day(old.until)}{rest}")
    return f" (replaces {listed(names)})" if names else ""


def _note(conn: Connection, made: CustomerPromise, id: str, now: datetime) -> None:
    data = {
        "promise": id,
        "reply": made.reply,
        "kind": made.kind,
        "instalments": [[one.due, one.amount.amount] for one in made.instalments],
        "invoices": sorted(made.invoices),
    }
    log.note(conn, log.Entry(made.company, "promise.made", made.set_by, now, made.case, data))


def _open(conn: Connection, decider: Decider, chosen: Collection[str]) -> list[Invoice]:
    """The invoices of the case, or the chosen ones of them, that are still open."""
    ids = [i.id for i in decider.facts.invoices if not chosen or i.id in chosen]
    mirrored = ledger.mirrored(conn, decider.case.company, ids)
    found = [mirrored[id].invoice for id in ids if id in mirrored]
    return [i for i in found if i.is_open and i.open.currency == decider.case.currency]


def _said(made: CustomerPromise) -> str:
    """ "$840.00 by December 4, 2026", for the card, the log and the hold."""
    if len(made.instalments) == 1:
        only = made.instalments[0]
        return f"{amount(only.amount)} promised for {day(only.due)}"
    whole = total((one.amount for one in made.instalments), made.currency)
    count = len(made.instalments)
    return f"{amount(whole)} in {count} instalments, the last on {day(made.until)}"


def _settle(conn: Connection, decider: Decider, reply: CustomerReply | None, now: datetime) -> None:
    """Note what is settled now on the reply, or on those that the card quotes."""
    case = decider.case
    quoted = [id for ruling in decider.judged.rulings for id in ruling.evidence]
    below = [reply] if reply else replies.of_texts(conn, case.company, case.customer, quoted)
    for each in below:
        tick_off(conn, decider, each, SETTLES[decider.verb].intersection(each.unsettled), now)


def tick_off(
    conn: Connection, decider: Decider, reply: CustomerReply, stances: Set[Stance], now: datetime
) -> None:
    """Note who has settled this of a reply, if anything: its line in the thread shows what is left.

    Whoever decides has checked that it may be settled.
    """
    if not stances:
        return
    replies.settle(conn, reply, stances, decider.user, now)
    told = {"reply": reply.id, "document": reply.document, "stances": sorted(stances)}
    case = decider.case
    log.note(conn, log.Entry(case.company, "reply.settled", decider.user, now, case.id, told))
    if reply.case:
        outbox.redraw_line(conn, reply.case, outbox.reply_key(reply.id), now)
