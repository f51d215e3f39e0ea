"""What QuickBooks says about a company itself, as columns of our table."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from qbo import CompanyInfo, Preferences


class UnusableProfile(Exception):
    """Something would have to be guessed; the text says what, and what to do about it."""


def columns(info: CompanyInfo, preferences: Preferences, known_as: str) -> dict[str, Any]:
    """Name, country, zone, home currency and closing date. Raises UnusableProfile.

    Due dates are in the company's zone; UTC instead would be a day off for many companies.
    `known_as` is used if QuickBooks gives no name.
    """
    name = info.name or known_as
    if len(preferences.home_currency) != 3:
        raise UnusableProfile(f"QuickBooks does not say what the home currency of {name} is.")
    return {
        "name": name,
        "country": info.country[:8],
        "zone": _zone(info.zone, name).key,
        "home_currency": preferences.home_currency,
        "book_close": preferences.book_close_date,
    }


def _zone(key: str, name: str) -> ZoneInfo:
    try:
        return ZoneInfo(key)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UnusableProfile(
            f"The time zone of {name} is {key!r} in QuickBooks, which this machine does not know. "
            "Set it in QuickBooks (Account and settings, Advanced, Other preferences)."
        ) from None
