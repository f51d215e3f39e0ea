"""The call list: after the final message no more is drafted, and somebody calls every 14 days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

EVERY = timedelta(days=14)


class CallOutcome(StrEnum):
    """What somebody says after a call; only AGAIN keeps the customer on the list."""

    AGAIN = "again"
    AGENCY = "agency"
    WRITTEN_OFF = "written_off"


@dataclass(frozen=True)
class LoggedCall:
    """A call that was made, by a Slack user, and what was said."""

    outcome: CallOutcome
    said: str
    by: str
    at: datetime


def call_due(final_at: datetime, last: LoggedCall | None) -> datetime | None:
    """When to call; `final_at` is when the last final message was settled, `last` the last call.

    None if a person has closed the matter since then.
    """
    if last is None or last.at < final_at:
        return final_at + EVERY
    return last.at + EVERY if last.outcome is CallOutcome.AGAIN else None
