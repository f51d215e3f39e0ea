"""What a line promises: a day and an amount, as far as the line itself says them.

Both are only offered to a person, who confirms them or types others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from babel.numbers import get_currency_symbol

from jobs.reasoning.phrases.dates import day_meant
from jobs.rules.figures import Money

MONTH_FIRST = frozenset({"US", "PH"})
"""Countries in which 4/12 is the twelfth of April."""
LARGEST = Decimal(10) ** 9

_FIGURE = r"\d{1,3}(?:[.,' ]\d{3})+(?:[.,]\d{2})?|\d+(?:[.,]\d{2})?"
_SIGN = r"[A-Z]{0,3}[$£€¥]|[A-Z]{3}"
_AMOUNT = re.compile(
    rf"(?<![\w.,])(?:(?P<before>{_SIGN}) ?(?P<first>{_FIGURE})"
    rf"|(?P<second>{_FIGURE}) ?(?P<after>{_SIGN})"
    r"|(?P<bare>\d{1,3}(?:[.,']\d{3})*[.,]\d{2}))(?![\w]|[.,/-]\d)"
)


@dataclass(frozen=True)
class Offer:
    """`on` or `amount` is None where the line names none, or several."""

    on: date | None
    amount: Money | None


def offer(line: str, written_on: date, country: str, currency: str) -> Offer:
    """The day and the amount in a line that promises to pay.

    `written_on` is a day in the company's zone, `country` its country, `currency` the case's.
    """
    on = day_meant(line, written_on, day_first=country not in MONTH_FIRST)
    amounts = {found for m in _AMOUNT.finditer(line) if (found := _money(m, currency))}
    return Offer(on, amounts.pop() if len(amounts) == 1 else None)


def _money(match: re.Match[str], currency: str) -> Money | None:
    sign = match["before"] or match["after"]
    ours = {currency, get_currency_symbol(currency, "en_US"), get_currency_symbol(currency, "de")}
    if sign and sign not in ours:
        return None
    figure = match["first"] or match["second"] or match["bare"]
    whole, cents = figure, "00"
    if figure[-3:-2] in (".", ","):
        whole, cents = figure[:-3], figure[-2:]
    value = Decimal(re.sub(r"\D", "", whole) + "." + cents)
    return Money(value, currency) if 0 < value < LARGEST else None
