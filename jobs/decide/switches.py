"""The table of switches: what people can do with a whole company, a row each; and a sweep now.

Buttons, the words after `/overdue`, private answers and the log read it. Connecting and
disconnecting, which call Intuit, are in `jobs.companies`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from jobs import opening
from jobs.decide import access
from jobs.rules.policy.policy import Policy
from jobs.rules.states import Stage
from jobs.store import cases, companies, log, outbox, work
from jobs.store.companies import ConnectedCompany
from jobs.store.customers import families, search
from jobs.store.outbox import MessageKind

NOTICES = "connected:"
"""The key prefix of the notices that ask whether QuickBooks' own reminders are off."""
FIRST_LOOK = "first_look:"
"""The key prefix of the notices with the button to go live."""


@dataclass(frozen=True)
class SwitchRow:
    """What the program has to know about a switch; finance leads alone may use any."""

    name: str
    """The id of its button."""
    stands: Callable[[ConnectedCompany], bool]
    """Whether the company is so already."""
    sets: Callable[[str, datetime], Mapping[str, object]]
    """The columns of the company that it changes, given who did it and when."""
    logged: str
    """What it is called in the log, after "company."."""
    already: str
    """What the company is then, in a word."""
    notice: MessageKind | None = None
    """What the channel is told."""
    then: Callable[[Connection, str, datetime], None] | None = None
    """What follows for the company (its realm) in the same transaction."""
    button: str = ""
    """The label of its button; empty if it has none."""
    typed: str = ""
    """The word after `/overdue`; empty if it is only a button."""
    offers: str = ""
    """What the list of commands says about it."""
    asks: str = ""
    """What would follow, where it is asked once more before it is done; else it is done at once."""
    done: str = ""
    """What the person is told afterwards."""
    done_but: str = ""
    """The same, before a reason why nothing goes out all the same."""
    besides: str = ""
    """What is told in either case."""


def _draw_question_again(conn: Connection, realm: str, now: datetime) -> None:
    for begins in (NOTICES, FIRST_LOOK):
        outbox.draw_again(conn, realm, begins, now)


def _sweep(conn: Connection, realm: str, now: datetime) -> None:
    """It ends what was only rehearsed; what has asked to go live is drawn again."""
    outbox.draw_again(conn, realm, FIRST_LOOK, now)
    work.hurry(conn, realm, "sweep", now)


