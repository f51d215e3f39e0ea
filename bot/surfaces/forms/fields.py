"""The fields of forms: how each kind is drawn, and how what a person entered is read again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from bot.blockkit.blocks import Block, paragraph, plain, rich, text
from bot.blockkit.escaping import cap, clean, revealed
from bot.blockkit.ids import Field, block_id, field_of
from bot.surfaces import wording
from bot.surfaces.card.reasons import ReasonOption
from jobs.rules.case import CaseView
from jobs.rules.facts.facts import Invoice
from jobs.rules.figures import short_day
from jobs.rules.plain import shortened

Values = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""view["state"]["values"]: block id → action id → what was entered."""

MOST_OPTIONS = 100
"""Options of a multi-select; radio buttons have at most ten."""
LONGEST = timedelta(days=365)
"""Anything put off for longer would be forgotten, not reviewed."""

_Choice = TypeVar("_Choice", bound=StrEnum)


class UnusableError(ValueError):
    """`errors` is what `response_action: errors` takes: block id → a sentence."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = errors


def labelled(
    field: Field,
    version: int,
    label: str,
    element: Block,
    *,
    hint: str = "",
    optional: bool = False,
) -> Block:
    """An input; `version` keeps a client from showing what was typed into an older one."""
    made: Block = {"type": "input", "block_id": block_id(field, version), "element": element}
    made |= {"label": plain(label, 2000), "optional": optional}
    return made | ({"hint": plain(hint, 2000)} if hint else {})


def line(field: Field, value: str, *, many: bool = False) -> Block:
    """Text on one line, or on many."""
    made: Block = {"type": "plain_text_input", "action_id": field.value, "multiline": many}
    return made | ({"initial_value": value} if value else {})


def shown(name: str, value: str) -> list[Block]:
    """What a form repeats word for word and does not ask for; nothing if it is empty."""
    words = cap(revealed(value), 3000)
    return [rich(paragraph(text(f"{name}: ", bold=True), text(words)))] if value else []


def comment(view: CaseView, label: str, *, optional: bool = False) -> Block:
    """What a person adds in their own words."""
    element = line(Field.COMMENT, "", many=True) | {"max_length": 1000}
    return labelled(Field.COMMENT, view.version, label, element, optional=optional)


def day(view: CaseView, label: str, proposed: date, *, hint: str = "") -> Block:
    """A date; `proposed` stands in it."""
    element = {"type": "datepicker", "action_id": Field.UNTIL.value}
    element["initial_date"] = proposed.isoformat()
    return labelled(Field.UNTIL, view.version, label, element, hint=hint)


def radio(field: Field, options: dict[str, ReasonOption], chosen: str) -> Block:
    """One of several; `chosen` is marked."""
    made = {name: option(name, words) for name, words in options.items()}
    element: Block = {"type": "radio_buttons", "action_id": field.value}
    element["options"] = list(made.values())
    return element | ({"initial_option": made[chosen]} if chosen in made else {})


def address_key(address: str) -> str:
    """An option's value in place of an address, which is looked up again among those on offer."""
    return hashlib.sha256(address.strip().lower().encode("utf-8", "replace")).hexdigest()[:16]


def option(value: str, words: ReasonOption) -> Block:
    """One choice, with what follows from it."""
    made: Block = {"text": plain(words.label, 75), "value": value}
    told = {"description": plain(words.consequence, 75)} if words.consequence else {}
    return made | told


def invoices(view: CaseView, label: str, hint: str) -> list[Block]:
    """Some invoices of the case; nothing if it has none."""
    some = view.facts.invoices[:MOST_OPTIONS]
    if not some:
        return []
    rest = len(view.facts.invoices) - len(some)
    more = f" Only the oldest {MOST_OPTIONS} can be chosen here, not {rest} others." if rest else ""
    element: Block = {"type": "multi_static_select", "action_id": Field.INVOICES.value}
    names = wording.invoice_names(view.facts.invoices)
    element["options"] = [option(one.id, _named(one, names[one.id])) for one in some]
    element["placeholder"] = plain("Choose invoices", 150)
    made = labelled(Field.INVOICES, view.version, label, element, hint=hint + more, optional=True)
    return [made]


def _named(one: Invoice, called: str) -> ReasonOption:
    name = shortened(called, 40)
    return ReasonOption(f"{name}, {wording.money(one.open)} open", "")


def paragraphs(words: str) -> str:
    """Without hidden characters, empty lines around it and spaces at line ends."""
    return "\n".join(line.rstrip() for line in clean(words).split("\n")).strip("\n")


def required(values: Values, field: Field, tidy: Callable[[str], str], told: str) -> str:
    """The text, tidied. Raises UnusableError if it is empty; `told` says what to do."""
    words = tidy(_raw(values, field, "value"))
    if not words.strip():
        raise unusable(values, field, told)
    return words


def typed(values: Values, field: Field) -> str:
    """The text, tidied; perhaps empty."""
    return paragraphs(_raw(values, field, "value")).strip()


def chosen(values: Values, field: Field, kinds: type[_Choice]) -> _Choice:
    """The chosen one of these. Raises UnusableError."""
    try:
        return kinds(selected(values, field))
    except ValueError:
        raise unusable(values, field, "Please choose one of these.") from None


def selected(values: Values, field: Field) -> str:
    """The value of the chosen option, or empty."""
    found = _input(values, field).get("selected_option")
    value = found.get("value") if isinstance(found, dict) else None
    return value if isinstance(value, str) else ""


def person(field: Field, chosen: str = "", placeholder: str = "Choose a person") -> Block:
    """Somebody of the workspace; `chosen` is a user id, or empty."""
    element: Block = {"type": "users_select", "action_id": field.value}
    element["placeholder"] = plain(placeholder, 150)
    return element | ({"initial_user": chosen} if chosen else {})


def user(values: Values, field: Field) -> str:
    """The id of the chosen person, or empty."""
    return _raw(values, field, "selected_user")


def several(values: Values, field: Field) -> tuple[str, ...]:
    """The values of the chosen options."""
    found = _input(values, field).get("selected_options") or []
    return tuple(str(one["value"]) for one in found if isinstance(one, dict) and "value" in one)


def asked(values: Values, *names: Field) -> bool:
    """Whether the form has one of these fields."""
    return any(field_of(block) in names for block in values)


def day_after(values: Values, today: date) -> date:
    """A date after `today`, at most a year. Raises UnusableError."""
    try:
        chosen = date.fromisoformat(_raw(values, Field.UNTIL, "selected_date"))
    except ValueError:
        raise unusable(values, Field.UNTIL, "Please choose a day.") from None
    if chosen <= today:
        raise unusable(values, Field.UNTIL, "Please choose a day after today.")
    if chosen > today + LONGEST:
        last = short_day(today + LONGEST)
        raise unusable(values, Field.UNTIL, f"Please choose a day within a year, up to {last}.")
    return chosen


def _raw(values: Values, field: Field, name: str) -> str:
    found = _input(values, field).get(name)
    return found if isinstance(found, str) else ""


def _input(values: Values, field: Field) -> Mapping[str, Any]:
    block = values.get(block_of(values, field), {})
    return block.get(field.value) or {}


def block_of(values: Values, field: Field) -> str:
    """The block id under which a field came back."""
    return next((block for block in values if field_of(block) == field.value), field.value)


def unusable(values: Values, field: Field, told: str) -> UnusableError:
    """The error, to be shown at this field."""
    return UnusableError({block_of(values, field): told})
