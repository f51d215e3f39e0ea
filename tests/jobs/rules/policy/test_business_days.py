"""Business days and hours."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from jobs.rules.policy.business_days import (
    add_working_days,
    business_hours_later,
    is_business_day,
    next_opening,
    start_of,
)
from tests.jobs.rules.world import ZONE, policy

EVERY_DAY = policy("[calendar]\nbusiness_days_only = false\n")
WINDOW = policy('[message]\nwindow = ["09:00", "17:00"]\n', "")


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of October 2026 in New York, as UTC."""
    return datetime(2026, 10, day, hour, minute, tzinfo=ZONE).astimezone(UTC)


@pytest.mark.parametrize(
    ("day", "open_"),
    [
        (date(2026, 10, 16), True),
        (date(2026, 10, 17), False),
        (date(2026, 10, 18), False),
        (date(2026, 11, 26), False),
        (date(2026, 12, 25), False),
        (date(2027, 1, 1), False),
    ],
)
def test_weekends_and_holidays_are_no_business_days(day: date, open_: bool) -> None:
    """In the country of the policy; with the switch off every day is one."""
    assert is_business_day(day, policy()) is open_
    assert is_business_day(day, EVERY_DAY)


def test_without_a_country_there_are_no_holidays() -> None:
    """Only weekends are free then."""
    bare = policy('[calendar]\nholiday_country = ""\n')
    assert is_business_day(date(2026, 12, 25), bare)
    assert not is_business_day(date(2026, 12, 26), bare)


@pytest.mark.parametrize(
    ("n", "day"),
    [(0, date(2026, 11, 25)), (1, date(2026, 11, 27)), (2, date(2026, 11, 30))],
)
def test_working_days_skip_thanksgiving_and_the_weekend(n: int, day: date) -> None:
    """Counted from the Wednesday before."""
    assert add_working_days(date(2026, 11, 25), n, policy()) == day


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        (at(14, 11), at(14, 11)),
        (at(14, 8), at(14, 9)),
        (at(14, 17), at(15, 9)),
        (at(16, 18), at(19, 9)),
        (at(17, 11), at(19, 9)),
    ],
)
def test_a_message_goes_in_the_next_open_window(now: datetime, opens: datetime) -> None:
    """Now if it is open, else the next opening on a business day."""
    assert next_opening(now, ZONE, WINDOW) == opens


def test_without_a_window_the_whole_business_day_is_open() -> None:
    """From midnight to midnight in the company's zone."""
    assert next_opening(at(14, 3), ZONE, policy()) == at(14, 3)
    assert next_opening(at(17, 3), ZONE, policy()) == at(19, 0)
    assert next_opening(at(17, 3), ZONE, EVERY_DAY) == at(17, 3)


def test_a_window_follows_the_clock_change() -> None:
    """Nine in the morning in New York is an hour later in UTC after the change."""
    before = datetime(2026, 10, 30, 23, tzinfo=UTC)
    assert next_opening(before, ZONE, WINDOW) == datetime(2026, 11, 2, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "later"),
    [
        (at(14, 10), at(14, 14)),
        (at(14, 7), at(14, 13)),
        (at(14, 15), at(15, 11)),
        (at(16, 16, 30), at(19, 12, 30)),
        (at(17, 12), at(19, 13)),
        (at(14, 13), at(14, 17)),
    ],
)
def test_four_business_hours_later(now: datetime, later: datetime) -> None:
    """Counted from nine to five on business days."""
    assert business_hours_later(now, 4, ZONE, policy()) == later


def test_where_every_hour_counts_they_are_hours() -> None:
    """No business days and no window: four hours are four hours."""
    assert business_hours_later(at(17, 22), 4, ZoneInfo("UTC"), EVERY_DAY) == at(18, 2)


DAYS = [
    ("America/New_York", "2026-10-14T15:30", "2026-10-14T04:00"),
    ("America/New_York", "2026-10-14T03:30", "2026-10-13T04:00"),
    ("America/New_York", "2026-03-08T20:00", "2026-03-08T05:00"),  # clocks go forward at two
    ("America/New_York", "2026-11-01T20:00", "2026-11-01T04:00"),  # and back at two
    ("America/Havana", "2026-03-08T20:00", "2026-03-08T05:00"),  # there was no midnight
    ("America/Havana", "2026-11-01T05:30", "2026-11-01T04:00"),  # the second half past midnight
    ("America/Havana", "2026-11-01T04:30", "2026-11-01T04:00"),
    ("Pacific/Kiritimati", "2026-10-14T15:30", "2026-10-14T10:00"),
    ("Asia/Kathmandu", "2026-10-14T15:30", "2026-10-13T18:15"),
]


def test_a_day_begins_at_its_first_midnight() -> None:
    """Also on days that have two midnights, or none."""
    for zone, now, began in DAYS:
        at = datetime.fromisoformat(now).replace(tzinfo=UTC)
        day = at.astimezone(ZoneInfo(zone)).date()
        assert start_of(day, ZoneInfo(zone)) == datetime.fromisoformat(began).replace(tzinfo=UTC), (
            zone
        )
