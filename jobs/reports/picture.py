"""The read side: a case as a person sees it, and the state of a company at a glance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from jobs import approvals
from jobs.reasoning.cage import unusual_words
from jobs.rules.case import CaseView, SendOutcome
from jobs.rules.facts.evidence import BOUNCE
from jobs.rules.facts.facts import BUCKETS, Facts
from jobs.rules.facts.past import Past
from jobs.rules.figures import Money, total
from jobs.rules.gates import heard
from jobs.rules.gates.cc import known_people
from jobs.rules.letters.slots import values
from jobs.rules.policy.policy import Policy
from jobs.rules.rulings import Kind, Ruling, not_set_aside, strictest
from jobs.rules.states import OPEN, ConnectionStatus, Stage, State
from jobs.sources.configured import absent
from jobs.store import assessments, cases, companies, drafts, outbox, sends
from jobs.store.assessments import Assessment
from jobs.store.cases import Case
from jobs.store.companies import ConnectedCompany
from jobs.store.customers import families, history
from jobs.store.drafts import Draft
from jobs.store.intake import ledger
from jobs.store.reports import case_lists

MOST_CASES = 10
Only = frozenset[str] | None
"""The billed customers that a list is limited to; None means everybody."""


def case_view(conn: Connection, policy: Policy, case_id: str, now: datetime) -> CaseView:
    """Everything a card says about a case. Raises `cases.Missing`."""
    case = cases.get(conn, case_id)
    facts = assessments.facts_of_case(conn, case, now)
    draft = drafts.draft(conn, case.draft) if case.draft else None
    by = approvals.grounds(conn, policy, case, facts, now)
    said = _of_assessment(conn, case, by.judged) | (_of_draft(draft) if draft else {})
    people = known_people(facts, by.judged.findings, draft.letter.to) if draft else ()
    return CaseView(
        facts=facts,
        people=people,
        unusual_words=_unusual_words(draft, facts, policy),
        approvals=approvals.standing(conn, policy, case, draft.id, by, now) if draft else None,
        decisions=drafts.decided(conn, case.id),
        manager=by.manager,
        **_of_case(case),
        **said,
        **_of_end(conn, case),
    )


def listed_cases(
    conn: Connection, policy: Policy, ids: Iterable[str], workspace: str, now: datetime
) -> tuple[ListedCase, ...]:
    """These cases for a short list; `workspace` is the base URL of links."""
    return tuple(
        ListedCase(case_view(conn, policy, id, now), card_link(conn, id, workspace)) for id in ids
    )


def _of_case(case: Case) -> dict[str, Any]:
    row = case.row
    return {
        "id": case.id,
        "version": case.version,
        "state": case.state,
        "shadow": case.shadow,
        "stage": case.stage,
        "allowed_anyway": case.allowed_anyway,
        "assigned_to": row.assigned_to,
        "undo_until": case.undo_until,
        "send_at": row.due_at if case.state is State.APPROVED else None,
        "lapses_at": case.lapses_at,
        "capped": case.state is State.NEW and row.due_at is None,
        "last_error": row.last_error,
    }


def _of_assessment(conn: Connection, case: Case, judged: Assessment) -> dict[str, Any]:
    asked = heard.to_read(judged.rulings)
    to_read = assessments.to_read(conn, case, asked) if asked else ()
    return {
        "class_": judged.class_,
        "summary": judged.summary,
        "judged_by": judged.author,
        "reasons": judged.reasons,
        "evidence": judged.evidence,
        "to_read": to_read,
        "rulings": not_set_aside(judged.rulings, case.allowed_anyway),
        "sources_read": tuple(name for name in judged.findings if name not in judged.down),
        "sources_absent": absent(judged.findings) if judged.findings else (),
        "sources_down": judged.down,
    }


def _of_draft(draft: Draft) -> dict[str, Any]:
    return {
        "draft_id": draft.id,
        "draft_version": draft.version,
        "draft_hash": draft.sha256,
        "letter": draft.letter,
        "edited_by": draft.edited_by,
        "author": draft.author,
        "author_reason": draft.author_reason,
        "violations": draft.violations,
        "changed": draft.changed,
    }


def _unusual_words(draft: Draft | None, facts: Facts, policy: Policy) -> tuple[str, ...]:
    """The words of a person's text that neither the vocabulary nor the case itself has."""
    if draft is None or not draft.edited_by or not facts.invoices:
        return ()
    letter = draft.letter
    placed = values(facts, letter.stage, policy, Past(), draft.deadline)
    text, usual = f"{letter.subject}\n{letter.body}", "\n".join(placed.values())
    return unusual_words(text, usual, letter.language)


def _of_end(conn: Connection, case: Case) -> dict[str, Any]:
    """What became of it: the mail, the note, and whether a rejection can still be undone."""
    note = cases.note_of(conn, case.id)
    return {
        "outcome": _outcome(conn, case),
        "note_state": "" if note is None or note.state in sends.UNWRITTEN else note.state,
        "note_detail": note.detail if note else "",
        "held_up": companies.need(conn, case.company).held_up(shadow=case.shadow),
        "end_reason": case.row.end_reason,
        "closed_at": case.row.closed_at,
        "may_return": case.state is State.REJECTED and not history.followed(conn, case),
    }


def _outcome(conn: Connection, case: Case) -> SendOutcome | None:
    """How the last attempt to send ended, if there was one."""
    # only a finished rehearsal keeps the time at which its approval would have lapsed
    if case.shadow and case.state is State.CANCELLED and case.lapses_at:
        return SendOutcome("shadow", case.row.closed_at)
    row = sends.latest(conn, case.id)
    if row is None or row.state == "in_flight":
        return None
    if row.bounced_at:
        return SendOutcome(BOUNCE, row.bounced_at, row.detail, row.message_id)
    return SendOutcome(row.state, row.ended_at or row.began_at, row.detail, row.message_id)


