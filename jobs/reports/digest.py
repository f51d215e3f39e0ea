"""The morning's digest of a company: what there is to decide, what has changed, who is waited for.

On business days at the hour of the policy; a missed one is caught up on the same day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any

from sqlalchemy import Connection

from jobs import approvals
from jobs.engine.services import Services
from jobs.engine.step import Step, scheduled, tries_again
from jobs.reports import lists
from jobs.reports.cash import outlook
from jobs.reports.picture import bar
from jobs.rules.case import Decided
from jobs.rules.facts.facts import Facts
from jobs.rules.policy.business_days import (
    add_working_days,
    digest_at,
    is_business_day,
    last_digest,
    next_digest,
)
from jobs.rules.policy.policy import Policy
from jobs.rules.rulings import Kind, Ruling
from jobs.rules.states import State
from jobs.store import assessments, companies, drafts, outbox, work
from jobs.store.cases import Case
from jobs.store.companies import ConnectedCompany
from jobs.store.customers import families, history, marks
from jobs.store.outbox import MessageKind
from jobs.store.reports import case_lists
from jobs.store.work import Claim

KIND = "digest"
SHORTLY = timedelta(seconds=10)
FRESH = timedelta(minutes=1)
PATIENCE = timedelta(minutes=10)
"""How long after its hour, or after the sweep, to wait for cases that are being prepared."""
MOST_TOP = 5
MOST_LINES = 10


def step(services: Services) -> Step:
    """The digest step: one row per company."""
    again = tries_again(after=timedelta(hours=1))
    return scheduled(KIND, partial(_tell, services), again, ready=work.connected_and_swept)


def _tell(services: Services, conn: Connection, claim: Claim, now: datetime) -> None:
    company = companies.need(conn, claim.row.company)
    policy = services.for_company(company.realm).policy
    today, zone = company.today(now), company.zone
    due = digest_at(today, zone, policy)
    if not is_business_day(today, policy) or now < due:
        work.settle(conn, claim, next_digest(now, zone, policy))
        return
    if _not_ready(conn, company, due, now):
        work.settle(conn, claim, now + SHORTLY)
        return
    if work.settle(conn, claim, next_digest(now, zone, policy)):
        key = f"{KIND}:{company.realm}:{today}"
        data = Morning(conn, policy, company, now).told()
        outbox.say(conn, company, MessageKind.DIGEST, key, data, now)


def _not_ready(conn: Connection, company: ConnectedCompany, due: datetime, now: datetime) -> bool:
    """Whether the ledger is just being read; for a while also while cases are being prepared."""
    assert company.swept_at is not None
    shortly, realm = now + timedelta(minutes=1), company.realm
    if work.under_way(conn, realm, "sweep", shortly):
        return True
    if now >= max(due, company.swept_at) + PATIENCE:
        return False
    return case_lists.any_new_due(conn, realm, shortly) or not _fresh(conn, realm, now)


def _fresh(conn: Connection, realm: str, now: datetime) -> bool:
    """Whether the outlook knows the cases of this morning; asks for one that does."""
    made = outlook.latest(conn, realm)
    if made is None:
        return False  # it is made as soon as the habits are known
    newest = outbox.newest_card(conn, realm)
    if made.at < now - FRESH or (newest and made.at < newest):
        work.bring_forward(conn, realm, "outlook", now)
        return False
    return True


Told = dict[str, Any]
Some = tuple[list[Told], int]
"""The first entries of a list, and how many more there are."""


def _for(whom: str, user: str = "", name: str = "") -> dict[str, Any]:
    return {"for": whom, "user": user, "name": name}


@dataclass(frozen=True)
class Morning:
    """What a digest tells, read from the record at `now`."""

    conn: Connection
    policy: Policy
    company: ConnectedCompany
    now: datetime

    def told(self) -> dict[str, Any]:
        """Plain JSON: ids, names, amounts as text, dates."""
        since = last_digest(self.now - SHORTLY, self.company.zone, self.policy)
        counted, waiting = self._waiting(since)
        lists: dict[str, Some] = waiting | {
            "stuck": self._stuck(),
            "to_review": self._to_review(),
            "marks": self._marks(),
            "calls": self._calls(),
        }
        return {
            "realm": self.company.realm,
            "company": self.company.name,
            "day": self.company.today(self.now).isoformat(),
            "since": since.isoformat(),
            "held_up": self.company.held_up(),
            "shadow_channel": self.company.shadow_channel,
            "changed": case_lists.happened(self.conn, self.company.realm, since),
            "more": {name: more for name, (_, more) in lists.items()},
            **{name: told for name, (told, _) in lists.items()},
            **self._outlook(),
            **counted,
        }

    def _waiting(self, since: datetime) -> tuple[Told, dict[str, Some]]:
        """The cases that wait for somebody: how many to decide, the largest, and two lists.

        Those stopped since then, and for whom somebody waits.
        """
        waiting = list(chain.from_iterable(case_lists.waiting(self.conn, self.company.realm)))
        rulings = assessments.rulings(self.conn, waiting)
        names = families.names(self.conn, self.company.realm, {one.customer for one in waiting})
        bars = {one.id: bar(one, rulings[one.id]) for one in waiting}
        free = [one for one in waiting if bars[one.id] is None]
        stopped = [one for one in waiting if bars[one.id] in (Kind.STOP, Kind.NEVER)]
        new = [one for one in stopped if one.row.opened_at >= since]
        stops = [self._stop(one, names, rulings[one.id]) for one in new[:MOST_LINES]]
        waited_for = list(self._waited_for(waiting, bars, names))
        counted = {
            "to_decide": len(free),
            "top": [self._case(one, names) for one in free[:MOST_TOP]],
            "stopped_before": len(stopped) - len(new),
        }
        return counted, {
            "stopped": (stops, len(new) - len(stops)),
            "waited_for": (waited_for[:MOST_LINES], len(waited_for[MOST_LINES:])),
        }

    def _outlook(self) -> dict[str, Any]:
        """The cash outlook, and the names of the customers that it speaks of."""
        made = outlook.latest(self.conn, self.company.realm)
        if made is None:
            return {"outlook": None, "named": {}}
        dumped = outlook.OUTLOOK.dump_python(made.outlook, mode="json")
        return {"outlook": dumped, "named": outlook.named(self.conn, self.company, made)}

    def _case(self, case: Case, names: Mapping[str, str]) -> dict[str, Any]:
        """A name, an amount and how late it is against the customer's habit."""
        facts = self._facts(case)
        habit = facts.habit.median_days_late if facts.habit else None
        told = {"case": case.id, "customer": names.get(case.customer, case.customer)}
        asked = {"amount": str(facts.asked.amount), "currency": facts.currency}
        return told | asked | {"days": facts.days_overdue, "usual": habit}

    def _stop(
        self, case: Case, names: Mapping[str, str], rulings: Iterable[Ruling]
    ) -> dict[str, Any]:
        rules = [r.rule for r in rulings if r.kind in (Kind.STOP, Kind.NEVER)]
        return self._case(case, names) | {"rule": rules[0] if rules else ""}

    def _facts(self, case: Case) -> Facts:
        return assessments.facts_of_case(self.conn, case, self.now)

    def _waited_for(
        self, waiting: Iterable[Case], bars: Mapping[str, Kind | None], names: Mapping[str, str]
    ) -> Iterator[dict[str, Any]]:
        """What has waited for one person, or one kind of person, for over a working day."""
        for case in waiting:
            found = self._assigned(case)
            if found is None and bars[case.id] is None:
                found = self._next_look(case)
            if found and self._long_ago(found[1]):
                on = {"case": case.id, "customer": names.get(case.customer, case.customer)}
                yield found[0] | on | {"since": found[1].isoformat()}

    def _assigned(self, case: Case) -> tuple[dict[str, Any], datetime] | None:
        """Whom it was assigned to, and when."""
        made = (d for d in drafts.decided(self.conn, case.id) if d.kind == Decided.ASSIGN)
        last = next(reversed(list(made)), None) if case.row.assigned_to else None
        return (_for("assigned", case.row.assigned_to), last.at) if last else None

    def _next_look(self, case: Case) -> tuple[dict[str, Any], datetime] | None:
        """Whose approval or look is missing after the first step, and since when."""
        assert case.draft is not None
        on = (self.conn, self.policy, case)
        by = approvals.grounds(*on, self._facts(case), self.now)
        standing = approvals.standing(*on, case.draft, by, self.now)
        if standing.given and standing.missing:
            lead = standing.lead_needed and not standing.lead_given
            return _for("lead" if lead else "another"), standing.given[-1].at
        if standing.open(self.now):
            return None
        who = by.manager
        return _for("manager", *((who.user, who.name) if who else ())), by.judged.made_at

    def _long_ago(self, since: datetime) -> bool:
        """Whether a working day has passed since then."""
        day = since.astimezone(self.company.zone).date()
        passed = add_working_days(day, 1, self.policy) - day
        return since + passed <= self.now

    def _stuck(self) -> Some:
        """What cannot go on by itself: unknown sends, and approvals whose time has passed."""
        some, count = case_lists.stuck(self.conn, self.company.realm, self.now, MOST_LINES)
        names = families.names(self.conn, self.company.realm, [one.customer for one in some])
        told = [
            {
                "case": one.id,
                "customer": names.get(one.customer, one.customer),
                "unknown": one.state is State.UNKNOWN,
                "why": one.row.last_error,
            }
            for one in some
        ]
        return told, count - len(told)

    def _marks(self) -> Some:
        """Marks whose review date has come."""
        today, realm = self.company.today(self.now), self.company.realm
        due = marks.to_review(self.conn, realm, today)
        names = families.names(self.conn, realm, [row.customer for row in due])
        told = [
            {
                "customer": names.get(row.customer, row.customer),
                "mark": row.kind,
                "by": row.set_by,
                "on": row.review_on.isoformat(),
            }
            for row in due[:MOST_LINES]
        ]
        return told, len(due) - len(told)

    def _calls(self) -> Some:
        """Whom to call today after the final message, those who have waited longest first."""
        due, more = lists.calls_due(self.conn, self.company, None, self.now)
        told = [
            {"customer": one.name, "phone": one.phone, "since": one.due.isoformat()} for one in due
        ]
        return told, more

    def _to_review(self) -> Some:
        """Holds whose review date has come: nothing is parked for ever."""
        today = self.company.today(self.now)
        due, count = history.listed_holds(
            self.conn, self.company.realm, None, MOST_LINES, until=today
        )
        names = families.names(self.conn, self.company.realm, [row.customer for row in due])
        told = [
            {
                "customer": names.get(row.customer, row.customer),
                "invoice": row.number or "",
                "kind": row.kind,
                "by": row.set_by,
                "until": row.until.isoformat(),
            }
            for row in due
        ]
        return told, count - len(told)
