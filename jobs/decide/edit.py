"""What a person does with a draft: change its text, or have it mailed to themselves as a test.

The text becomes the next draft after the same checks as the model's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from jobs.approvals import tell_edited
from jobs.decide import access
from jobs.decide.access import Answer, Click, Decider, Reply, VerbRefused
from jobs.decide.verbs import Verb
from jobs.rules.case import Decision
from jobs.rules.drafts import edited
from jobs.rules.facts.past import Past
from jobs.rules.gates import about_texts
from jobs.rules.gates.cc import MOST_CC, carbon_copies, is_colleague, known_people
from jobs.rules.letters.letter import Letter
from jobs.rules.policy.policy import Policy
from jobs.rules.rulings import RULINGS
from jobs.rules.states import State
from jobs.rules.verification.verify import verify
from jobs.rules.verification.violations import Violation
from jobs.store import cases, drafts, log, outbox
from jobs.store.cases import Move
from jobs.store.customers import history, search
from jobs.store.drafts import Draft
from jobs.store.outbox import MessageKind


@dataclass(frozen=True)
class Text:
    """What the person typed.

    `marked`: figures in it that are on no record are an instalment or a date to meet. `insist`:
    the violations were shown, and the text is to be saved anyway. `cc` is who gets a copy, in lower
    case; None: as before.
    """

    subject: str
    body: str
    insist: bool = False
    marked: bool = False
    cc: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Objections:
    """Nothing was saved: correct these violations or, if none is hard, insist on the text."""

    violations: tuple[Violation, ...]

    @property
    def hard(self) -> bool:
        return any(v.hard for v in self.violations)


def edit(
    conn: Connection, policy: Policy, click: Click, text: Text, now: datetime
) -> Reply | Objections:
    """Save the text as the next draft, or say what is wrong with it. Raises VerbRefused."""
    decider = access.enter(conn, policy, Verb.EDIT, click, now)
    access.in_state(conn, decider.case, State.WAITING)
    old = access.same_draft(decider, click)
    letter = edited(old.letter, text.subject, text.body)
    case = decider.case
    past = history.past(conn, case.company, case.customer, allowed_anyway=case.allowed_anyway)
    if text.cc is not None:
        letter = replace(letter, cc=_known(decider, old.letter, text.cc))
        if wrong := _not_copied(decider, letter, past):
            return Objections(wrong)
    violations = verify(
        letter,
        decider.facts,
        case.without.policy(policy),
        past,
        deadline=old.deadline,
        marked=text.marked,
        others=search.others_named(conn, decider.facts, f"{letter.subject}\n{letter.body}"),
    )
    if any(v.hard for v in violations) or (violations and not text.insist):
        return Objections(violations)
    return _save(conn, policy, decider, old, letter, violations, now)


def _known(decider: Decider, old: Letter, chosen: tuple[str, ...]) -> tuple[str, ...]:
    """The chosen addresses in order, if each is known or a colleague's. Raises VerbRefused."""
    known = (*known_people(decider.facts, decider.judged.findings, old.to), *old.cc)
    others = [one for one in chosen if one not in known]
    strange = [one for one in others if not is_colleague(one, old.sender_address)]
    if strange or len(chosen) > MOST_CC:
        raise VerbRefused(Reply(Answer.STALE, decider.case))
    return tuple(sorted(set(chosen)))


def _not_copied(decider: Decider, letter: Letter, past: Past) -> tuple[Violation, ...]:
    asked = replace(past, cc=letter.cc)
    left_out = carbon_copies(decider.facts, asked, letter.to, letter.sender_address).left_out
    return tuple(Violation("copy", why, hard=True) for why in left_out)


def _save(
    conn: Connection,
    policy: Policy,
    decider: Decider,
    old: Draft,
    letter: Letter,
    violations: tuple[Violation, ...],
    now: datetime,
) -> Reply:
    case, user = decider.case, decider.user
    drafts.record(conn, case, Decision(Verb.EDIT, user, now), decider.draft, policy.sha256)
    if letter.cc != old.letter.cc:
        history.choose_cc(conn, case.company, case.customer, letter.cc, user, now)
    draft = _written(conn, decider, old, letter, violations, now)
    reworded = {"by": user, "before": old.id, "after": draft.id}
    key = access.thread_key(decider, Verb.EDIT)
    outbox.say(conn, case, MessageKind.REWORDED, key, reworded, now)
    data = {"draft": draft.sha256, "violations": [v.kind for v in violations]}
    edit = Move(State.WAITING, "draft.edited", user, case.row.due_at, data)
    access.moved(cases.move(conn, case, edit, now, draft=draft.id, end_reason=""), case)
    tell_edited(conn, case, old, user, now)
    return Reply(Answer.RECORDED, cases.get(conn, case.id))


def _written(
    conn: Connection,
    decider: Decider,
    old: Draft,
    letter: Letter,
    violations: tuple[Violation, ...],
    now: datetime,
) -> Draft:
    """The next draft; whoever changes only who gets a copy is not its author."""
    case, user = decider.case, decider.user
    same = (letter.subject, letter.body) == (old.letter.subject, old.letter.body)
    return drafts.write_draft(
        conn,
        case.id,
        letter,
        now,
        assessment=case.assessment,
        author=old.author if same else user,
        author_reason=old.author_reason if same else "",
        wording=old.wording if same else "",
        edited_by=old.edited_by if same else user,
        violations=[v.sentence for v in violations],
        rulings=RULINGS.dump_python(about_texts.of_draft(violations), mode="json"),
        marked=any(v.kind == "marked" for v in violations),
        deadline=old.deadline,
    )


def send_copy(conn: Connection, policy: Policy, click: Click, now: datetime) -> Reply:
    """Ask for a test copy of exactly this draft, to the address that Slack has of this person.

    It is no decision on the case, and no contact with the customer. Raises VerbRefused;
    ASKED_BEFORE if they have a copy of this draft already.
    """
    decider = access.enter(conn, policy, Verb.EDIT, click, now)
    draft = access.same_draft(decider, click)
    if not drafts.ask_copy(conn, decider.case, draft, decider.user, now):
        return Reply(Answer.ASKED_BEFORE, decider.case)
    data = {"draft": draft.sha256}
    company = decider.case.company
    log.note(conn, log.Entry(company, "copy.asked", decider.user, now, decider.case.id, data))
    return Reply(Answer.RECORDED, decider.case)