class Switch(StrEnum):
    """Each switch is its name, with its row."""

    def __new__(cls, row: SwitchRow) -> Switch:
        switch = str.__new__(cls, row.name)
        switch._value_ = row.name
        return switch

    def __init__(self, row: SwitchRow) -> None:
        self._row = row

    @property
    def row(self) -> SwitchRow:
        """What the program has to know about it."""
        return self._row

    PAUSE = SwitchRow(
        "pause",
        stands=lambda company: company.paused_at is not None,
        sets=lambda user, now: {"paused_at": now, "paused_by": user},
        logged="paused",
        already="paused",
        notice=MessageKind.PAUSED,
        typed="pause",
        offers="stop all sending at once (finance leads)",
        done="Sending is paused. Cards, edits and undo still work. `/overdue resume` resumes "
        "sending.",
    )
    RESUME = SwitchRow(
        "resume",
        stands=lambda company: company.paused_at is None,
        sets=lambda _user, _now: {"paused_at": None, "paused_by": None},
        logged="resumed",
        already="running",
        notice=MessageKind.RESUMED,
        then=cases.hurry_approved,
        button="Resume sending",
        typed="resume",
        offers="start sending again (finance leads; asks once)",
        asks="Sending is paused. Once it is resumed, approved messages go out after their last "
        "check.",
        done="Sending is resumed. Messages approved meanwhile go out after their last check.",
        done_but="Sending is resumed, but nothing goes out yet",
    )
    GO_LIVE = SwitchRow(
        "go_live",
        stands=lambda company: company.live,
        sets=lambda _user, _now: {"mode": "live"},
        logged="live",
        already="live",
        notice=MessageKind.LIVE,
        then=_sweep,
        button="Go live",
        typed="live",
        offers="leave shadow mode (finance leads; asks once)",
        asks="Once the company is live, approved messages go to customers, with a note in "
        "QuickBooks.",
        done="Live: approved messages are sent from now on.",
        done_but="Live, but nothing goes out yet",
        besides="Open cards stay; what was approved in shadow mode is checked again.",
    )
    GO_SHADOW = SwitchRow(
        "go_shadow",
        stands=lambda company: not company.live,
        sets=lambda _user, _now: {"mode": "shadow"},
        logged="shadow",
        already="in shadow mode",
        notice=MessageKind.SHADOW,
        button="Switch to shadow mode",
        typed="shadow",
        offers="go back to shadow mode (finance leads; asks once)",
        asks="In shadow mode cards still appear, but no e-mail is sent and approved messages wait.",
        done="Shadow mode: cards still appear, but no e-mail is sent and nothing is written to "
        "QuickBooks.",
    )
    REMINDERS_OFF = SwitchRow(
        "reminders_off",
        stands=lambda company: company.reminders_off_at is not None,
        sets=lambda user, now: {"reminders_off_by": user, "reminders_off_at": now},
        logged="reminders_off",
        already="confirmed",
        then=_draw_question_again,
        button="QuickBooks' reminders are off",
        done="Noted: QuickBooks' own reminders are off.",
    )

    def ready(
        self,
        conn: Connection,
        policy: Policy,
        company: ConnectedCompany,
        user: str,
        now: datetime,
    ) -> bool:
        """Whether there is anything to do: False if the company is so already.

        Raises VerbRefused if this person may not do it; with REMINDERS_ON if nobody has confirmed
        yet that QuickBooks' own reminders are off.
        """
        access.lead(conn, policy, user, now)
        stands = self.row.stands(company)
        if self is Switch.GO_LIVE and not stands and not company.reminders_off_at:
            raise access.VerbRefused(access.Reply(access.Answer.REMINDERS_ON))
        return not stands

    def turn(
        self,
        conn: Connection,
        policy: Policy,
        company: ConnectedCompany,
        user: str,
        now: datetime,
    ) -> bool:
        """Do it, log it, redraw the affected cards, and tell the channel who did it.

        False if the company was so already. Raises VerbRefused.
        """
        if not self.ready(conn, policy, company, user, now):
            return False
        row, realm = self.row, company.realm
        companies.change(conn, realm, **row.sets(user, now))
        if row.then:
            row.then(conn, realm, now)
        action = f"company.{row.logged}"
        if row.notice:
            key = f"{action}:{realm}:{now.isoformat()}"
            outbox.say(conn, company, row.notice, key, {"by": user}, now)
        cases.redraw_pending(conn, realm, now)
        log.note(conn, log.Entry(realm, action, user, now))
        return True


@dataclass(frozen=True)
class DryRun:
    """What a run would do with the ledger as it was last read."""

    stages: Mapping[Stage, int]
    """How many invoices would reach each stage."""
    customers: int
    joining: int
    """How many of these customers have an open case, which their invoices would join."""
    more: bool
    """Whether only the first `MOST_DRY` customers were looked at."""


MOST_DRY = 500
"""How many customers a dry run looks at: a command is answered within three seconds."""


def run_dry(
    conn: Connection, policy: Policy, company: ConnectedCompany, user: str, now: datetime
) -> DryRun:
    """Say what a run would do, from the mirror alone. Raises VerbRefused."""
    _check_named(conn, policy, user, now)
    late = search.late_customers(conn, company.realm, company.today(now), MOST_DRY + 1)
    payers = set(families.billed_by(conn, company.realm, late[:MOST_DRY]).values())
    found = opening.would_cross(conn, policy, company, payers, now)
    stages = Counter(one.stage for theirs in found.values() for one in theirs)
    who = {customer for customer, _ in found}
    joining = {customer for customer, _ in cases.open_cases(conn, company.realm, who)}
    return DryRun(stages, len(who), len(joining), len(late) > MOST_DRY)


def _check_named(conn: Connection, policy: Policy, user: str, now: datetime) -> None:
    """Allow anybody whom the policy names. Raises VerbRefused."""
    if not access.known(conn, policy, user, now):
        raise access.VerbRefused(access.NOT_THEIRS)


def run_now(
    conn: Connection, policy: Policy, company: ConnectedCompany, user: str, now: datetime
) -> None:
    """Sweep now; anybody the policy names may ask for it. Raises VerbRefused."""
    _check_named(conn, policy, user, now)
    work.hurry(conn, company.realm, "sweep", now)
    log.note(conn, log.Entry(company.realm, "sweep.asked", user, now))
