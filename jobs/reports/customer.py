"""A customer as people see it beside its cards: found by name, what is said, how it stands."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from jobs.reports.picture import Only, card_link
from jobs.rules.case import Decided
from jobs.rules.facts.delays import Delay
from jobs.rules.facts.facts import Habit
from jobs.rules.facts.findings import Counterpart
from jobs.rules.figures import Money, total
from jobs.rules.policy.policy import Policy
from jobs.rules.policy.rights import Manager
from jobs.rules.states import Stage
from jobs.sources.configured import absent
from jobs.store import assessments, cases, companies, drafts
from jobs.store.cases import Case
from jobs.store.customers import families, forecasts, managers, marks, search
from jobs.store.customers.marks import SaidInSlack
from jobs.store.intake import ledger
from jobs.store.reports import case_lists

MOST_FOUND = 8
"""How many matches a person chooses from."""
LOOKED_AT = 2000
"""How many names that share a piece are compared with what was typed."""
CLOSE = 0.7
"""How alike a name has to be, from 0 to 1 (difflib)."""


@dataclass(frozen=True)
class Found:
    """A billed customer that what was typed may mean. `name` is outside text."""

    id: str
    name: str
    case: str = ""
    """The case of that number, if one was typed."""
    invoice: str = ""
    """The invoice of that number."""


def find(conn: Connection, realm: str, typed: str, only: Only) -> list[Found]:
    """What `typed` may mean: a case's or an invoice's number, or (part of) a customer's name.

    Each customer once; `only` limits it to these. A name that was typed whole counts alone; one
    that is merely alike, where none holds the words.
    """
    exact = list(_by_number(conn, realm, typed.lstrip("#")))
    found = _allowed(exact, only)
    if found:
        return found
    words = typed.split()
    named = search.customers_named(conn, realm, words, MOST_FOUND * 4)
    whole = [one for one in named if one[1].casefold() == " ".join(words).casefold()]
    named = whole or named or _alike(conn, realm, typed)
    return _allowed(_billed(conn, realm, named), only)[: MOST_FOUND + 1]


def _by_number(conn: Connection, realm: str, number: str) -> Iterator[Found]:
    try:
        case = cases.get(conn, number)
    except cases.Missing:
        case = None
    if case and case.company == realm:
        yield Found(case.customer, _name(conn, realm, case.customer), case=case.id)
    numbered = search.invoices_numbered(conn, realm, number, MOST_FOUND)
    billed = families.billed_by(conn, realm, [customer for _, customer in numbered])
    for called, customer in numbered:
        payer = billed[customer]
        yield Found(payer, _name(conn, realm, payer), invoice=called)


def _alike(conn: Connection, realm: str, typed: str) -> list[tuple[str, str]]:
    """Customers whose names are alike, for somebody who mistyped one; the most alike first."""
    words = [word for word in typed.split() if len(word) > 2]
    pieces = {piece for word in words for piece in (word[:3], word[-3:])}
    some = search.customers_like(conn, realm, pieces, LOOKED_AT)
    by_name = {name.casefold(): (id, name) for id, name in some}
    close = difflib.get_close_matches(typed.casefold(), by_name, MOST_FOUND, CLOSE)
    return [by_name[name] for name in close]


def _billed(conn: Connection, realm: str, named: Iterable[tuple[str, str]]) -> Iterator[Found]:
    some = list(named)
    billed = families.billed_by(conn, realm, [id for id, _ in some])
    names = families.names(conn, realm, set(billed.values()))
    for id, name in some:
        yield Found(billed[id], names.get(billed[id], name))


def _allowed(some: Iterable[Found], only: Only) -> list[Found]:
    found: dict[tuple[str, str], Found] = {}
    for one in some:
        if only is None or one.id in only:
            found.setdefault((one.id, one.case or one.invoice), one)
    return list(found.values())


def _name(conn: Connection, realm: str, customer: str) -> str:
    return families.names(conn, realm, [customer]).get(customer, customer)


@dataclass(frozen=True)
class CustomerView:
    """A billed customer of one company (`company` is its realm). `name` is outside text."""

    company: str
    id: str
    name: str
    today: date
    """In the company's zone."""
    said: SaidInSlack
    in_file: tuple[str, ...]
    """The kinds of mark that the policy file gives it."""
    manager: Manager | None
    """Who looks after it, whoever says so."""
    counterparts: Mapping[str, tuple[Counterpart, ...]]
    """Of each source that keeps such records, whom it took for this customer."""

    @property
    def sources(self) -> list[str]:
        """The sources in which a person can name a record of this customer."""
        return sorted({*self.counterparts, *(source for source, _ in self.said.known_as)})


