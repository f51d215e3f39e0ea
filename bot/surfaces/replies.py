"""A verb's answer as the sentence that the person is told in private."""

from __future__ import annotations

from bot.blockkit.escaping import cap, mrkdwn, one_line
from bot.surfaces import answers
from jobs.decide.access import Answer, Reply


def reply(said: Reply) -> str:
    """The sentence for all but RECORDED."""
    plain = {
        Answer.NOT_OPEN_YET: answers.opens_later(said.at, said.detail),
        Answer.LOOKING_UP: answers.looking_you_up(),
        Answer.NOBODY_CONFIGURED: answers.nobody_configured(),
        Answer.NO_CASE: answers.no_case(said.detail),
        Answer.NO_CUSTOMER: answers.no_customer(),
        Answer.NOTHING_TO_OPEN: answers.nothing_to_open(),
        Answer.ASKED_BEFORE: answers.copy_asked_before(),
        Answer.LOOKING_THEM_UP: answers.looking_them_up(),
        Answer.CANNOT_ACT: answers.cannot_act(),
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
    return plain[said.answer]


def _words(said: Reply) -> str:
    return cap(mrkdwn(one_line(said.detail)), 300)


def _decided(said: Reply) -> str:
    if said.case is None:
        return answers.stale()
    if said.by is None:
        return answers.elsewhere(said.case.state)
    return answers.decided(said.by.kind, said.by.actor, said.by.at, said.case.state)
