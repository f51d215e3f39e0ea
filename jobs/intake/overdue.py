"""Which overdue invoices of a customer cross a stage now, and which are left alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection

from jobs.rules.facts import Invoice, InvoiceStatus
from jobs.rules.policy import Policy
from jobs.rules.stages import HIGHEST_START, crossing_stage
from jobs.rules.states import Stage
from jobs.store import crossings, history, ledger
from jobs.store.companies import Company
from jobs.store.crossings import Crossing, Standing

Key = tuple[str, str]
"""The customer who is billed, and a currency: at most one open case."""


@dataclass(frozen=True)
class Asked:
    """Some billed customers, and what keeps their overdue invoices from being asked for."""

    today: date
    payers: Mapping[str, str]
    """Customer record → who is billed."""
    worth: Mapping[Key, Decimal]
    """For ordering only."""
    held: frozenset[tuple[str, str]]
    """(Who is billed, invoice): a held or disputed invoice crosses nothing."""
    silent: frozenset[Key]
    """Who disputes everything, or owes too little. A quiet time is a wait, and does cross."""


def asked(
    conn: Connection, policy: Policy, company: Company, customers: set[str], today: date
) -> Asked:
    """Look up what has to be known of them. Worth and smallness are of all their invoices."""
    realm, home = company.realm, company.home_currency
    families = ledger.members_of(conn, realm, customers)
    payers = {member: whose for whose, members in families.items() for member in members}
    held = history.held_invoices(conn, realm, customers, today)
    late, worth = _owed(conn, realm, payers, held, today)
    disputing = history.disputing(conn, realm, customers, today)
    silent = {key for key, owed in late.items() if _too_small(policy, home, key, owed)}
    silent |= {key for key in worth if key[0] in disputing}
    return Asked(today, payers, worth, frozenset(held), frozenset(silent))


def _owed(
    conn: Connection,
    realm: str,
    payers: Mapping[str, str],
    held: set[tuple[str, str]],
    today: date,
) -> tuple[dict[Key, Decimal], dict[Key, Decimal]]:
    """What may be asked for, and what all that is open is worth."""
    late: dict[Key, Decimal] = defaultdict(Decimal)
    worth: dict[Key, Decimal] = defaultdict(Decimal)
    for owed in crossings.owed(conn, realm, payers, today):
        key = payers[owed.customer], owed.currency
        late[key] += owed.overdue
        worth[key] += owed.worth
    for found in ledger.mirrored(conn, realm, [id for _, id in held]).values():
        invoice, payer = found.invoice, payers.get(found.invoice.customer, "")
        if _late(invoice, today) and (payer, invoice.id) in held:
            late[payer, invoice.open.currency] -= invoice.open.amount
    return late, worth


def _late(invoice: Invoice, today: date) -> bool:
    return invoice.status is InvoiceStatus.OPEN and invoice.due < today


def _too_small(policy: Policy, home: str, key: Key, owed: Decimal) -> bool:
    """Eleven small invoices are worth a message, one tiny rest is not."""
    limits = policy.limits(key[1], home)
    return limits is not None and owed < limits.smallest


def reached(asked: Asked, some: Iterable[Standing]) -> dict[Key, list[Crossing]]:
    """What crosses now, by who is billed in which currency."""
    found: dict[Key, list[Crossing]] = defaultdict(list)
    for one in some:
        key = asked.payers[one.customer], one.currency
        held = key in asked.silent or (key[0], one.invoice) in asked.held
        if not held and (stage := _next_stage(one, asked.today)):
            found[key].append(Crossing(one.invoice, one.round, stage))
    return found


def _next_stage(one: Standing, today: date) -> Stage | None:
    """Above the start a stage speaks of the message before it, which has to be over."""
    stage = crossing_stage((today - one.due).days, one.last)
    early = stage is not None and one.undecided and stage > HIGHEST_START
    return None if early else stage
