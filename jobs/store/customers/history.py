"""Our own history with a customer: contacts, holds and addresses, in the form the rules need."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Row,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from jobs.rules.facts.addresses import is_address
from jobs.rules.facts.facts import InvoiceStatus
from jobs.rules.facts.past import AddressContact, Contact, Hold, HoldKind, Past
from jobs.rules.rulings import Ruling
from jobs.rules.states import Stage, State
from jobs.store import crossings
from jobs.store.cases import Case
from jobs.store.customers import families, heard, managers, marks, promises, replies
from jobs.store.database.tables import (
    addresses,
    carbon_copies,
    cases,
    companies,
    confirmed_names,
    customers,
    drafts,
    holds,
    invoices,
    of_customer,
    sends,
    sent_cc,
)
from jobs.store.database.upsert import insert_new, upsert
from jobs.store.intake import ledger
from jobs.store.sends import CONTACT

LEDGER = "ledger"
"""The source of an address that nobody has chosen."""


def past(
    conn: Connection,
    company: str,
    customer: str,
    addresses: tuple[str, ...] = (),
    allowed_anyway: tuple[Ruling, ...] = (),
) -> Past:
    """Our history with this customer, and with these addresses, which may be others' too."""
    rows = _addresses(conn, company, customer)
    return Past(
        contacts=contacts(conn, company, customer),
        holds=_still_open(conn, company, unlifted(conn, company, customer)),
        known_addresses=frozenset(row.address for row in rows),
        confirmed_address=next((row.address for row in rows if row.chosen), ""),
        cc=chosen_cc(conn, company, customer),
        confirmed_at=next((row.set_at for row in rows if row.chosen), None),
        bounced=frozenset(row.address for row in rows if row.bounced_at),
        wrong=frozenset(row.address for row in rows if row.bounced_at and _by_a_person(row)),
        last_contact_to_address=last_to(conn, company, addresses),
        allowed_anyway=allowed_anyway,
        confirmed_names=_confirmed_names(conn, company, customer),
        marks=marks.as_rules_see(conn, company, customer),
        account_manager=managers.named_in_slack(conn, company, customer),
        settled=replies.settled(conn, company, customer) | heard.settled(conn, company, customer),
        read=heard.read(conn, company, customer),
        broken=promises.broken(conn, company, customer),
    )


def _confirmed_names(conn: Connection, company: str, customer: str) -> frozenset[str]:
    return frozenset(conn.scalars(_CONFIRMED, {"company": company, "customer": customer}))


_CONFIRMED = select(confirmed_names.c.sha256).where(of_customer(confirmed_names))


def confirm_name(
    conn: Connection, company: str, customer: str, sha256: str, by: str, now: datetime
) -> None:
    """Record that a finance lead confirmed the customer's name with this fingerprint."""
    row = {"company": company, "customer": customer, "sha256": sha256}
    upsert(conn, confirmed_names, [{**row, "set_by": by, "set_at": now}])


def unlifted(conn: Connection, company: str, customer: str) -> tuple[Hold, ...]:
    """The holds of a customer that nobody has lifted, whether or not they have expired."""
    rows = conn.execute(_UNLIFTED, {"company": company, "customer": customer})
    return tuple(Hold(r.id, HoldKind(r.kind), r.invoice, r.until, r.set_by, r.reason) for r in rows)


_UNLIFTED = (
    select(holds).where(of_customer(holds), holds.c.lifted_at.is_(None)).order_by(holds.c.id)
)


def _still_open(conn: Connection, company: str, found: tuple[Hold, ...]) -> tuple[Hold, ...]:
    """Without holds on settled invoices: nothing is left to dispute or promise there."""
    known = ledger.mirrored(conn, company, [h.invoice for h in found if h.invoice])
    settled = {id for id, m in known.items() if m.invoice.status is not InvoiceStatus.OPEN}
    return tuple(hold for hold in found if hold.invoice not in settled)


def held_invoices(
    conn: Connection, company: str, customers: Iterable[str], today: date
) -> set[tuple[str, str]]:
    """(customer, invoice) for each hold in force on an invoice of these customers."""
    wanted = (
        (holds.c.company == company)
        & holds.c.customer.in_(sorted(customers))
        & holds.c.lifted_at.is_(None)
        & (holds.c.invoice != "")
        & (holds.c.until > today)
    )
    rows = conn.execute(select(holds.c.customer, holds.c.invoice).where(wanted))
    return {(customer, invoice) for customer, invoice in rows}


