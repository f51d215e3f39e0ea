"""What may be meant as a date, in the languages that customers write, and which day it is."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterator
from datetime import date, timedelta

FARTHEST = timedelta(days=180)
"""Nobody promises a payment for a later day; what looks like one means another year."""

_BY_MONTH = (
    ("jan", "january", "januar", "janvier", "enero", "ene"),
    ("feb", "february", "februar", "février", "fevrier", "febrero"),
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
_BY_WEEKDAY = (
    ("monday", "montag", "lundi", "lunes"),
    ("tuesday", "dienstag", "mardi", "martes"),
    ("wednesday", "mittwoch", "mercredi", "miércoles", "miercoles"),
    ("thursday", "donnerstag", "jeudi", "jueves"),
    ("friday", "freitag", "vendredi", "viernes"),
    ("saturday", "samstag", "samedi", "sábado"),
    ("sunday", "sonntag", "dimanche", "domingo"),
)
_TOMORROW = ("tomorrow", "morgen", "demain", "mañana")
_MONTHS = {name: number for number, names in enumerate(_BY_MONTH, 1) for name in names}
_WEEKDAYS = {name: number for number, names in enumerate(_BY_WEEKDAY) for name in names}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_ISO = r"\b20\d\d-\d{1,2}-\d{1,2}\b"
_DAY_FIRST = (
    rf"\b\d{{1,2}}(?:st|nd|rd|th|er|\.)?\s*(?:of\s+|de\s+)?(?:{_MONTH})\b\.?"
    r"(?:,?\s*(?:de\s+)?20\d\d\b)?"
)
_MONTH_FIRST = rf"\b(?:{_MONTH})\b\.?\s+\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s*20\d\d\b)?"
_DOTTED = r"(?<!\d)\d{1,2}\.\d{1,2}\.(?:20\d\d)?(?!\d)"
_SLASHED = r"\b\d{1,2}/\d{1,2}(?:/\d{2,4})?\b"
_DAY = rf"\b(?:{'|'.join([*_WEEKDAYS, *_TOMORROW])})\b"
_MONTH_END = (
    r"\b(?:end of (?:the|this) month|month.?end|monatsende|ende des monats|fin du mois"
    r"|fin de mes)\b"
)
_VAGUE = r"\b(?:next|this|coming) (?:week|month)|\bnächste[nr]? (?:woche|monat)|\bsemaine prochaine"

LOOKS_LIKE_DATE = re.compile(
    f"{_ISO}|{_DAY_FIRST}|{_MONTH_FIRST}|{_DOTTED}|{_SLASHED}|{_DAY}|{_MONTH_END}|{_VAGUE}",
    re.IGNORECASE,
)
"""Matches even if nobody could say which day is meant."""
_SOON = re.compile(
    r"\b(?:diese[nrs]?|kommende[nrs]?|nächste[nrs]?) (?:woche|tage|monat|werktage?)n?\b"
    rf"|\b(?:anfang|mitte|ende) (?:{_MONTH}|der woche|(?:dieser|kommender|nächster) woche)\b"
    r"|\bkw ?\d{1,2}\b|\bwochenende\b|\bultimo\b|\bheute\b|\btoday\b"
    r"|\b(?:in kürze|zeitnah|umgehend|kurzfristig|schnellstmöglich|unverzüglich|demnächst)\b",
    re.IGNORECASE,
)
"""When, without a day that could be watched."""
_WORD = re.compile(r"[^\W\d_]+")
_NUMBER = re.compile(r"\d+")


def says_when(line: str) -> bool:
    """Whether a line names a day, or says that something happens soon."""
    return bool(LOOKS_LIKE_DATE.search(line) or _SOON.search(line))


def day_meant(line: str, written_on: date, *, day_first: bool) -> date | None:
    """The one day from `written_on` on that a line names; None if it names none, or several.

    `day_first`: 4/12 is the fourth of December. A weekday is the next one after the writing.
    """
    found = [_day(m[0].lower(), written_on, day_first) for m in LOOKS_LIKE_DATE.finditer(line)]
    days = set(found)
    day = days.pop() if len(days) == 1 else None
    return day if day and written_on <= day <= written_on + FARTHEST else None


def rewritten(
    line: str, written_on: date, write: Callable[[date, str], str], *, day_first: bool
) -> str:
    """The line with each day that it gives in figures as `write` has it, given the day and the
    words that said it. What could be a day and is none stays as it is."""

    def anew(match: re.Match[str]) -> str:
        day = _day(match[0].lower(), written_on, day_first) if _NUMBER.search(match[0]) else None
        return write(day, match[0]) if day else match[0]

    return LOOKS_LIKE_DATE.sub(anew, line)


def _day(text: str, on: date, day_first: bool) -> date | None:
    """The day that one expression means; None if nobody could say."""
    words, numbers = _WORD.findall(text), [int(n) for n in _NUMBER.findall(text)]
    month = next((_MONTHS[word] for word in words if word in _MONTHS), None)
    if month and numbers:
        year = next((n for n in numbers if n > 31), None)
        return _from(on, year, month, numbers[0])
    if numbers:
        return _numeric(text, numbers, on, day_first)
    weekday = next((_WEEKDAYS[word] for word in words if word in _WEEKDAYS), None)
    if weekday is not None:
        return on + timedelta(days=(weekday - on.weekday() - 1) % 7 + 1)
    if text in _TOMORROW:
        return on + timedelta(days=1)
    if re.fullmatch(_MONTH_END, text):
        return on.replace(day=monthrange(on.year, on.month)[1])
    return None


def _numeric(text: str, numbers: list[int], on: date, day_first: bool) -> date | None:
    if len(numbers) < 2:
        return None  # "5 aprıl": IGNORECASE takes letters that no month here is written with
    if re.fullmatch(_ISO, text):
        return _from(on, *numbers)
    first, second, *rest = numbers
    year = rest[0] if rest else None
    if "." in text or first > 12 or (day_first and second <= 12):
        first, second = second, first
    return _from(on, year + 2000 if year is not None and year < 100 else year, first, second)


def _from(on: date, year: int | None, month: int, day: int) -> date | None:
    """Without a year, the next such day; None for the thirtieth of February."""
    return next(_valid((year,) if year else (on.year, on.year + 1), month, day, on), None)


def _valid(years: tuple[int, ...], month: int, day: int, on: date) -> Iterator[date]:
    for year in years:
        try:
            found = date(year, month, day)
        except ValueError:
            continue
        if len(years) == 1 or found >= on:
            yield found
