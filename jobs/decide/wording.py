"""What a finance lead does with a proposed change of a text: take it, decline it, or take it back.

A change is taken for exactly the text that it was proposed for. Drafts that are there keep their
words; the next ones are made from the new text.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from jobs.decide import access
from jobs.rules.letters.company_texts import (
    STANDARD,
    TextKind,
    TextName,
    hash_of,
    instructions_in,
)
from jobs.rules.letters.learning import WordingChange, applied
from jobs.rules.policy.policy import Policy
from jobs.store import log, outbox, wordings
from jobs.store.companies import ConnectedCompany
from jobs.store.outbox import MessageKind
from jobs.store.reports import reviewing
from jobs.store.wordings import ProposalState, ProposedWording, WordingVersion

MOST_INSTRUCTIONS = 10
"""How many instructions one letter may have: more of them would crowd out the rules."""


@dataclass(frozen=True)
class WordingClick:
    """Who pressed a button of which proposal."""

    company: ConnectedCompany
    user: str
    fingerprint: str


class WordingAnswer(StrEnum):
    """What came of it. Only the first three mean that something was done."""

    TAKEN = "taken"
    DECLINED = "declined"
    TAKEN_BACK = "taken_back"
    GONE = "gone"
    ANSWERED = "answered"
    """Somebody was first."""
    CHANGED = "changed"
    """The text is not the one that the change was proposed for."""
    TOO_MANY = "too_many"
    """The letter has as many instructions as it may have."""
    NOT_THE_LAST = "not_the_last"
    """Another change followed: that one is taken back first."""


@dataclass(frozen=True)
class WordingReply:
    """An answer, with the proposal as it was found."""

    answer: WordingAnswer
    proposed: ProposedWording | None = None
    since: ProposedWording | None = None
    """The change that has been made to the text since, if that is the reason."""


def take(conn: Connection, policy: Policy, click: WordingClick, now: datetime) -> WordingReply:
    """Use the proposed wording from now on. Raises VerbRefused for all but finance leads."""
    proposed = _found(conn, policy, click, now)
    if proposed is None or proposed.state is not ProposalState.OPEN:
        return _answered(proposed)
    change, realm = proposed.change, click.company.realm
    text = wordings.texts(conn, realm).text(change.text)
    last = _last(conn, realm, change.text)
    if hash_of(text) != change.base:
        return _overtaken(conn, click, proposed, WordingAnswer.CHANGED)
    if (
        change.text.kind is TextKind.INSTRUCTIONS
        and len(instructions_in(text)) >= MOST_INSTRUCTIONS
    ):
        return WordingReply(WordingAnswer.TOO_MANY, proposed)
    if not _move_on(conn, click, ProposalState.TAKEN, now):
        return _answered(wordings.proposal(conn, realm, click.fingerprint))
    before, new = last.version if last else 0, applied(text, change)
    row = (before + 1, new, hash_of(new), before, click.fingerprint, click.user, now)
    if not _put(conn, click.company, WordingVersion(change.text, *row), change, back=False):
        wordings.answer(
            conn, realm, click.fingerprint, ProposalState.TAKEN, ProposalState.OPEN, "", now
        )
        return _overtaken(conn, click, proposed, WordingAnswer.CHANGED)
    return WordingReply(WordingAnswer.TAKEN, proposed)


def decline(conn: Connection, policy: Policy, click: WordingClick, now: datetime) -> WordingReply:
    """Never propose this change again. Raises VerbRefused for all but finance leads."""
    proposed, realm = _found(conn, policy, click, now), click.company.realm
    if proposed is None or not _move_on(conn, click, ProposalState.DECLINED, now):
        return _answered(wordings.proposal(conn, realm, click.fingerprint))
    data = {"proposal": click.fingerprint}
    log.note(conn, log.Entry(realm, "wording.declined", click.user, now, data=data))
    return WordingReply(WordingAnswer.DECLINED, proposed)


def take_back(conn: Connection, policy: Policy, click: WordingClick, now: datetime) -> WordingReply:
    """Return to the text from before this change. Raises VerbRefused for all but finance leads."""
    proposed, realm = _found(conn, policy, click, now), click.company.realm
    if proposed is None or proposed.state is not ProposalState.TAKEN:
        return _answered(proposed)
    text = proposed.change.text
    versions = {one.version: one for one in wordings.versions_of(conn, realm, text)}
    last = versions[max(versions)]
    if last.proposal != click.fingerprint:
        return _overtaken(conn, click, proposed, WordingAnswer.NOT_THE_LAST)
    if not _move_on(conn, click, ProposalState.TAKEN_BACK, now):
        return _answered(wordings.proposal(conn, realm, click.fingerprint))
    earlier = versions.get(last.replaces)
    words = earlier.text if earlier else ""
    rest = (earlier.replaces, earlier.proposal) if earlier else (0, "")
    row = (last.version + 1, words, hash_of(words or STANDARD.text(text)), *rest, click.user, now)
    if not _put(conn, click.company, WordingVersion(text, *row), proposed.change, back=True):
        wordings.answer(
            conn, realm, click.fingerprint, ProposalState.TAKEN_BACK, ProposalState.TAKEN, "", now
        )
        return _overtaken(conn, click, proposed, WordingAnswer.NOT_THE_LAST)
    return WordingReply(WordingAnswer.TAKEN_BACK, proposed)


def _found(
    conn: Connection, policy: Policy, click: WordingClick, now: datetime
) -> ProposedWording | None:
    access.lead(conn, policy, click.user, now)
    return wordings.proposal(conn, click.company.realm, click.fingerprint)


def _answered(proposed: ProposedWording | None) -> WordingReply:
    return WordingReply(WordingAnswer.ANSWERED if proposed else WordingAnswer.GONE, proposed)


def _overtaken(
    conn: Connection, click: WordingClick, proposed: ProposedWording, answer: WordingAnswer
) -> WordingReply:
    """With the change that the text has seen since; None where it is the standard text again."""
    last = _last(conn, click.company.realm, proposed.change.text)
    since = wordings.proposal(conn, click.company.realm, last.proposal) if last else None
    return WordingReply(answer, proposed, since)


def _last(conn: Connection, realm: str, text: TextName) -> WordingVersion | None:
    return next(reversed(wordings.versions_of(conn, realm, text)), None)


def _move_on(conn: Connection, click: WordingClick, state: ProposalState, now: datetime) -> bool:
    """Note what became of the proposal, and draw it again below each review that proposed it; False
    if somebody came first: of several people who press at once, this lets one pass."""
    was = ProposalState.TAKEN if state is ProposalState.TAKEN_BACK else ProposalState.OPEN
    named = (click.company.realm, click.fingerprint)
    if not wordings.answer(conn, *named, was, state, click.user, now):
        return False
    key = reviewing.wording_key(click.fingerprint)
    outbox.redraw_below(conn, click.company.realm, key, now)
    return True


def _put(
    conn: Connection,
    company: ConnectedCompany,
    version: WordingVersion,
    change: WordingChange,
    *,
    back: bool,
) -> bool:
    """Put a version in use, log it, and tell the channel; False if the text has just been changed
    otherwise."""
    if not wordings.add(conn, company.realm, version):
        return False
    data = {"text": " ".join(version.text_name), "version": version.version}
    data |= {"sha256": version.sha256, "base": change.base}
    data |= {"proposal": change.fingerprint, "cases": list(change.cases)}
    action, user = "wording.taken_back" if back else "wording.taken", version.taken_by
    log.note(conn, log.Entry(company.realm, action, user, version.taken_at, data=data))
    told = {"by": user, "proposal": change.fingerprint, "back": back}
    key = f"{action}:{company.realm}:{change.fingerprint}"
    outbox.say(conn, company, MessageKind.WORDING_CHANGED, key, told, version.taken_at)
    return True