def listed_holds(
    conn: Connection,
    company: str,
    customers: Collection[str] | None,
    most: int,
    until: date | None = None,
) -> tuple[Sequence[Row[Any]], int]:
    """The holds in force, each with the `number` of its invoice, the first to be reviewed first.

    And how many there are. `customers` limits it to these; None is everybody. `until` limits it to
    those whose review date is no later.
    """
    wanted = (holds.c.company == company) & holds.c.lifted_at.is_(None) & ~_of_a_snooze()
    if until is not None:
        wanted &= holds.c.until <= until
    if customers is not None:
        wanted &= holds.c.customer.in_(customers)
    count = conn.execute(select(func.count()).select_from(holds).where(wanted)).scalar_one()
    named = (invoices.c.company == holds.c.company) & (invoices.c.id == holds.c.invoice)
    query = select(holds, invoices.c.number).select_from(holds.outerjoin(invoices, named))
    ordered = query.where(wanted).order_by(holds.c.until, holds.c.id)
    return conn.execute(ordered.limit(most)).all(), count


def _of_a_snooze() -> ColumnElement[bool]:
    """A quiet period behind a snoozed case, which is already listed with its date."""
    asleep = select(cases.c.id).where(
        cases.c.company == holds.c.company,
        cases.c.customer == holds.c.customer,
        cases.c.state == State.SNOOZED,
    )
    return (holds.c.kind == HoldKind.QUIET) & (holds.c.invoice == "") & exists(asleep)


def inherit(conn: Connection, company: str, loser: str, survivor: str) -> None:
    """Two customers were merged: what people decided about `loser` passes to `survivor`.

    That is holds in force with the promises behind them, bounced addresses, who gets copies, what
    was settled of mails, what texts said, marks and the account manager.
    """
    held = (holds.c.company == company) & (holds.c.customer == loser) & holds.c.lifted_at.is_(None)
    conn.execute(update(holds).where(held).values(customer=survivor))
    bad = (
        (addresses.c.company == company)
        & (addresses.c.customer == loser)
        & addresses.c.bounced_at.is_not(None)
    )
    rows = conn.execute(select(addresses).where(bad)).mappings()
    upsert(conn, addresses, [{**row, "customer": survivor, "chosen": False} for row in rows])
    theirs = (carbon_copies.c.company == company) & (carbon_copies.c.customer == loser)
    chosen = conn.execute(select(carbon_copies).where(theirs)).mappings().all()
    insert_new(conn, carbon_copies, [{**row, "customer": survivor} for row in chosen])
    promises.inherit(conn, company, loser, survivor)
    replies.inherit(conn, company, loser, survivor)
    heard.inherit(conn, company, loser, survivor)
    marks.inherit(conn, company, loser, survivor)
    managers.inherit(conn, company, loser, survivor)


def hold(
    conn: Connection,
    company: str,
    customer: str,
    invoices: tuple[str, ...],
    kind: HoldKind,
    until: date,
    by: str,
    reason: str,
    now: datetime,
    promise: str | None = None,
) -> None:
    """Hold these invoices, or the whole customer if none is given, until a review date.

    `promise` is the id of the promise behind it, if there is one.
    """
    rows = [
        {
            "company": company,
            "customer": customer,
            "invoice": invoice,
            "kind": kind,
            "until": until,
            "reason": reason,
            "set_by": by,
            "set_at": now,
            "promise": promise,
        }
        for invoice in invoices or ("",)
    ]
    conn.execute(insert(holds), rows)


def disputing(
    conn: Connection, company: str, customers: Iterable[str], today: date
) -> frozenset[str]:
    """Those of these customers with a dispute about everything that lasts beyond `today`."""
    wanted = (
        (holds.c.company == company)
        & holds.c.customer.in_(sorted(customers))
        & holds.c.lifted_at.is_(None)
        & (holds.c.invoice == "")
        & (holds.c.kind == HoldKind.DISPUTE)
        & (holds.c.until > today)
    )
    return frozenset(conn.scalars(select(holds.c.customer).where(wanted)))


def lift(conn: Connection, found: Iterable[Hold], by: str, now: datetime) -> None:
    """End these holds; one that was already lifted keeps the person who did it."""
    found = tuple(found)
    promises.withdraw(conn, [hold.id for hold in found], now)
    wanted = holds.c.id.in_([hold.id for hold in found]) & holds.c.lifted_at.is_(None)
    conn.execute(update(holds).where(wanted).values(lifted_by=by, lifted_at=now))


