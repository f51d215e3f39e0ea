"""The date in a promise, read by code from the line a person sees quoted; never by the model."""

from __future__ import annotations

import calendar
import re
from datetime import date, timedelta

_MONTHS = (
    ("jan", "januar", "janvier", "enero", "ene"),
    ("feb", "februar", "février", "fevrier", "febrero"),
    ("mar", "march", "märz", "maerz", "mars", "marzo"),
    ("apr", "april", "avril", "abril", "abr"),
    ("may", "mai", "mayo"),
    ("jun", "june", "juni", "juin", "junio"),
    ("jul", "july", "juli", "juillet", "julio"),
    ("aug", "august", "août", "aout", "agosto", "ago"),
    ("sep", "sept", "september", "septembre", "septiembre"),
    ("oct", "october", "oktober", "okt", "octobre", "octubre"),
    ("nov", "november", "novembre", "noviembre"),
    ("dec", "december", "dezember", "dez", "décembre", "decembre", "diciembre", "dic"),
)
_LONG_ENGLISH = {"january": 1, "february": 2}
MONTHS = _LONG_ENGLISH | {
    word: number for number, words in enumerate(_MONTHS, start=1) for word in words
}
_DAYS = (
    ("monday", "montag", "lundi", "lunes"),
    ("tuesday", "dienstag", "mardi", "martes"),
    ("wednesday", "mittwoch", "mercredi", "miércoles", "miercoles"),
    ("thursday", "donnerstag", "jeudi", "jueves"),
    ("friday", "freitag", "vendredi", "viernes"),
    ("saturday", "samstag", "samedi", "sábado"),
    ("sunday", "sonntag", "dimanche", "domingo"),
)
WEEKDAYS = {word: number for number, words in enumerate(_DAYS) for word in words}
TOMORROW = ("tomorrow", "morgen", "demain", "mañana")

_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_ISO = re.compile(r"\b(?P<y>20\d\d)-(?P<m>\d{1,2})-(?P<d>\d{1,2})\b")
_DAY_FIRST = re.compile(
    rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th|er|\.)?\s*(?:of\s+|de\s+)?(?P<name>{_MONTH})\b\.?"
    r"(?:,?\s*(?:de\s+)?(?P<y>20\d\d)\b)?",
    re.IGNORECASE,
)
_MONTH_FIRST = re.compile(
    rf"\b(?P<name>{_MONTH})\b\.?\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s*(?P<y>20\d\d)\b)?",
    re.IGNORECASE,
)
_DOTTED = re.compile(r"(?<!\d)(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>20\d\d)?(?!\d)")
_SLASHED = r"\b\d{1,2}/\d{1,2}(?:/\d{2,4})?\b"
_WEEKDAY = re.compile(rf"\b({'|'.join(WEEKDAYS)})\b", re.IGNORECASE)
_TOMORROW = re.compile(rf"\b({'|'.join(TOMORROW)})\b", re.IGNORECASE)
_MONTH_END = re.compile(
    r"\b(?:end of (?:the|this) month|month.?end|monatsende|ende des monats|fin du mois"
    r"|fin de mes)\b",
    re.IGNORECASE,
)
_VAGUE = r"\b(?:next|this|coming) (?:week|month)|\bnächste[nr]? (?:woche|monat)|\bsemaine prochaine"

LOOKS_LIKE_DATE = re.compile(
    "|".join(
        re.sub(r"\?P<\w+>", "?:", pattern)
        for pattern in (
            *(one.pattern for one in (_ISO, _DAY_FIRST, _MONTH_FIRST, _DOTTED)),
            *(one.pattern for one in (_WEEKDAY, _TOMORROW, _MONTH_END)),
            _SLASHED,
            _VAGUE,
        )
    ),
    re.IGNORECASE,
)
"""Anything a person may mean as a date, also where we could not say which day it is."""


def promised_on(line: str, said: date) -> date | None:
    """The day that `line`, written on `said`, names; None where it names none for certain.

    3/4 is nobody's date: half of the world reads it the other way round. A day without a year is
    the next one; a weekday is the next such day after `said`.
    """
    for pattern in (_ISO, _DAY_FIRST, _MONTH_FIRST, _DOTTED):
        if match := pattern.search(line):
            return _calendar_day(match.groupdict(), said)
    if match := _WEEKDAY.search(line):
        ahead = (WEEKDAYS[match[1].lower()] - said.weekday() - 1) % 7 + 1
        return said + timedelta(days=ahead)
    if _TOMORROW.search(line):
        return said + timedelta(days=1)
    if _MONTH_END.search(line):
        return said.replace(day=calendar.monthrange(said.year, said.month)[1])
    return None


def _calendar_day(parts: dict[str, str | None], said: date) -> date | None:
    month = MONTHS[name.lower()] if (name := parts.get("name")) else int(parts["m"] or 0)
    try:
        if parts["y"]:
            return date(int(parts["y"]), month, int(parts["d"] or 0))
        day = date(said.year, month, int(parts["d"] or 0))
        return day if day >= said else day.replace(year=said.year + 1)
    except ValueError:
        return None
