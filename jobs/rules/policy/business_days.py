"""Business days and hours of a company. Days are dates in its own zone; instants are UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from holidays import HolidayBase, country_holidays

from jobs.rules.policy.policy import Policy

DAY = timedelta(days=1)
OFFICE_HOURS = (time(9), time(17))
"""The hours if the policy has no message window."""
AFTER_DIGEST = timedelta(minutes=1)


@cache
def _holidays(country: str) -> HolidayBase:
    return country_holidays(country)


def is_business_day(day: date, policy: Policy) -> bool:
    """Whether cards and messages go out on that day: no weekend and no public holiday."""
    if not policy.business_days_only:
        return True
    if day.weekday() >= 5:
        return False
    return not policy.holiday_country or day not in _holidays(policy.holiday_country)


def add_working_days(day: date, n: int, policy: Policy) -> date:
    """The `n`-th business day after `day`; with 0 the day itself."""
    for _ in range(n):
        day += DAY
        while not is_business_day(day, policy):
            day += DAY
    return day


def refresh_at(now: datetime, zone: ZoneInfo, policy: Policy) -> datetime:
    """When a waiting card is refreshed: some business days later, at the same hour."""
    today = now.astimezone(zone).date()
    then = add_working_days(today, policy.refresh_working_days, policy)
    return now + (then - today)


def next_opening(now: datetime, zone: ZoneInfo, policy: Policy) -> datetime:
    """When a message may go: `now` on a business day within the window, else the next opening."""
    day = now.astimezone(zone).date()
    while True:
        opens, closes = _hours(day, zone, policy.window)
        if is_business_day(day, policy) and now < closes:
            return max(now, opens)
        day += DAY


def business_hours_later(now: datetime, hours: int, zone: ZoneInfo, policy: Policy) -> datetime:
    """The instant `hours` business hours after `now`: 9 to 17, or the policy's window.

    If every day is a business day and no window is set, all hours count.
    """
    left = timedelta(hours=hours)
    window = policy.window or (OFFICE_HOURS if policy.business_days_only else None)
    day = now.astimezone(zone).date()
    while True:
        opens, closes = _hours(day, zone, window)
        start = max(now, opens)
        if is_business_day(day, policy) and start + left <= closes:
            return start + left
        if is_business_day(day, policy):
            left -= max(closes - start, timedelta(0))
        day += DAY


def digest_at(day: date, zone: ZoneInfo, policy: Policy) -> datetime:
    """When the digest of that day is posted, in UTC."""
    return datetime.combine(day, time(policy.digest_hour), zone).astimezone(UTC)


def next_digest(now: datetime, zone: ZoneInfo, policy: Policy) -> datetime:
    """When the first digest after `now` is posted."""
    day = now.astimezone(zone).date()
    while not is_business_day(day, policy) or digest_at(day, zone, policy) <= now:
        day += DAY
    return digest_at(day, zone, policy)


def last_digest(now: datetime, zone: ZoneInfo, policy: Policy) -> datetime:
    """When the last digest up to `now` was to be posted."""
    day = now.astimezone(zone).date()
    while not is_business_day(day, policy) or digest_at(day, zone, policy) > now:
        day -= DAY
    return digest_at(day, zone, policy)


def card_at(now: datetime, zone: ZoneInfo, policy: Policy) -> datetime:
    """When a new card may be posted: in the morning of a business day it follows the digest.

    If every day is a business day, cards do not wait.
    """
    digest = digest_at(now.astimezone(zone).date(), zone, policy)
    return digest + AFTER_DIGEST if policy.business_days_only and now < digest else now


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of `day` in `zone`, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _hours(
    day: date, zone: ZoneInfo, window: tuple[time, time] | None
) -> tuple[datetime, datetime]:
    if window is None:
        return start_of(day, zone), start_of(day + DAY, zone)
    opens, closes = (datetime.combine(day, at, zone).astimezone(UTC) for at in window)
    return opens, closes
