"""An amount with its currency; amounts in two currencies are never added."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Money:
    """`amount` in major units (dollars, not cents) of the ISO 4217 `currency`."""

    amount: Decimal
    currency: str

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same(other), self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._same(other)

    def _same(self, other: Money) -> Decimal:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} cannot be put together")
        return other.amount


def total(amounts: Iterable[Money], currency: str) -> Money:
    """The sum of `amounts`, all of which must be in `currency`; zero if there are none."""
    return sum(amounts, Money(Decimal(0), currency))