def end_quiet(conn: Connection, company: str, customer: str, by: str, now: datetime) -> list[str]:
    """End the quiet period of a customer that a snooze has set; returns the holds' ids."""
    standing = unlifted(conn, company, customer)
    quiet = [h for h in standing if h.kind is HoldKind.QUIET and not h.invoice]
    lift(conn, quiet, by, now)
    return [h.id for h in quiet]


def know_addresses(
    conn: Connection, company: str, found: Mapping[str, Iterable[str]], by: str, now: datetime
) -> None:
    """Store the addresses in the ledger when the company was connected: they count as known.

    `found` is customer → addresses. A person's choice or a bounce already stored is kept.
    """
    rows = [
        _address(company, customer, address, LEDGER, False, by, now)
        for customer, theirs in found.items()
        for address in theirs
        if is_address(address)  # a field may hold any text, and mail only goes to real addresses
    ]
    insert_new(conn, addresses, rows)


def pass_on_addresses(conn: Connection, company: str, after: str, most: int) -> str | None:
    """Copy the known addresses of records that are billed through others to the billed customer.

    At most `most` records, by id, after `after`; returns the id to continue after, or None.
    """
    query = select(addresses.c.customer).where(addresses.c.company == company).distinct()
    page = query.where(addresses.c.customer > after).order_by(addresses.c.customer).limit(most)
    ids = list(conn.scalars(page))
    billed = families.billed_by(conn, company, ids)
    elsewhere = [id for id in ids if billed[id] != id]
    theirs = (addresses.c.company == company) & addresses.c.customer.in_(elsewhere)
    found = theirs & (addresses.c.source == LEDGER) & addresses.c.bounced_at.is_(None)
    rows = conn.execute(delete(addresses).where(found).returning(addresses)).mappings().all()
    insert_new(conn, addresses, [{**row, "customer": billed[row["customer"]]} for row in rows])
    return ids[-1] if ids else None


def confirm_address(
    conn: Connection, company: str, customer: str, address: str, by: str, now: datetime
) -> None:
    """A person picked this address: store it as the customer's only chosen one."""
    owner = (addresses.c.company == company) & (addresses.c.customer == customer)
    conn.execute(update(addresses).where(owner).values(chosen=False))
    upsert(conn, addresses, [_address(company, customer, address, "person", True, by, now)])


def choose_cc(
    conn: Connection,
    company: str,
    customer: str,
    chosen: Iterable[str],
    by: str,
    now: datetime,
) -> None:
    """A person chose who gets copies of messages to this customer, instead of those before."""
    owner = (carbon_copies.c.company == company) & (carbon_copies.c.customer == customer)
    conn.execute(delete(carbon_copies).where(owner))
    row = {"company": company, "customer": customer, "set_by": by, "set_at": now}
    insert_new(conn, carbon_copies, [{**row, "address": one.lower()} for one in chosen])


def chosen_cc(conn: Connection, company: str, customer: str) -> tuple[str, ...]:
    """Who gets copies of messages to this customer, in order."""
    return tuple(conn.scalars(_CC, {"company": company, "customer": customer}))


_CC = (
    select(carbon_copies.c.address)
    .where(of_customer(carbon_copies))
    .order_by(carbon_copies.c.address)
)


def bounced(
    conn: Connection, company: str, customer: str, address: str, by: str, now: datetime
) -> None:
    """Never use this address again: a mail server refused it, or a person said it is wrong."""
    upsert(
        conn,
        addresses,
        [
            {
                **_address(company, customer, address, LEDGER, False, by, now),
                "bounced_at": now,
            }
        ],
    )


def right_after_all(conn: Connection, company: str, customer: str, said_at: datetime) -> None:
    """The person who called an address wrong at `said_at` has taken it back."""
    wrong = (addresses.c.company == company) & (addresses.c.customer == customer)
    wrong &= addresses.c.bounced_at == said_at
    conn.execute(update(addresses).where(wrong).values(bounced_at=None))


def followed(conn: Connection, case: Case) -> str:
    """What has happened with the customer since this case closed, as a sentence, or empty.

    That is a newer case, a hold, a contact, or another case that now asks for the same invoice.
    """
    company, customer, moment = case.company, case.customer, case.row.closed_at
    theirs = (cases.c.company == company) & (cases.c.customer == customer)
    newer = select(cases.c.id).where(theirs, cases.c.id > case.id).limit(1)
    if next_one := conn.execute(newer).scalar():
        return f"Case {next_one} of this customer was opened since."
    held = (holds.c.company == company) & (holds.c.customer == customer)
    if conn.execute(select(holds.c.id).where(held, holds.c.set_at >= moment)).first():
        return "This customer was put on hold since."
    written = select(sends.c.id).join(cases, cases.c.id == sends.c.case_id).where(theirs)
    written = written.where(sends.c.state.in_(CONTACT), sends.c.began_at >= moment)
    if conn.execute(written.limit(1)).first():
        return "This customer has been contacted since."
    if crossings.taken_meanwhile(conn, case):
        return "Another case now asks for an invoice of this case."
    return ""


