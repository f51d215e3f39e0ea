"""Which rows of the books a query means, in which order."""

import operator
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tests.sandbox.company import Entity
from tests.sandbox.quickbooks.books import Books
from tests.sandbox.quickbooks.query import Condition, Query
from tests.sandbox.quickbooks.schema import Sort

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


class Selection:
    """The rows of queries over one company's books, remembered until the books change."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self._version = -1
        self._known: dict[object, list[Entity]] = {}

    def rows(self, query: Query) -> list[Entity]:
        """All rows that match, in order; the page is for the caller to cut."""
        if self._version != self.books.version:
            self._known, self._version = {}, self.books.version
        key = (query.entity.name, query.where, query.order)
        if key not in self._known:
            self._known[key] = self._found(query)
        return self._known[key]

    def _found(self, query: Query) -> list[Entity]:
        kind = query.entity.name
        tests = [_test(kind, condition) for condition in query.where]
        if query.entity.named_list and not any(c.name == "Active" for c in query.where):
            tests.append(lambda entity: bool(entity.get("Active", True)))
        rows = [e for e in self.books.tables[kind].values() if all(test(e) for test in tests)]
        rows.sort(key=lambda entity: int(entity["Id"]))
        for name, sort, descending in reversed(query.order):
            rows.sort(key=_order(kind, name, sort), reverse=descending)
        return rows


def _test(kind: str, condition: Condition) -> Callable[[Entity], bool]:
    values = _getter(kind, condition.name, condition.sort)
    matches = _matcher(condition)
    return lambda entity: any(matches(value) for value in values(entity))


def _matcher(condition: Condition) -> Callable[[Any], bool]:
    wanted = [_comparable(value) for value in condition.values]
    if condition.operator == "IN":
        among = frozenset(wanted)
        return lambda value: value in among
    if condition.operator == "LIKE":
        parts = (re.escape(part) for part in str(wanted[0]).split("%"))
        pattern = re.compile(".*".join(parts), re.DOTALL)
        return lambda value: pattern.fullmatch(value) is not None
    compare, only = _COMPARE[condition.operator], wanted[0]
    return lambda value: compare(value, only)


def _order(kind: str, name: str, sort: Sort) -> Callable[[Entity], tuple[bool, Any]]:
    values = _getter(kind, name, sort)

    def key(entity: Entity) -> tuple[bool, Any]:
        found = values(entity)
        if not found:
            return (False, None)
        return (True, int(found[0]) if sort is Sort.ID else found[0])

    return key


def _getter(kind: str, name: str, sort: Sort) -> Callable[[Entity], list[Any]]:
    """The values of a property in comparable form: none where it is absent."""
    path = name.replace("EntityRef.Type", "EntityRef.type").split(".")  # as Intuit writes it

    def values(entity: Entity) -> list[Any]:
        found: list[Any] = [entity]
        for part in path:
            found = [item[part] for item in found if isinstance(item, dict) and part in item]
            found = [inner for item in found for inner in _each(item)]
        return [_stored(kind, name, sort, item) for item in found]

    return values


def _each(item: Any) -> list[Any]:
    return item if isinstance(item, list) else [item]


def _stored(kind: str, name: str, sort: Sort, item: Any) -> Any:
    if sort is Sort.TIME:
        return datetime.fromisoformat(item)
    if isinstance(item, dict):
        item = item.get("value") or item.get("Address", "")
    if (kind, name) == ("CreditMemo", "Balance"):
        # The filter sees an open credit as a negative balance, the answer shows it positive.
        return -Decimal(item)
    return _comparable(item)


def _comparable(value: Any) -> Any:
    if isinstance(value, str):
        return value.casefold()
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    return value
