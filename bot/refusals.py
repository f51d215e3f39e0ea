"""Somebody was refused, and no case is concerned: log it, look them up, find the words."""

from __future__ import annotations

from datetime import datetime

from bot import people
from bot.desk import Desk
from bot.replies import reply
from jobs.decide import door
from jobs.decide.door import Answer, Knock, Refused


def turned_away(
    desk: Desk, verb: str, user: str, refused: Refused, now: datetime, typed: str = ""
) -> str:
    """What the person is told; a look-up is queued where that helps. `typed` are their words."""
    with desk.database.writing() as conn:
        door.refused(conn, Knock(user, ""), refused.said, verb, now, typed)
        if refused.said.answer is Answer.LOOKING_UP:
            people.ask(conn, user, now)
    if refused.said.answer is Answer.LOOKING_UP:
        desk.ring("people")
    return reply(refused.said, verb)
