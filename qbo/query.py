"""QuickBooks' query language: statements, quoting, paging, and pages broken by a bad record.

The language has no OR, no inequality, no joins and no projection. Every variable part goes through
`quote`, dates and amounts included; only field names are written directly, by us.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar

from qbo.errors import PoisonedPage

PAGE = 1000  # the most rows in one answer (documented)
OVERLAP = 10  # rows that a page repeats from the previous one, to see that none was missed
IDS_AT_ONCE = 200  # keeps the URL of a request below 8,000 characters
BROKEN_AT_MOST = 10  # more than this in one listing is an outage, not a bad record
ACTIVE_OR_NOT = "Active IN (true,false)"  # by default, name lists return active entries only

T = TypeVar("T")
Value = str | date | datetime | Decimal


def quote(value: Value) -> str:
    r"""A literal: in single quotes, with `\'` for an apostrophe; a time with its offset.

    Raises ValueError for control characters and naive times, which no field of ours can hold.
    """
    text = _moment(value) if isinstance(value, datetime) else str(value)
    if not text.isprintable():
        raise ValueError("a query value must be printable text")
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _moment(value: datetime) -> str:
    if value.utcoffset() is None:
        raise ValueError("a query needs times with an offset")
    return value.isoformat(timespec="seconds")


def where(field: str, operator: str, value: Value) -> str:
    """One condition such as `Balance > '0'`; `operator` is one of `= < > <= >=`."""
    return f"{field} {operator} {quote(value)}"


def among(field: str, values: Sequence[str]) -> str:
    """One condition such as `Id IN ('742','756')`; raises ValueError if there are no values."""
    if not values:
        raise ValueError(f"{field} IN needs at least one value")
    return f"{field} IN ({','.join(quote(value) for value in values)})"


@dataclass(frozen=True)
class Select:
    """A statement without paging. `entity` is QuickBooks' name; conditions are joined by AND."""

    entity: str
    conditions: tuple[str, ...] = ()

    def page(self, start: int = 1, size: int = PAGE) -> str:
        """The statement for `size` rows from row `start`, counted from 1."""
        parts = [f"SELECT * FROM {self.entity}"]  # noqa: S608 - conditions are quoted above
        parts += [f"WHERE {' AND '.join(self.conditions)}"] if self.conditions else []
        return " ".join([*parts, f"STARTPOSITION {start} MAXRESULTS {size}"])


def chunks(ids: Sequence[str], size: int = IDS_AT_ONCE) -> Iterator[list[str]]:
    """The distinct ids, in lists short enough for one IN."""
    unique = list(dict.fromkeys(ids))
    for start in range(0, len(unique), size):
        yield unique[start : start + size]


Fetch = Callable[[int, int], Sequence[T]]
"""(start, size) → up to `size` rows from position `start`; may raise PoisonedPage."""


def pages(
    fetch: Fetch[T],
    name: Callable[[T], str],
    on_broken: Callable[[int, PoisonedPage], None],
    size: int = PAGE,
) -> Iterator[tuple[int, Sequence[T]]]:
    """Every row: (position of the first, rows) per page, until a page is shorter than requested.

    Rows leave the list while it is read, and those behind them move up. So each page repeats some
    rows of the previous one; if none of them matches, the page is requested again from further
    ahead. Rows therefore repeat between pages, and a page may have one more than requested: the
    caller keeps the first of each `name`. A record that breaks its page is found by halving, passed
    to `on_broken` with its position (from 1), and left out; the rest of its page is delivered.
    After BROKEN_AT_MOST such records the error itself is raised.
    """
    found = _Found(on_broken)
    overlap = min(OVERLAP, size // 2)
    start, before = 1, frozenset[str]()
    while True:
        found.here.clear()
        rows = bisect(fetch, found.report, start, size)
        names = frozenset(map(name, rows)) - {""}
        unreadable = found.here.issuperset(range(start, start + overlap))
        if start > 1 and overlap and not (names & before or unreadable):
            start = max(1, start - size // 2)
            continue
        yield start, rows
        if len(rows) + len(found.here) < size:
            return
        start, before = start + size - overlap, names


def bisect(
    fetch: Fetch[T], on_broken: Callable[[int, PoisonedPage], None], start: int, size: int
) -> Sequence[T]:
    """The rows of one page without those that break it, which are passed to `on_broken`."""
    return _bisected(fetch, on_broken, start, size)[0]


def _bisected(
    fetch: Fetch[T], on_broken: Callable[[int, PoisonedPage], None], start: int, size: int
) -> tuple[Sequence[T], bool]:
    """The rows, and whether more may follow: if a half is short, the list ends there."""
    try:
        rows = fetch(start, size)
    except PoisonedPage as error:
        if size == 1:
            on_broken(start, error)
            return [], True
    else:
        return rows, len(rows) >= size
    half = size // 2
    first, more = _bisected(fetch, on_broken, start, half)
    if not more:
        return first, False
    second, more = _bisected(fetch, on_broken, start + half, size - half)
    return [*first, *second], more


class _Found:
    """Reports each broken record once, and gives up if everything seems broken."""

    def __init__(self, on_broken: Callable[[int, PoisonedPage], None]) -> None:
        self.here: set[int] = set()
        """Positions on the current page."""
        self._told: set[int] = set()
        self._tell = on_broken

    def report(self, position: int, error: PoisonedPage) -> None:
        self.here.add(position)
        if position in self._told:
            return
        self._told.add(position)
        if len(self._told) > BROKEN_AT_MOST:
            raise error
        self._tell(position, error)