@dataclass(frozen=True)
class Bucket:
    """How much is open at one age, and in how many invoices."""

    count: int
    open: Money


@dataclass(frozen=True)
class Aging:
    """One currency; `buckets` has the names of `jobs.rules.facts.BUCKETS`, empty ones left out."""

    currency: str
    buckets: Mapping[str, Bucket]

    def amount(self, bucket: str) -> Money:
        """What is open at this age."""
        found = self.buckets.get(bucket)
        return found.open if found else total((), self.currency)

    @property
    def overdue(self) -> Money:
        """Everything past due."""
        return total((self.amount(name) for name in BUCKETS[1:]), self.currency)


@dataclass(frozen=True)
class TopCase:
    """A case in the list; `link` is the URL of its card, or empty."""

    id: str
    customer: str
    open: Money
    days_overdue: int
    stage: Stage
    state: State
    link: str = ""
    bar: Kind | None = None
    """What keeps a waiting case from being approved; see `bar`."""


@dataclass(frozen=True)
class ListedCase:
    """A case as its card shows it, and the URL of the card, or empty."""

    view: CaseView
    link: str


@dataclass(frozen=True)
class Picture:
    """The state of one company, from our mirror of its ledger, at `as_of` (UTC)."""

    company: str
    zone: ZoneInfo
    as_of: datetime | None
    currencies: Sequence[Aging]
    cases: Sequence[TopCase]
    more_cases: int = 0
    shadow: bool = False
    paused_by: str = ""
    paused_at: datetime | None = None
    status: ConnectionStatus = ConnectionStatus.CONNECTED
    reminders_off: bool = True
    whole: bool = True
    """False where only somebody's own customers are shown."""


def of_company(
    conn: Connection,
    company: ConnectedCompany,
    workspace: str,
    now: datetime,
    most: int = MOST_CASES,
    only: Only = None,
) -> Picture:
    """The aging summary and the largest cases; `workspace` is the base URL of links to cards.

    `only` limits everything to these billed customers.
    """
    cases, more = top_cases(conn, company, workspace, now, most, only=only)
    return Picture(
        company=company.name,
        zone=company.zone,
        as_of=company.swept_at,
        currencies=aging(conn, company, now, only),
        cases=cases,
        more_cases=more,
        shadow=not company.live,
        paused_by=company.paused_by or "",
        paused_at=company.paused_at,
        status=company.status,
        reminders_off=company.reminders_off_at is not None,
        whole=only is None,
    )


def aging(
    conn: Connection, company: ConnectedCompany, now: datetime, only: Only = None
) -> tuple[Aging, ...]:
    """What is open in the mirror, by currency and age; currencies are never added together."""
    by_currency: dict[str, dict[str, Bucket]] = defaultdict(dict)
    for one in ledger.aged(conn, company.realm, company.today(now), records(conn, company, only)):
        buckets = by_currency[one.currency]
        before = buckets.get(one.bucket, Bucket(0, total((), one.currency)))
        buckets[one.bucket] = Bucket(before.count + one.count, before.open + one.open)
    home = company.home_currency
    order = sorted(by_currency, key=lambda currency: (currency != home, currency))
    return tuple(Aging(currency, by_currency[currency]) for currency in order)


def records(conn: Connection, company: ConnectedCompany, only: Only) -> list[str] | None:
    """All records billed through these customers, or None for the whole company."""
    if only is None:
        return None
    billed = families.members_of(conn, company.realm, only)
    return sorted(set().union(*billed.values()))


def top_cases(
    conn: Connection,
    company: ConnectedCompany,
    workspace: str,
    now: datetime,
    most: int,
    states: frozenset[State] = OPEN,
    only: Only = None,
) -> tuple[tuple[TopCase, ...], int]:
    """The largest cases in these states, some of each currency, and how many more there are."""
    realm, home = company.realm, company.home_currency
    found, count = case_lists.largest(conn, realm, states, only, home, most)
    names = families.names(conn, realm, [one.case.customer for one in found])
    rulings = assessments.rulings(conn, [one.case for one in found])
    today = company.today(now)
    listed = [
        TopCase(
            id=one.case.id,
            customer=names.get(one.case.customer, one.case.customer),
            open=Money(one.open, one.case.currency),
            days_overdue=max((today - one.since).days, 0) if one.since else 0,
            stage=one.case.stage,
            state=one.case.state,
            link=card_link(conn, one.case.id, workspace),
            bar=bar(one.case, rulings[one.case.id]) if one.case.state is State.WAITING else None,
        )
        for one in found
    ]
    listed.sort(key=lambda one: by_amount(one.open, home))
    return tuple(listed), count - len(listed)


def by_amount(one: Money, home: str) -> tuple[bool, str, Decimal]:
    """A sort key, largest first within each currency: amounts in two are not comparable."""
    return one.currency != home, one.currency, -one.amount


def card_link(conn: Connection, case_id: str, workspace: str) -> str:
    """The URL of a case's card in Slack, or empty while it is not posted."""
    row = outbox.card_place(conn, case_id)
    if row is None or row.ts is None or not workspace:
        return ""
    return f"{workspace.rstrip('/')}/archives/{row.channel}/p{row.ts.replace('.', '')}"


def bar(case: Case, rulings: tuple[Ruling, ...]) -> Kind | None:
    """What keeps a case from being approved: a rule, or that there is no draft (WAIT), or None."""
    kind = strictest(rulings)
    if kind in (Kind.NEVER, Kind.STOP):
        return kind
    return Kind.WAIT if case.draft is None else None
