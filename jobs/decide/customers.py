"""What people say about a customer: what is special, who looks after it, what a call brought."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from jobs import opening
from jobs.decide import access
from jobs.decide.access import Answer, Reply, VerbRefused
from jobs.rules.phone_calls import LoggedCall
from jobs.rules.policy.policy import Policy
from jobs.rules.policy.rights import sees
from jobs.rules.policy.sections import MARKS
from jobs.rules.states import JOINABLE, Role, State
from jobs.store import cases, companies, log, outbox
from jobs.store.cases import Case, Move
from jobs.store.customers import families, managers, marks, phone_calls, search
from jobs.store.customers.marks import SaidInSlack
from jobs.store.outbox import MessageKind

IN_SLACK = tuple(kind for kind in MARKS if kind != "disputed")
"""What can be said of a customer in Slack; a dispute is a hold of the invoices that it is about."""
DO_NOT_CHASE = "do_not_chase"


@dataclass(frozen=True)
class AboutCustomer:
    """All that is said in Slack from now on: a mark of Slack that is not in it is lifted.

    `account_manager` is a Slack user id; empty leaves it to the policy file and the CRM.
    `review_on`, in the company's zone, is for "do not chase". `seen` is the fingerprint of what
    stood when the person was shown it.
    """

    marks: frozenset[str]
    account_manager: str
    review_on: date | None
    reason: str
    seen: str
    known_as: frozenset[tuple[str, str]] = frozenset()
    """The records of other systems that are this customer: the name of a source, and an id."""

    @property
    def wanted(self) -> dict[str, date | None]:
        """Each mark with its review date, in the order of `IN_SLACK`."""
        dates = {DO_NOT_CHASE: self.review_on}
        return {kind: dates.get(kind) for kind in IN_SLACK if kind in self.marks}


def change(
    conn: Connection,
    policy: Policy,
    company: str,
    customer: str,
    said: AboutCustomer,
    user: str,
    now: datetime,
) -> Reply:
    """Set and lift what a finance lead says about a billed customer. Raises VerbRefused.

    Marks of the policy file, QuickBooks and the CRM stay: they are lifted there. STALE if somebody
    else has changed it since it was shown.
    """
    allow(conn, policy, company, customer, user, now)
    before = marks.said_about(conn, company, customer)
    if said.seen != before.fingerprint:
        raise VerbRefused(Reply(Answer.STALE))
    changed = _set(conn, company, customer, before, said, user, now)
    if marks.said_about(conn, company, customer).fingerprint == before.fingerprint:
        return Reply(Answer.RECORDED)
    words = log.keep_words(conn, said.reason, now)
    data = {"customer": customer, "review_on": said.review_on, **changed, **words}
    log.note(conn, log.Entry(company, "customer.changed", user, now, None, data))
    told = {**changed, "by": user, "reason": said.reason}
    for case in cases.open_cases(conn, company, [customer]).values():
        key = f"customer:{case.version}:{now.isoformat()}"
        outbox.say(conn, case, MessageKind.CUSTOMER_CHANGED, key, told, now)
        _look_again(conn, case, bool(changed["new"]), user, now)
    return Reply(Answer.RECORDED)


def _set(
    conn: Connection,
    company: str,
    customer: str,
    before: SaidInSlack,
    said: AboutCustomer,
    user: str,
    now: datetime,
) -> dict[str, object]:
    """Have what they say stand from now on; returns what of it is news."""
    named = said.account_manager
    if named != before.account_manager:
        access.member(conn, named, now)
        managers.name(conn, company, customer, named, user, now)
        managers.tell(conn, company, now)
    if said.known_as != before.known_as:
        marks.identify(conn, company, customer, said.known_as, user, now)
    new, lifted = marks.change(conn, company, customer, said.wanted, said.reason, user, now)
    manager = {"account_manager": named} if named != before.account_manager else {}
    return {"new": new, "lifted": lifted, **manager, **_identity(before.known_as, said.known_as)}


def open_now(
    conn: Connection, policy: Policy, company: str, customer: str, user: str, now: datetime
) -> Reply:
    """Have what a billed customer owes cross once more, because a person asks. Raises VerbRefused.

    This is about the currencies in which no case is open. If nothing may be asked for in them (it
    is too early, too little, on hold or disputed): DECIDED where a case is open, else
    NOTHING_TO_OPEN.
    """
    see(conn, policy, company, customer, user, now)
    before = cases.open_cases(conn, company, [customer])
    here = companies.need(conn, company)
    members = families.members_of(conn, company, [customer])[customer]
    taken = {currency for _, currency in before}
    search.begin_round(conn, company, members, taken, here.today(now))
    opening.open_cases(conn, policy, here, [customer], f"asked:{user}", now)
    after = cases.open_cases(conn, company, [customer])
    opened = [case for account, case in sorted(after.items()) if account not in before]
    for case in opened:
        data = {"customer": customer}
        log.note(conn, log.Entry(company, "case.asked", user, now, case.id, data))
    if opened:
        return Reply(Answer.RECORDED, opened[0])
    if before:
        raise VerbRefused(Reply(Answer.DECIDED, next(iter(before.values()))))
    raise VerbRefused(Reply(Answer.NOTHING_TO_OPEN))


def log_call(
    conn: Connection, policy: Policy, company: str, customer: str, call: LoggedCall, now: datetime
) -> Reply:
    """Record a call with this billed customer, made by whoever may see it. Raises VerbRefused.

    With another outcome than AGAIN the customer leaves the list until there is a new final message.
    """
    see(conn, policy, company, customer, call.by, now)
    phone_calls.put(conn, company, customer, call)
    words = log.keep_words(conn, call.said, now)
    data = {"customer": customer, "outcome": call.outcome, **words}
    log.note(conn, log.Entry(company, "call.logged", call.by, now, None, data))
    return Reply(Answer.RECORDED)


def see(
    conn: Connection, policy: Policy, company: str, customer: str, user: str, now: datetime
) -> frozenset[Role]:
    """Allow whoever may see this customer's figures; returns their roles. Raises VerbRefused."""
    roles = access.known(conn, policy, user, now)
    only = sees(roles, managers.owned(conn, company, policy, user, now))
    if only is not None and customer not in only:
        raise VerbRefused(access.NOT_THEIRS)
    if not families.names(conn, company, [customer]):
        raise VerbRefused(Reply(Answer.NO_CUSTOMER))
    return roles


def _identity(
    before: frozenset[tuple[str, str]], now: frozenset[tuple[str, str]]
) -> dict[str, object]:
    """What changed of who it is elsewhere: the sources, each with the ids there now."""
    sources = sorted({source for source, _ in before ^ now})
    found = {one: sorted(id for source, id in now if source == one) for one in sources}
    return {"known_as": found} if found else {}


def allow(
    conn: Connection, policy: Policy, company: str, customer: str, user: str, now: datetime
) -> None:
    """Allow finance leads only, and customers that the ledger has. Raises VerbRefused."""
    access.lead(conn, policy, user, now)
    if not families.names(conn, company, [customer]):
        raise VerbRefused(Reply(Answer.NO_CUSTOMER))


def _look_again(conn: Connection, case: Case, marked: bool, user: str, now: datetime) -> None:
    """A draft made without a new mark cannot be approved any more.

    What is approved already is checked again before it is sent.
    """
    if marked and case.state is State.WAITING:
        again = Move(State.WAITING, "customer.marked", user, now)
        access.moved(cases.move(conn, case, again, now, draft=None, **cases.ANEW), case)
    elif case.state in JOINABLE:
        cases.look_again(conn, case.company, [case.customer], now)
    cases.redraw(conn, case.id, now)