def queue_up(conn: Connection, company: str, addresses: tuple[str, ...]) -> None:
    """Take turns with other senders for this company or to these addresses, until the commit.

    Always the company first, then the addresses in order, so that no two wait for each other.
    Queries after this see what the sender before has committed. SQLite has a single writer anyway.
    """
    ours = select(companies.c.realm).where(companies.c.realm == company)
    conn.execute(ours.with_for_update(key_share=True))
    if conn.dialect.name == "postgresql":  # an address may have no row that could be locked
        for address in sorted(addresses):
            key = func.hashtextextended(address, 0)
            conn.execute(select(func.pg_advisory_xact_lock(key)))


def sent_since(conn: Connection, company: str, since: datetime) -> int:
    """How many messages of a company were accepted, or may have been, since `since`."""
    query = (
        select(func.count())
        .select_from(sends.join(cases, cases.c.id == sends.c.case_id))
        .where(cases.c.company == company, sends.c.state.in_(CONTACT), sends.c.began_at >= since)
    )
    return conn.execute(query).scalar_one()


def contacts(conn: Connection, company: str, customer: str) -> tuple[Contact, ...]:
    """The messages that this customer has got from us, the oldest first."""
    rows = conn.execute(_CONTACTS, {"company": company, "customer": customer})
    return tuple(_contact(row) for row in rows)


_CONTACTS = (
    select(sends, drafts.c.letter)
    .join(cases, cases.c.id == sends.c.case_id)
    .join(drafts, drafts.c.id == sends.c.draft)
    .where(of_customer(cases), sends.c.state.in_(CONTACT), sends.c.bounced_at.is_(None))
    .order_by(sends.c.began_at)
)


def _contact(row: Any) -> Contact:
    letter = json.loads(row.letter)
    return Contact(
        at=row.began_at,
        stage=Stage(letter["stage"]),
        to=row.recipient,
        invoices=tuple(i["id"] for i in letter["invoices"]),
        subject=letter["subject"],
        message_id=row.message_id,
    )


def last_to(conn: Connection, company: str, addresses: tuple[str, ...]) -> AddressContact | None:
    """The last message to one of these addresses (in lower case), copies included, for any company;
    other companies' customers stay hidden."""
    if not addresses:
        return None
    row = conn.execute(_LAST_TO, {"company": company, "addresses": addresses}).first()
    if row is None:
        return None
    copied = (sent_cc.c.send == row.id) & sent_cc.c.address.in_(addresses)
    copy = select(sent_cc.c.address).where(copied).limit(1)
    to = row.recipient if row.recipient in addresses else conn.scalar(copy)
    return AddressContact(row.began_at, str(to), row.name or "")


_THESE: BindParameter[Any] = bindparam("addresses", expanding=True)
_COPIED = select(sent_cc.c.send).where(sent_cc.c.address.in_(_THESE))
_LAST_TO = (
    select(sends.c.id, sends.c.began_at, sends.c.recipient, customers.c.name)
    .join(cases, cases.c.id == sends.c.case_id)
    .outerjoin(
        customers,
        (customers.c.company == cases.c.company)
        & (customers.c.company == bindparam("company"))
        & (customers.c.id == cases.c.customer),
    )
    .where(sends.c.recipient.in_(_THESE) | sends.c.id.in_(_COPIED))
    .where(sends.c.state.in_(CONTACT), sends.c.bounced_at.is_(None))
    .order_by(sends.c.began_at.desc())
    .limit(1)
)


def _addresses(conn: Connection, company: str, customer: str) -> Sequence[Row[Any]]:
    return conn.execute(_ADDRESSES, {"company": company, "customer": customer}).all()


_ADDRESSES = select(addresses).where(of_customer(addresses))


def _by_a_person(row: Row[Any]) -> bool:
    return not row.set_by.startswith("system:")


def _address(
    company: str, customer: str, address: str, source: str, chosen: bool, by: str, now: datetime
) -> dict[str, Any]:
    return {
        "company": company,
        "customer": customer,
        "address": address.lower(),
        "source": source,
        "chosen": chosen,
        "set_by": by,
        "set_at": now,
        "bounced_at": None,
    }
