"""What a person submitted in a modal, as typed values; UnusableError says what to correct."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from bot.blockkit.escaping import clean, one_line
from bot.blockkit.ids import Field, field_of
from bot.surfaces import wording
from bot.surfaces.modals import address_key, fingerprint
from jobs.decide.edit import Text
from jobs.decide.hold import Holding, Snooze
from jobs.decide.reject import Rejection
from jobs.rules.past import HoldKind
from jobs.rules.states import RejectReason

Values = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""view["state"]["values"]: block id → action id → what was entered."""

LONGEST = timedelta(days=365)
"""Anything put off for longer would be forgotten, not reviewed."""

_Choice = TypeVar("_Choice", bound=StrEnum)


class UnusableError(ValueError):
    """`errors` is what `response_action: errors` takes: block id → a sentence."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = errors


def edited(values: Values, seen: str = "") -> Text:
    """A subject on one line and a body with newlines as line ends.

    Raises UnusableError if a part is empty. `seen` is the fingerprint of the text whose violations
    were shown: the same text again insists on it.
    """
    subject = _required(values, Field.SUBJECT, one_line, "Please write a subject.")
    body = _required(values, Field.BODY, _paragraphs, "Please write a message.")
    marked = bool(_several(values, Field.MARKED))
    return Text(subject, body, seen == fingerprint(subject, body, marked), marked)


def rejection(values: Values) -> Rejection:
    """The rejection. Raises UnusableError for a dispute without invoices, or "other" without a
    comment."""
    reason = _chosen(values, Field.REASON, RejectReason)
    comment = _typed(values, Field.COMMENT)
    if reason is RejectReason.OTHER and not comment:
        raise _error(values, Field.COMMENT, "Please say why, so that others understand.")
    if reason is not RejectReason.DISPUTED:
        return Rejection(reason, comment)
    invoices = _several(values, Field.INVOICES)
    if not invoices:
        raise _error(values, Field.INVOICES, "Please choose the disputed invoices.")
    return Rejection(reason, comment, invoices)


def was_paid(values: Values) -> Rejection:
    """A rejection whose reason is that of the form; a comment is optional."""
    return Rejection(RejectReason.ALREADY_PAID, _typed(values, Field.COMMENT))


def holding(values: Values, today: date) -> Holding:
    """The hold; its review date must be after `today`, a date in the company's zone."""
    kind = _chosen(values, Field.KIND, HoldKind)
    until = _day_after(values, today)
    return Holding(kind, until, _typed(values, Field.COMMENT), _several(values, Field.INVOICES))


def snoozing(values: Values, today: date) -> Snooze:
    """The snooze; its date must be after `today`, a date in the company's zone."""
    return Snooze(_day_after(values, today), _typed(values, Field.COMMENT))


def reason(values: Values) -> str:
    """Why a draft is right anyway. Raises UnusableError if it is empty."""
    return _required(values, Field.COMMENT, _paragraphs, "Please give a reason; it goes on record.")


def chosen_address(values: Values, candidates: Sequence[str]) -> str:
    """The chosen one of `candidates`, the current addresses in the ledger."""
    key = _option(values, Field.ADDRESS)
    found = [one for one in candidates if address_key(one) == key]
    if not found:
        raise _error(values, Field.ADDRESS, "That address is no longer in QuickBooks.")
    return found[0]


def _paragraphs(words: str) -> str:
    return "\n".join(line.rstrip() for line in clean(words).split("\n")).strip("\n")


def _required(values: Values, field: Field, tidy: Callable[[str], str], told: str) -> str:
    words = tidy(_raw(values, field, "value"))
    if not words.strip():
        raise _error(values, field, told)
    return words


def _typed(values: Values, field: Field) -> str:
    return _paragraphs(_raw(values, field, "value")).strip()


def _chosen(values: Values, field: Field, kinds: type[_Choice]) -> _Choice:
    try:
        return kinds(_option(values, field))
    except ValueError:
        raise _error(values, field, "Please choose one of these.") from None


def _option(values: Values, field: Field) -> str:
    found = _input(values, field).get("selected_option")
    value = found.get("value") if isinstance(found, dict) else None
    return value if isinstance(value, str) else ""


def _several(values: Values, field: Field) -> tuple[str, ...]:
    found = _input(values, field).get("selected_options") or []
    return tuple(str(one["value"]) for one in found if isinstance(one, dict) and "value" in one)


def _day_after(values: Values, today: date) -> date:
    try:
        day = date.fromisoformat(_raw(values, Field.UNTIL, "selected_date"))
    except ValueError:
        raise _error(values, Field.UNTIL, "Please choose a day.") from None
    if day <= today:
        raise _error(values, Field.UNTIL, "Please choose a day after today.")
    if day > today + LONGEST:
        last = wording.day(today + LONGEST)
        raise _error(values, Field.UNTIL, f"Please choose a day within a year, up to {last}.")
    return day


def _raw(values: Values, field: Field, name: str) -> str:
    found = _input(values, field).get(name)
    return found if isinstance(found, str) else ""


def _input(values: Values, field: Field) -> Mapping[str, Any]:
    block = values.get(_block(values, field), {})
    return block.get(field.value) or {}


def _block(values: Values, field: Field) -> str:
    return next((block for block in values if field_of(block) == field.value), field.value)


def _error(values: Values, field: Field, told: str) -> UnusableError:
    return UnusableError({_block(values, field): told})
