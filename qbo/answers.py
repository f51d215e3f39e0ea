"""QuickBooks' parsed JSON: one object, rows, the replies to a batch.

Validation errors quote what they could not read, so they never leave this module.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, TypeVar

from pydantic import Field, ValidationError, create_model

from qbo.errors import Gone, PoisonedPage, QuickBooksError, Unreachable, fault_in
from qbo.models import AN_ID, CreditMemo, Customer, Entity, Invoice, Payment, Record
from qbo.query import Select

EXACT_BELOW = 10**12  # with three decimals 15 digits, which a double always keeps

KINDS: Mapping[str, type[Entity]] = {
    kind.ENTITY: kind for kind in (Invoice, Payment, CreditMemo, Customer)
}
"""The entities that can be listed, by QuickBooks' name."""

Raw = dict[str, Any]
E = TypeVar("E", bound=Entity)
R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Broken:
    """A record that could not be read: its place in a listing (from 1), and its id if known.

    `customer` is the customer it belongs to, or empty; `unfit` names the fields whose values we do
    not accept, and is empty if QuickBooks itself could not deliver the record.
    """

    entity: str
    position: int
    id: str = ""
    customer: str = field(default="", compare=False)
    unfit: str = field(default="", compare=False)


OnBroken = Callable[[Broken], None]


def raise_broken(broken: Broken) -> None:
    """Raise PoisonedPage: what happens to a broken record if there is no `on_broken`."""
    place = f"with id {broken.id}" if broken.id else f"at position {broken.position}"
    raise PoisonedPage(
        f"The {broken.entity} {place} cannot be read: open it in QuickBooks and save it again"
    )


def leave_out(_: Broken) -> None:
    """An `on_broken` that ignores the record, because nothing depends on it."""


def part(answer: Raw, name: str) -> Raw:
    """The object under `name`; raises Unreachable if the answer has none."""
    found = answer.get(name)
    if isinstance(found, dict):
        return found
    raise Unreachable(f"QuickBooks' answer holds no {name}")


def record(kind: type[R], answer: Raw) -> R:
    """The single object in an answer; raises Gone if deleted, PoisonedPage if broken."""
    raw = part(answer, kind.__name__)
    if raw.get("status") == "Deleted":
        raise Gone(f"This {kind.__name__} was deleted in QuickBooks")
    try:
        return kind.model_validate(raw)
    except ValidationError:
        raise PoisonedPage(f"QuickBooks sent a {kind.__name__} that cannot be read") from None


def rows(answer: Raw, entity: str) -> list[Raw]:
    """The rows of a query; an empty result does not even have a key for the entity."""
    found = part(answer, "QueryResponse").get(entity, [])
    if isinstance(found, list) and all(isinstance(row, dict) for row in found):
        return found
    raise Unreachable(f"QuickBooks' answer holds no list of {entity}")


def _envelope(kind: type[Entity]) -> type[Any]:
    listed: Any = Field(default_factory=list, validation_alias=kind.ENTITY)
    inner = create_model("QueryResponse", found=(list[kind], listed))  # type: ignore[valid-type]
    outer: Any = Field(validation_alias="QueryResponse")
    return create_model("Envelope", response=(inner, outer))


_AT_ONCE: dict[type[Entity], type[Any]] = {kind: _envelope(kind) for kind in (Invoice, Customer)}
_NOT_ASKED: set[str] = set()


def at_once(kind: type[E], content: bytes) -> list[E]:
    """The objects of a query's answer, straight from its bytes; empty if that is not safe.

    This is several times as fast as first building everything that we would only drop. But amounts
    pass through a double here, so an answer with amounts too large to be exact, or with a record
    that cannot be read, has to be read the slow way.
    """
    if kind not in _AT_ONCE:
        return []
    try:
        answer = _AT_ONCE[kind].model_validate_json(content)
    except ValidationError:
        return []
    found: list[E] = answer.response.found
    if not _exact(kind, found):
        return []
    for record in found:
        # nobody asks which fields were set, and remembering that doubles a record's size
        object.__setattr__(record, "__pydantic_fields_set__", _NOT_ASKED)
    return found


def _exact(kind: type[Entity], found: Sequence[Entity]) -> bool:
    """Whether all amounts are small enough for a double to hold them exactly."""
    names = ("total", "balance") if kind is Invoice else ("balance",)
    amounts = [amount for name in names for amount in map(attrgetter(name), found)]
    return not amounts or -EXACT_BELOW < min(amounts) <= max(amounts) < EXACT_BELOW


def row_id(row: Raw | Entity) -> str:
    """Its id, or "" if it has no valid one."""
    if isinstance(row, Entity):
        return row.id
    id = str(row.get("Id") or "")
    return id if re.fullmatch(AN_ID, id) else ""


def _customer_of(row: Raw | Entity) -> str:
    """The customer it belongs to, or "" if that is unknown."""
    found = row.get("CustomerRef") if isinstance(row, dict) else None
    return row_id({"Id": found.get("value")}) if isinstance(found, dict) else ""


def _fields(error: ValidationError) -> str:
    """The names (QuickBooks') of invalid fields; never their values."""
    return ", ".join(dict.fromkeys(str(each["loc"][0]) for each in error.errors() if each["loc"]))


def read(kind: type[E], numbered: Sequence[tuple[int, Raw | E]], on_broken: OnBroken) -> list[E]:
    """The objects of these (position, row) pairs; unreadable ones are passed to `on_broken`."""
    found: list[E] = []
    for position, row in numbered:
        if isinstance(row, kind):
            found.append(row)
            continue
        try:
            found.append(kind.model_validate(row))
        except ValidationError as error:
            unfit = _fields(error)
            on_broken(Broken(kind.ENTITY, position, row_id(row), _customer_of(row), unfit))
    return found


def reply(item: Raw | None, select: Select) -> list[Entity] | QuickBooksError:
    """The rows, or the error, of one item of a batch; `item` is None if it never came."""
    if item is None:
        return Unreachable("QuickBooks left this question of a batch unanswered")
    try:
        found = fault_in(item) or rows(item, select.entity)
        return found if isinstance(found, QuickBooksError) else _all(select, found)
    except QuickBooksError as error:
        return error


def _all(select: Select, found: list[Raw]) -> list[Entity]:
    return read(KINDS[select.entity], list(enumerate(found, 1)), raise_broken)
