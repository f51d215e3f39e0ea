"""What a door answered, as the sentence that the person who knocked is told in private."""

from __future__ import annotations

from datetime import datetime

from bot.blockkit.escaping import cap, mrkdwn, one_line
from bot.surfaces import answers
from jobs.decide.access import Answer, Reply

DONE = {
    "edit": "Saved as a new version; it waits on the card for approval.",
    "reject": "Rejected. The card says what follows.",
    "was_paid": "Recorded. The card says what it waits for.",
    "undo": "Undone: nothing was sent. The message waits on the card again.",
    "hold": "On hold. The card and App Home say until when.",
    "snooze": "Snoozed; the case comes back on that day.",
    "fine": "Thank you, noted. Approval is open now.",
    "went": "Noted: it went. The QuickBooks note follows.",
    "did_not_go": "Noted: it did not go. The message waits on the card again.",
    "takeover": "It is yours now; nothing is sent for this case.",
    "look_again": "Looking again; the card follows in a moment.",
    "draft_anyway": "Recorded with your reason; a draft follows on the card.",
    "confirm_address": "Confirmed and remembered; a draft follows on the card.",
    "confirm_name": "Confirmed and remembered; a draft with the name follows on the card.",
    "lift": "Lifted; the card follows in a moment.",
    "take_back": "The note is being taken back from QuickBooks.",
}


def reply(said: Reply, verb: str, manager: str = "", opens_at: datetime | None = None) -> str:
    """The sentence for `verb` (an action id); `manager` and `opens_at` where approval is closed."""
    if said.answer is Answer.RECORDED:
        return DONE.get(verb, "Recorded.")
    if said.answer is Answer.NOT_OPEN_YET:
        return answers.opens_later(opens_at, manager)
    return _refusal(said)


def _refusal(said: Reply) -> str:
    plain = {
        Answer.LOOKING_UP: answers.looking_you_up(),
        Answer.NOBODY_CONFIGURED: answers.nobody_configured(),
        Answer.NO_CASE: answers.no_case(),
        Answer.STALE: answers.stale(),
        Answer.TOO_LATE: answers.too_late(),
        Answer.FOLLOWED: answers.followed(said.detail),
        Answer.ALREADY_APPROVED: answers.again(),
        Answer.DECIDED: _decided(said),
        Answer.NOT_A_MEMBER: answers.outsider(said.detail),
        Answer.NOT_ALLOWED: answers.not_allowed(_words(said)),
        Answer.SECOND_NEEDED: answers.half_approved(_words(said) or "another person"),
        Answer.STILL_POSSIBLE: answers.still_possible(said.at),
        Answer.STOPPED: answers.stopped(said.detail),
        Answer.REMINDERS_ON: answers.reminders_on(),
    }
    return plain.get(said.answer, answers.not_recorded())


def _words(said: Reply) -> str:
    return cap(mrkdwn(one_line(said.detail)), 300)


def _decided(said: Reply) -> str:
    if said.case is None:
        return answers.stale()
    if said.by is None:
        return answers.elsewhere(said.case.state)
    return answers.decided(said.by.kind, said.by.actor, said.by.at, said.case.state)
