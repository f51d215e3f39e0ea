"""A call after the final message is logged: what was said, and whether to call again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from jobs.decide import customers
from jobs.decide.access import Answer, Reply
from jobs.rules.phone_calls import LoggedCall
from jobs.rules.policy.policy import Policy
from jobs.store import log
from jobs.store.customers import phone_calls


def log_call(
    conn: Connection, policy: Policy, company: str, customer: str, call: LoggedCall, now: datetime
) -> Reply:
    """Record a call with this billed customer, made by whoever may see it. Raises VerbRefused.

    With another outcome than AGAIN the customer leaves the list until there is a new final message.
    """
    customers.see(conn, policy, company, customer, call.by, now)
    phone_calls.put(conn, company, customer, call)
    words = log.keep_words(conn, call.said, now)
    data = {"customer": customer, "outcome": call.outcome, **words}
    log.note(conn, log.Entry(company, "call.logged", call.by, now, None, data))
    return Reply(Answer.RECORDED)
