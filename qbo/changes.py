"""Change data capture: what changed or was deleted since some time, even if that is a lot.

An answer has at most 1000 objects of all kinds together, those deleted last; there is no second
page, and the period always ends now (Intuit). So whatever may have been cut off is requested again:
kind by kind and, if a single kind is still too much, for shorter and shorter periods until the
deletions fit. The living objects of such a kind can be listed by a query.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from qbo.answers import Broken, OnBroken, Raw, read, row_id, rows
from qbo.errors import Unreachable, fault_in
from qbo.models import CreditMemo, Customer, Deleted, Entity, Invoice, Payment

NEARLY_FULL = 990
"""With this many objects in an answer, some may be missing."""
SHORTEST = timedelta(minutes=1)
"""A period this short is not halved again, even if it still has too much."""

E = TypeVar("E", bound=Entity)
Ask = Callable[[Sequence[type[Entity]], datetime], Raw]
"""(kinds, since) → QuickBooks' answer for the period until now. Raises QuickBooksError."""


@dataclass(frozen=True)
class Changes:
    """What changed. The next call starts from `server_time`, less an overlap.

    `capped` names the kinds whose living records may be incomplete: read those with
    `QuickBooks.changed_since`. No deletion after `deleted_since` is missing: if that is later than
    the time asked for, earlier ones can only be found by reading each record by id.
    """

    server_time: datetime
    deleted_since: datetime
    invoices: tuple[Invoice, ...] = ()
    payments: tuple[Payment, ...] = ()
    credit_memos: tuple[CreditMemo, ...] = ()
    customers: tuple[Customer, ...] = ()
    deleted: tuple[Deleted, ...] = ()
    capped: frozenset[type[Entity]] = frozenset()

    @property
    def living(self) -> list[Entity]:
        """Everything that changed and was not deleted, kind by kind."""
        return [*self.invoices, *self.payments, *self.credit_memos, *self.customers]


def everything(
    ask: Ask, kinds: Sequence[type[Entity]], since: datetime, on_broken: OnBroken
) -> Changes:
    """Ask once, and again for whatever was cut off. Raises QuickBooksError."""
    answer, doubts = ask(kinds, since), list[Broken]()
    found = _read(answer, kinds, since, doubts.append)
    if _is_full(answer, kinds):
        if len(kinds) == 1:
            return _deletions(ask, kinds[0], replace(found, capped=frozenset(kinds)))
        apart = [everything(ask, [kind], since, on_broken) for kind in kinds]
        return _joined(found.server_time, apart)
    for each in doubts:
        on_broken(each)
    return found


def _deletions(ask: Ask, kind: type[Entity], full: Changes) -> Changes:
    """The deletions of the longest period until now for which all of them fit."""
    deleted, window, all_told = set(full.deleted), full.server_time - full.deleted_since, False
    since = full.server_time
    while not all_told and window > SHORTEST:
        window /= 2
        answer = ask([kind], full.server_time - window)
        deleted |= set(_deleted(answer, [kind]))
        all_told = not _is_full(answer, [kind])
    if all_told:
        since -= window
    told = sorted(deleted, key=lambda each: each.id)
    return Changes(full.server_time, since, deleted=tuple(told), capped=full.capped)


def _joined(server_time: datetime, apart: Sequence[Changes]) -> Changes:
    return Changes(
        server_time=server_time,
        deleted_since=max(found.deleted_since for found in apart),
        invoices=tuple(each for found in apart for each in found.invoices),
        payments=tuple(each for found in apart for each in found.payments),
        credit_memos=tuple(each for found in apart for each in found.credit_memos),
        customers=tuple(each for found in apart for each in found.customers),
        deleted=tuple(each for found in apart for each in found.deleted),
        capped=frozenset().union(*(found.capped for found in apart)),
    )


def _read(
    answer: Raw, kinds: Sequence[type[Entity]], since: datetime, on_broken: OnBroken
) -> Changes:
    def living(kind: type[E]) -> tuple[E, ...]:
        found = _changed(answer, kind) if kind in kinds else ()
        numbered = [(n, row) for n, row in enumerate(found, 1) if not _dead(row)]
        return tuple(read(kind, numbered, on_broken))

    return Changes(
        server_time=_server_time(answer),
        deleted_since=since,
        invoices=living(Invoice),
        payments=living(Payment),
        credit_memos=living(CreditMemo),
        customers=living(Customer),
        deleted=tuple(_deleted(answer, kinds)),
    )


def _is_full(answer: Raw, kinds: Sequence[type[Entity]]) -> bool:
    return sum(1 for kind in kinds for _ in _changed(answer, kind)) >= NEARLY_FULL


def _deleted(answer: Raw, kinds: Sequence[type[Entity]]) -> Iterator[Deleted]:
    for kind in kinds:
        dead = (row for row in _changed(answer, kind) if _dead(row))
        yield from (Deleted(entity=kind.ENTITY, id=row_id(row)) for row in dead)


def _changed(answer: Raw, kind: type[Entity]) -> Iterator[Raw]:
    """The changed rows of a kind. Groups are found by name, since their order may vary."""
    for group in _groups(answer):
        yield from rows({"QueryResponse": group}, kind.ENTITY)


def _groups(answer: Raw) -> Iterator[Raw]:
    for response in answer.get("CDCResponse") or ():
        if error := fault_in(response):
            raise error
        yield from response.get("QueryResponse") or ()


def _dead(row: Raw) -> bool:
    return row.get("status") == "Deleted"


def _server_time(answer: Raw) -> datetime:
    try:
        return datetime.fromisoformat(str(answer.get("time"))).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreachable("QuickBooks' answer does not tell its time") from None
