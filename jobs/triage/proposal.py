"""What is proposed for a case, and what becomes of it: a draft and its card, or a stop.

The model chooses a class and writes, or only summarizes if a rule stops the case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from sqlalchemy import Connection

from jobs.approvals import tell_approvers
from jobs.engine.services import Services
from jobs.engine.step import Round
from jobs.reasoning.by_rules import proposal_by_rules
from jobs.reasoning.proposing import Proposed, Question, propose
from jobs.rules.case import Decided
from jobs.rules.facts.delays import ENOUGH, brought_forward
from jobs.rules.facts.facts import Facts
from jobs.rules.figures import language_of
from jobs.rules.gates import gates
from jobs.rules.gates.about_sources import RETRY
from jobs.rules.gates.about_texts import UNREAD
from jobs.rules.gates.marks import marks
from jobs.rules.letters.slots import locale_of
from jobs.rules.policy.business_days import (
    business_hours_later,
    card_at,
    refresh_at,
    start_of,
)
from jobs.rules.policy.policy import Policy
from jobs.rules.rulings import RULINGS, Ruling
from jobs.rules.states import CaseClass, State
from jobs.sources.quickbooks import CaseFile
from jobs.store import assessments, cases, outbox, work
from jobs.store import drafts as draft_store
from jobs.store.assessments import Judgement
from jobs.store.cases import Case, Move
from jobs.store.customers import forecasts, managers
from jobs.store.drafts import Draft
from jobs.store.outbox import MessageKind
from jobs.store.services import model_costs
from jobs.store.work import Claim
from jobs.triage.drafting import Before, Made, Written, after_rejection, write
from jobs.triage.judging import View

ACTOR = "system:triage"
READ_AGAIN = timedelta(hours=2)
"""How soon a text that the model did not read is tried again."""
RULES_ALONE = "Rules decided alone; no model was asked."


@dataclass(frozen=True)
class Prepared:
    """What the model said, what was first proposed, what became of it, and the letter if there
    is one."""

    answer: Proposed
    proposed: Made
    made: Made
    written: Written | None


@dataclass(frozen=True)
class Propose:
    """Have the model choose a class and write, or only summarize if a rule stops the case."""

    services: Services
    view: View
    before: Before

    def act(self) -> Prepared:
        """Never raises for anything the model does: a failure is an answer with its reason.

        The letter is written and checked here too, because a long one takes longer than a
        transaction may.
        """
        ask = partial(propose, model=self.services.model)
        return prepare(self.services.policy, self.view, self.before, ask)

    def settle(
        self, conn: Connection, claim: Claim, outcome: Prepared, now: datetime
    ) -> Round | None:
        """Store proposal, draft and card, with one move to WAITING."""
        if not work.renew(conn, claim, now):
            return None
        view = self.view
        if not view.stopped and above_cap(self.services, conn, view.file, now):
            kept = judged(conn, view, self._judgement(outcome), now)
            work.settle(conn, claim, None, last_error="above today's cap", **kept)
            return None
        self._to_waiting(conn, outcome, now)
        return None

    def _to_waiting(self, conn: Connection, outcome: Prepared, now: datetime) -> None:
        """Store the judgement with its letter, if there is one, and draw the card."""
        view, case, policy = self.view, self.view.file.case, self.services.policy
        opens_at = _opens_at(conn, policy, view, outcome.made.proposal.class_, now)
        columns = judged(conn, view, self._judgement(outcome), now)
        written = outcome.written
        draft = _stored(conn, case, written, columns["assessment"], now) if written else None
        columns |= {"stage": view.stage, "draft": draft.id if draft else None}
        columns |= {"approval_opens_at": opens_at, "end_reason": _voided(conn, case)}
        columns |= {"rank": _rank(conn, view.facts)}
        action = "case.drafted" if draft else "case.stopped"
        due_at = next_look(self.services, view, now)
        asked = model_costs.of_case(conn, case.id)
        data = _logged(self.services, view, outcome, draft) | {"asked": asked.logged()}
        move = Move(State.WAITING, action, ACTOR, due_at, data)
        if cases.move(conn, case, move, now, **columns):
            posted_at = card_at(now, view.file.company.zone, policy)
            _show(conn, view, written, draft, columns["rank"], posted_at, now)

    def _judgement(self, outcome: Prepared) -> Judgement:
        record = outcome.proposed.record
        judgement = self.view.judgement(self.services.policy)
        follows, answer = self.before.recorded, outcome.answer.said
        return replace(
            judgement,
            basis=replace(self.view.basis, follows=follows, answer=answer),
            proposal=outcome.made.proposal,
            failure=outcome.proposed.reason,
            record=asdict(record) if record else None,
        )


Ask = Callable[[Question], Proposed]
"""Whoever answers a question about a case: the model, or the record of what it once said."""


def prepare(policy: Policy, view: View, before: Before, ask: Ask) -> Prepared:
    """The proposal and its letter; what the rules decide alone is not asked. Needs no database."""
    key_account = _key_account(policy, view)
    answer = Proposed(None, RULES_ALONE)
    if not view.ruled_alone:
        answer = ask(_question(policy, view, key_account))
    by_rules = proposal_by_rules(
        view.facts, view.stage, view.readings, view.past, view.rulings, key_account=key_account
    )
    proposed = Made(answer.proposal or by_rules, answer.reason, answer.record)
    made = after_rejection(before, proposed)
    written = None if view.stopped else write(policy, view, made, before)
    return Prepared(answer, proposed, made, written)


def _question(policy: Policy, view: View, key_account: bool) -> Question:
    return Question(
        view.facts,
        view.stage,
        view.readings,
        view.past,
        view.stopped,
        language_of(locale_of(view.facts, policy)),
        view.rulings,
        key_account,
        view.basis.texts,
    )


def _key_account(policy: Policy, view: View) -> bool:
    known = marks(view.facts, policy, (*view.past.marks, *view.context.marks))
    return any(mark.kind == "key_account" for mark in known)


def _logged(
    services: Services, view: View, outcome: Prepared, draft: Draft | None
) -> dict[str, Any]:
    made, record = outcome.made, outcome.made.record
    rulings = (*(draft.rulings if draft else ()), *view.rulings)
    return {
        "rules": [r.rule for r in rulings],
        "assessment": view.fingerprint(),
        "draft": draft.sha256 if draft else None,
        "author": draft.author if draft else None,
        "wording": draft.wording if draft else None,
        "class": made.proposal.class_,
        "policy": services.policy.sha256,
        "model": record.model if record else None,
        "prompt": record.prompt if record else None,
        "answer": record.answer_sha256 if record else None,
    }


def _show(
    conn: Connection,
    view: View,
    written: Written | None,
    draft: Draft | None,
    rank: Decimal,
    first: datetime,
    now: datetime,
) -> None:
    """Draw the card, and tell those whose approval or text has been replaced.

    A new card is not posted before `first`.
    """
    case = view.file.case
    channel = view.file.company.card_channel(shadow=case.shadow)
    _tell_first_approver(conn, view, written, now)
    _tell_editor(conn, view, written, draft, now)
    cases.talk_about(conn, case, [i.id for i in view.facts.invoices])
    outbox.card(conn, case.company, channel, case.id, rank, draft is not None, now, first)
    managers.tell(conn, case.company, now)


def _rank(conn: Connection, facts: Facts) -> Decimal:
    """The cash that this message can bring forward, in home currency; for ordering only."""
    known = facts.habit if facts.habit and facts.habit.count >= ENOUGH else None
    others = forecasts.usual_delays(conn, facts.company.id, ()).get(forecasts.COMPANY)
    usual = known.median_days_late if known else others.usual if others else 0
    rate = facts.invoices[0].exchange_rate if facts.invoices else Decimal(1)
    return brought_forward(facts.asked.amount * rate, facts.days_overdue, usual)


def _voided(conn: Connection, case: Case) -> str:
    """Why the system ended the last approval, if nobody has decided anything since."""
    last = next(reversed(draft_store.decided(conn, case.id)), None)
    return last.reason if last and last.actor.startswith("system:") else ""


def _tell_first_approver(
    conn: Connection, view: View, written: Written | None, now: datetime
) -> None:
    """Tell those who approved the previous text what has replaced it."""
    case = view.file.case
    if case.draft is None or not draft_store.decided_on(conn, case.draft, Decided.APPROVE):
        return
    why = written.changed if written else tuple(r.reason for r in view.rulings)
    reason = " ".join(why) or "A new draft was written."
    tell_approvers(conn, case, draft_store.draft(conn, case.draft), reason, now)


def _stored(
    conn: Connection, case: Case, written: Written, assessment: str, now: datetime
) -> Draft:
    rulings = RULINGS.dump_python(written.rulings, mode="json")
    columns = written.columns | {"rulings": rulings, "changed": list(written.changed)}
    letter = written.letter
    return draft_store.write_draft(conn, case.id, letter, now, assessment=assessment, **columns)


def _tell_editor(
    conn: Connection, view: View, written: Written | None, draft: Draft | None, now: datetime
) -> None:
    """Tell the author of a dropped text why it was dropped: it was their work."""
    if written is None or draft is None or not written.unfit:
        return
    told = {"called": [written.unfit], "changed": list(written.changed)}
    outbox.say(conn, view.file.case, MessageKind.TEXT_DROPPED, f"unfit:{draft.id}", told, now)


def _opens_at(
    conn: Connection, policy: Policy, view: View, class_: CaseClass, now: datetime
) -> datetime | None:
    """When approval opens even though the account manager has not said Fine.

    A new stage, a new class or a new reason for them to look starts their time over.
    """
    case, last = view.file.case, assessments.present(conn, view.file.case)
    same = (case.stage, last.class_) == (view.stage, class_)
    no_news = _for_managers(view.rulings) <= _for_managers(last.rulings)
    if case.approval_opens_at and same and no_news:
        return case.approval_opens_at
    needed = gates.approvals(view.rulings, view.facts, view.stage, policy, class_)
    if not needed.manager_first:
        return None
    return business_hours_later(now, policy.manager_hours, view.file.company.zone, policy)


def _for_managers(rulings: Iterable[Ruling]) -> set[str]:
    return {ruling.fingerprint for ruling in rulings if ruling.manager_first}


def next_look(services: Services, view: View, now: datetime) -> datetime:
    """When the case is gathered again; soon where a source is down or the model gave no answer
    for a text, so that it heals by itself."""
    regular = refresh_at(now, view.file.company.zone, services.policy)
    if view.context.down:
        return min(regular, now + RETRY)
    unread = services.model and any(ruling.rule == UNREAD for ruling in view.rulings)
    return min(regular, now + READ_AGAIN) if unread else regular


def judged(conn: Connection, view: View, made: Judgement, now: datetime) -> dict[str, Any]:
    """Store the judgement; returns what the case keeps: its id, and which stops are set aside."""
    managers.look_for(conn, view.context.findings, now)
    return {
        "assessment": assessments.put(conn, view.file.case.id, made, now),
        "reassess": False,
        "allowed_anyway": RULINGS.dump_python(view.past.allowed_anyway, mode="json"),
    }


def above_cap(services: Services, conn: Connection, file: CaseFile, now: datetime) -> bool:
    """Whether today's new cards with a draft are used up; an existing card is never held up."""
    if file.case.state is not State.NEW:
        return False
    return shown_today(conn, file, now) >= services.policy.cards_per_day


def shown_today(conn: Connection, file: CaseFile, now: datetime) -> int:
    began = start_of(file.company.today(now), file.company.zone)
    return outbox.cards_since(conn, file.company.realm, began, shadow=file.case.shadow)