def customer_view(
    conn: Connection, policy: Policy, company: str, customer: str, now: datetime
) -> CustomerView:
    """What stands about this customer, which the mirror must have."""
    latest = case_lists.latest_of(conn, company, customer)
    findings = assessments.present(conn, latest).findings if latest else {}
    return CustomerView(
        company=company,
        id=customer,
        name=_name(conn, company, customer),
        today=companies.need(conn, company).today(now),
        said=marks.said_about(conn, company, customer),
        in_file=tuple(mark.kind for mark in policy.marks(customer)),
        manager=managers.account_manager(conn, company, customer, policy, findings, now),
        counterparts={
            source: found.counterparts
            for source, found in findings.items()
            if found.counterparts is not None
        },
    )


@dataclass(frozen=True)
class OwedIn:
    """What a customer owes in one currency."""

    open: Money
    overdue: Money
    invoices: int
    days_overdue: int
    """Of the oldest invoice; 0 if none is overdue."""


@dataclass(frozen=True)
class LastContact:
    """Our last message to the customer, and who approved it (Slack user ids)."""

    at: datetime
    stage: Stage
    approved_by: tuple[str, ...]


@dataclass(frozen=True)
class OpenCase:
    """An open case of the customer, and the URL of its card, or empty."""

    case: Case
    link: str


@dataclass(frozen=True)
class RiskSummary:
    """How a customer stands: from the mirror and our own record, so it may be hours old."""

    about: CustomerView
    as_of: datetime | None
    """When the ledger was last read whole."""
    owed: tuple[OwedIn, ...]
    habit: Habit | None
    """As the last case found it; `delay`, which is read for all customers, says more."""
    delay: Delay | None
    disputed: int
    """Disputes that stand."""
    disputes: int
    """Disputes that there ever were."""
    last_contact: LastContact | None
    colleague_wrote_at: datetime | None
    gathered_at: datetime | None
    """When habit and sources were last looked at; None if there never was a case."""
    absent: tuple[str, ...]
    """Sources that are not connected, by choice."""
    down: tuple[str, ...]
    """Sources that could not be read."""
    open_cases: tuple[OpenCase, ...]
    """At most one in each currency."""
    promises: tuple[int, int] | None = None
    """How many promises were kept, of how many that have ended; None if there never was one."""


def risk(
    conn: Connection, policy: Policy, realm: str, customer: str, workspace: str, now: datetime
) -> RiskSummary:
    """How this billed customer stands; `workspace` is the base URL of links to cards."""
    company = companies.need(conn, realm)
    latest = case_lists.latest_of(conn, realm, customer)
    judged = assessments.present(conn, latest) if latest else assessments.NOT_YET
    facts = assessments.facts(conn, latest) if latest else None
    disputed, ever = search.disputes(conn, realm, customer)
    wrote = [found.we_wrote_at for found in judged.findings.values() if found.we_wrote_at]
    return RiskSummary(
        about=customer_view(conn, policy, realm, customer, now),
        as_of=company.swept_at,
        owed=tuple(owed_by(conn, realm, customer, company.today(now))),
        habit=facts.habit if facts else None,
        delay=forecasts.usual_delays(conn, realm, {customer}).get(customer),
        disputed=disputed,
        disputes=ever,
        last_contact=_last_contact(conn, realm, customer),
        colleague_wrote_at=max(wrote, default=None),
        gathered_at=judged.made_at if facts else None,
        absent=absent(judged.findings) if judged.findings else (),
        down=judged.down,
        open_cases=tuple(
            OpenCase(one, card_link(conn, one.id, workspace))
            for _, one in sorted(cases.open_cases(conn, realm, [customer]).items())
        ),
        promises=search.promises_kept(conn, realm, customer),
    )


def owed_by(conn: Connection, realm: str, customer: str, today: date) -> Iterator[OwedIn]:
    """What a billed customer owes, by currency, from the mirror."""
    members: Collection[str] = families.members_of(conn, realm, [customer])[customer]
    invoices = [found.invoice for found in ledger.open_of(conn, realm, members)]
    for currency in sorted({one.open.currency for one in invoices}):
        some = [one for one in invoices if one.open.currency == currency]
        late = [one for one in some if one.due < today]
        yield OwedIn(
            open=total((one.open for one in some), currency),
            overdue=total((one.open for one in late), currency),
            invoices=len(some),
            days_overdue=max((one.days_overdue(today) for one in late), default=0),
        )


def _last_contact(conn: Connection, realm: str, customer: str) -> LastContact | None:
    row = search.last_message(conn, realm, customer)
    if row is None:
        return None
    given = drafts.decided_on(conn, row.draft, Decided.APPROVE)
    return LastContact(row.began_at, Stage(row.stage), tuple(one.actor for one in given))
