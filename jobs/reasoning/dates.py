"""What may be meant as a date, in the languages that customers write."""

from __future__ import annotations

import re

_MONTHS = (
    *("jan", "january", "januar", "janvier", "enero", "ene"),
    *("feb", "february", "februar", "février", "fevrier", "febrero"),
    *("mar", "march", "märz", "maerz", "mars", "marzo"),
    *("apr", "april", "avril", "abril", "abr"),
    *("may", "mai", "mayo"),
    *("jun", "june", "juni", "juin", "junio"),
    *("jul", "july", "juli", "juillet", "julio"),
    *("aug", "august", "août", "aout", "agosto", "ago"),
    *("sep", "sept", "september", "septembre", "septiembre"),
    *("oct", "october", "oktober", "okt", "octobre", "octubre"),
    *("nov", "november", "novembre", "noviembre"),
    *("dec", "december", "dezember", "dez", "décembre", "decembre", "diciembre", "dic"),
)
_DAYS = (
    *("monday", "montag", "lundi", "lunes"),
    *("tuesday", "dienstag", "mardi", "martes"),
    *("wednesday", "mittwoch", "mercredi", "miércoles", "miercoles"),
    *("thursday", "donnerstag", "jeudi", "jueves"),
    *("friday", "freitag", "vendredi", "viernes"),
    *("saturday", "samstag", "samedi", "sábado"),
    *("sunday", "sonntag", "dimanche", "domingo"),
    *("tomorrow", "morgen", "demain", "mañana"),
)
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_ISO = r"\b20\d\d-\d{1,2}-\d{1,2}\b"
_DAY_FIRST = (
    rf"\b\d{{1,2}}(?:st|nd|rd|th|er|\.)?\s*(?:of\s+|de\s+)?(?:{_MONTH})\b\.?"
    r"(?:,?\s*(?:de\s+)?20\d\d\b)?"
)
_MONTH_FIRST = rf"\b(?:{_MONTH})\b\.?\s+\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s*20\d\d\b)?"
_DOTTED = r"(?<!\d)\d{1,2}\.\d{1,2}\.(?:20\d\d)?(?!\d)"
_SLASHED = r"\b\d{1,2}/\d{1,2}(?:/\d{2,4})?\b"
_DAY = rf"\b(?:{'|'.join(_DAYS)})\b"
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
