"""What every verb checks first: who is it, do we know them, is this still the draft they saw."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from jobs.decide.verbs import Verb
from jobs.rules.case import Decided, Decision
from jobs.rules.facts.facts import Facts
from jobs.rules.policy import rights
from jobs.rules.policy.policy import Policy
from jobs.rules.policy.rights import Manager, Who, may, may_run
from jobs.rules.states import Role, State
from jobs.store import assessments, cases, drafts, log, outbox, people
from jobs.store.assessments import Assessment
from jobs.store.cases import Case
from jobs.store.customers import managers
from jobs.store.drafts import Draft
from jobs.store.outbox import MessageKind

NUMBER = re.compile(r"[0-9]{1,9}")
"""A case's number; anything else, such as ² or a number too long for the database, is no case."""


class Answer(StrEnum):
    """What a person is told in private. Only RECORDED and SECOND_NEEDED mean that it was done."""

    RECORDED = "recorded"
    LOOKING_UP = "looking_up"
    NOT_A_MEMBER = "not_a_member"
    NOBODY_CONFIGURED = "nobody_configured"
    NOT_ALLOWED = "not_allowed"
    NO_CASE = "no_case"
    NO_CUSTOMER = "no_customer"
    NOTHING_TO_OPEN = "nothing_to_open"
    ASKED_BEFORE = "asked_before"
    LOOKING_THEM_UP = "looking_them_up"
    CANNOT_ACT = "cannot_act"
    STALE = "stale"
    DECIDED = "decided"
    TOO_LATE = "too_late"
    FOLLOWED = "followed"
    ALREADY_APPROVED = "already_approved"
    NOT_OPEN_YET = "not_open_yet"
    SECOND_NEEDED = "second_needed"
    STOPPED = "stopped"
    STILL_POSSIBLE = "still_possible"
    REMINDERS_ON = "reminders_on"


ABOUT_THEIR_CHOICE = frozenset({Answer.LOOKING_THEM_UP, Answer.CANNOT_ACT})
"""Answers about somebody whom the person has named."""


@dataclass(frozen=True)
class Reply:
    """A verb's answer, with what its sentence needs."""

    answer: Answer
    case: Case | None = None
    detail: str = ""
    """A role in words, a reason, the trouble with an account, or the id of somebody it is about."""
    by: Decision | None = None
    """The earlier decision, if somebody else was first."""
    at: datetime | None = None
    """When it becomes possible, if it is only too early."""

    @property
    def recorded(self) -> bool:
        return self.answer in (Answer.RECORDED, Answer.SECOND_NEEDED)

    def unknown(self, user: str) -> str:
        """Whom Slack has to be asked about before this can be done: the `user`, somebody whom they
        named, or nobody (empty)."""
        asked = {Answer.LOOKING_UP: user, Answer.LOOKING_THEM_UP: self.detail}
        return asked.get(self.answer, "")


NOT_THEIRS = Reply(Answer.NOT_ALLOWED, detail=Who.EDITOR.words)
"""To somebody without a role or a customer of their own."""


class VerbRefused(Exception):
    """A verb was refused; nothing was changed."""

    def __init__(self, said: Reply) -> None:
        super().__init__(said.answer)
        self.said = said


@dataclass(frozen=True)
class Click:
    """Who clicked, and what the button or modal was bound to."""

    user: str
    case: str
    draft: str = ""
    draft_hash: str = ""
    reply: str = ""
    """The id of the customer's reply below which the button stands, if it does."""
    request: str = ""
    """The signature of the request that brought it, unless that is on record already."""


@dataclass(frozen=True)
class Decider:
    """A person we know, and the case with which they may do what `verb` does."""

    verb: Verb
    user: str
    roles: frozenset[Role]
    case: Case
    facts: Facts
    manager: Manager | None
    judged: Assessment
    draft: Draft | None


def enter(conn: Connection, policy: Policy, verb: Verb, click: Click, now: datetime) -> Decider:
    """Lock the case for a person who may do this with it. Raises VerbRefused with the answer."""
    lock(conn, click)
    return look_in(conn, policy, verb, click, now)


def lock(conn: Connection, click: Click) -> None:
    """Lock the case that a click names, if there is one."""
    if NUMBER.fullmatch(click.case):
        cases.lock(conn, click.case)


def look_in(conn: Connection, policy: Policy, verb: Verb, click: Click, now: datetime) -> Decider:
    """Like `enter`, but for reading only, without a lock. Raises VerbRefused.

    Who it is comes first: outsiders do not learn which cases there are.
    """
    roles = known(conn, policy, click.user, now)
    if not NUMBER.fullmatch(click.case):
        raise VerbRefused(Reply(Answer.NO_CASE, detail=click.case))
    try:
        case = cases.get(conn, click.case)
    except cases.Missing:
        raise VerbRefused(Reply(Answer.NO_CASE, detail=click.case)) from None
    judged = assessments.present(conn, case)
    manager = managers.account_manager(
        conn, case.company, case.customer, policy, judged.findings, now
    )
    for who in (Who.EDITOR, verb.row.who):
        if not may(who, click.user, roles, manager):
            raise VerbRefused(Reply(Answer.NOT_ALLOWED, case, who.words))
    facts = assessments.facts_of_case(conn, case, now)
    draft = drafts.draft(conn, case.draft) if case.draft else None
    return Decider(verb, click.user, roles, case, facts, manager, judged, draft)


