"""When somebody has to call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from jobs.rules.phone_calls import EVERY, CallOutcome, LoggedCall, call_due

FINAL = datetime(2026, 11, 6, 15, 0, tzinfo=UTC)


def test_a_call_is_due_every_fourteen_days_until_it_is_closed() -> None:
    """After the final message, then after each call; a new final message begins anew."""

    def after(days: int, outcome: CallOutcome = CallOutcome.AGAIN) -> datetime | None:
        at = FINAL + timedelta(days=days)
        return call_due(FINAL, LoggedCall(outcome, "Next week.", "UCOLLECT", at))

    assert call_due(FINAL, None) == FINAL + EVERY
    assert after(20) == FINAL + timedelta(days=34)
    assert after(20, CallOutcome.AGENCY) is None
    assert after(20, CallOutcome.WRITTEN_OFF) is None
    assert after(-1, CallOutcome.AGENCY) == FINAL + EVERY
