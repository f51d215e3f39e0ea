"""Send me a copy: whoever works on a case can have its draft mailed to themselves, as a test."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from jobs.decide import access
from jobs.decide.access import Answer, Click, Reply
from jobs.decide.verbs import Verb
from jobs.rules.policy.policy import Policy
from jobs.store import copies, log


def send_copy(conn: Connection, policy: Policy, click: Click, now: datetime) -> Reply:
    """Ask for a test copy of exactly this draft, to the address that Slack has of this person.

    It is no decision on the case, and no contact with the customer. Raises VerbRefused;
    ASKED_BEFORE if they have a copy of this draft already.
    """
    decider = access.enter(conn, policy, Verb.EDIT, click, now)
    draft = access.same_draft(decider, click)
    if not copies.ask(conn, decider.case, draft, decider.user, now):
        return Reply(Answer.ASKED_BEFORE, decider.case)
    data = {"draft": draft.sha256}
    company = decider.case.company
    log.note(conn, log.Entry(company, "copy.asked", decider.user, now, decider.case.id, data))
    return Reply(Answer.RECORDED, decider.case)