def known(conn: Connection, policy: Policy, user: str, now: datetime) -> frozenset[Role]:
    """The roles of a person in good standing whose Slack data is fresh. Raises VerbRefused."""
    if not policy.named_users() | policy.named_groups():
        raise VerbRefused(Reply(Answer.NOBODY_CONFIGURED))
    person = people.person(conn, user)
    if person is None or not person.known(now):
        raise VerbRefused(Reply(Answer.LOOKING_UP))
    if person.trouble:
        raise VerbRefused(Reply(Answer.NOT_A_MEMBER, detail=person.trouble))
    return policy.roles(user, people.groups(conn, now))


def sees(
    conn: Connection, policy: Policy, company: str, user: str, now: datetime
) -> frozenset[str] | None:
    """The billed customers whose figures this person may see; None means the whole company.

    Raises VerbRefused for somebody who has neither a role nor a customer of their own.
    """
    roles = known(conn, policy, user, now)
    own = managers.owned(conn, company, policy, user, now)
    if not roles | own:
        raise VerbRefused(NOT_THEIRS)
    return rights.sees(roles, own)


def member(conn: Connection, user: str, now: datetime) -> None:
    """Allow nobody (empty), or a full member whose Slack data is fresh. Raises VerbRefused."""
    person = people.person(conn, user) if user else None
    if user and (person is None or not person.known(now)):
        raise VerbRefused(Reply(Answer.LOOKING_THEM_UP, detail=user))
    if person and person.trouble:
        raise VerbRefused(Reply(Answer.CANNOT_ACT, detail=user))


def lead(conn: Connection, policy: Policy, user: str, now: datetime) -> None:
    """Allow finance leads only. Raises VerbRefused."""
    if not may_run(known(conn, policy, user, now)):
        raise VerbRefused(Reply(Answer.NOT_ALLOWED, detail=Who.LEAD.words))


def same_draft(decider: Decider, click: Click) -> Draft:
    """The draft that the person saw, if it is still the current one. Raises VerbRefused."""
    draft = decider.draft
    if draft is None or (draft.id, draft.sha256) != (click.draft, click.draft_hash):
        raise VerbRefused(Reply(Answer.STALE, decider.case))
    return draft


def in_state(conn: Connection, case: Case, *wanted: State) -> None:
    """Check that the case is in one of these states. Raises VerbRefused, with the last decision."""
    if case.state in wanted:
        return
    raise VerbRefused(Reply(Answer.DECIDED, case, by=_last(conn, case)))


def decide(
    conn: Connection,
    policy: Policy,
    decider: Decider,
    now: datetime,
    reason: str = "",
    comment: str = "",
    kind: Decided | None = None,
    about: str = "",
) -> Decision:
    """Record a decision on the current draft; the caller moves the case in the same transaction.

    It is recorded under the name of its verb, or under `kind` if the verb did something else here.

    The card shows only the current state, so each decision is also a line in its thread, with the
    comment that goes with a reason from a closed list; `about` tells two of a kind apart.
    """
    assert reason or not decider.verb.row.needs_reason, decider.verb
    decision = Decision(str(kind or decider.verb), decider.user, now, reason, comment)
    drafts.record(conn, decider.case, decision, decider.draft, policy.sha256)
    key = f"{thread_key(decider, decision.kind)}{about and f':{about}'}"
    data = {"by": decider.user, "decision": decision.kind, "reason": reason, "comment": comment}
    outbox.say(conn, decider.case, MessageKind.DECIDED, key, data, now)
    return decision


def thread_key(decider: Decider, kind: str) -> str:
    """What tells the thread's line about a decision of this kind from all others."""
    return f"{kind}:{decider.case.version}:{decider.user}"


def _named(conn: Connection, click: Click) -> Case | None:
    """The case that a click names, whoever clicked; None if there is none."""
    try:
        return cases.get(conn, click.case)
    except cases.Missing:
        return None


def refused(
    conn: Connection, click: Click, said: Reply, verb: str, now: datetime, typed: str = ""
) -> None:
    """Log a refused click: who wanted what, and the answer; `typed` is stored beside the log.

    If approval is not open yet and has no opening time, the case becomes due, to be given one.
    """
    case = said.case or _named(conn, click)
    company, id = (case.company, case.id) if case else ("", None)
    data = {"verb": verb, "answer": said.answer, "case": click.case[:20]}
    data |= log.keep_words(conn, typed, now)
    log.note(conn, log.Entry(company, "click.refused", click.user, now, id, data))
    if said.case and said.answer is Answer.FOLLOWED:
        cases.redraw(conn, said.case.id, now)  # its button is gone
    if said.case and said.answer is Answer.NOT_OPEN_YET and not said.case.approval_opens_at:
        cases.hurry(conn, said.case, now)


def moved(happened: bool, case: Case) -> None:
    """Raise VerbRefused if a move lost its race: somebody was milliseconds faster."""
    if not happened:
        raise VerbRefused(Reply(Answer.STALE, case))


def _last(conn: Connection, case: Case) -> Decision | None:
    return next(reversed(drafts.decided(conn, case.id)), None)
