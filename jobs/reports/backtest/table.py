"""Reads the table of a backtest: past invoices, a line each, and what is wrong with other lines."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from itertools import chain
from typing import Any

from babel.numbers import is_currency

from qbo.models import LONGEST_NUMBER, MOST_CASH

COLUMNS = ("customer", "number", "issued", "due", "amount", "currency", "settled", "disputed")
MAY_BE_MISSING = frozenset({"disputed"})
"""Without this column nothing is disputed; without any other one there is nothing to play."""
DELIMITERS = ",;\t"
"""The one that stands in the header most often parts the cells: Excel writes semicolons where the
comma is the decimal sign."""
LONGEST_NAME = 100
YEARS = range(1990, 2101)
MOST_DAYS = 3 * 366
"""A date further from the day of issue than this is a typing error: each day is played."""
DECIMALS = 4
DISPUTED = {"yes": True, "no": False, "": False}
NO_CSV = "the line is no CSV ({})"
SHOWN = 40
"""Characters of a value that is quoted."""


@dataclass(frozen=True)
class PastInvoice:
    """An invoice as it went; `line` of the file identifies it. `settled` is None while open."""

    line: int
    customer: str
    number: str
    issued: date
    due: date
    amount: Decimal
    currency: str
    settled: date | None
    disputed: bool


@dataclass(frozen=True)
class WrongLine:
    """What is wrong in a line of the file (the header is line 1), and in which column of it."""

    line: int
    column: str
    what: str


@dataclass
class InvoiceTable:
    """What could be read, and what could not."""

    invoices: list[PastInvoice] = field(default_factory=list)
    wrong: list[WrongLine] = field(default_factory=list)


class UnfitCell(Exception):
    """A cell cannot be read; the text says what it should be."""

    def __init__(self, column: str, what: str) -> None:
        super().__init__(what)
        self.column = column


def read(lines: Iterable[str]) -> InvoiceTable:
    """The table in the lines of a CSV file, whose cells are parted by commas, semicolons or tabs.

    A line with a mistake is left out and named.
    """
    rest = iter(lines)
    head = next(rest, "")
    rows = csv.reader(chain([head], rest), delimiter=max(DELIMITERS, key=head.count))
    found = InvoiceTable()
    try:
        header = [name.strip().lower() for name in next(rows, [])]
    except csv.Error as error:
        found.wrong.append(WrongLine(1, COLUMNS[0], NO_CSV.format(error)))
        return found
    count = Counter(header)
    missing = {name: "the column is missing" for name in COLUMNS if name not in count}
    twice = {name: "the column is there twice" for name in COLUMNS if count[name] > 1}
    found.wrong += [WrongLine(1, name, what) for name, what in (missing | twice).items()]
    if MAY_BE_MISSING.issuperset(missing) and not twice:
        _read_rows(header, rows, found)
    return found


def _read_rows(header: list[str], rows: Any, found: InvoiceTable) -> None:
    known: dict[tuple[str, str], int] = {}
    while True:
        line = rows.line_num + 1  # a record in quotation marks may go on for some lines
        try:
            cells = next(rows)
            if any(cell.strip() for cell in cells):
                one = _invoice(line, dict(zip(header, map(str.strip, cells), strict=False)))
                _only_once(one, known)
                found.invoices.append(one)
        except StopIteration:
            return
        except csv.Error as error:
            found.wrong.append(WrongLine(line, header[0], NO_CSV.format(error)))
        except UnfitCell as unfit:
            found.wrong.append(WrongLine(line, unfit.column, str(unfit)))


def _only_once(one: PastInvoice, known: dict[tuple[str, str], int]) -> None:
    before = known.setdefault((one.customer, one.number), one.line)
    if before != one.line:
        raise UnfitCell("number", f"{one.number} of this customer is on line {before} already")


def _invoice(line: int, cells: Mapping[str, str]) -> PastInvoice:
    issued = _date(cells, "issued")
    settled = _date(cells, "settled", issued) if cells.get("settled") else None
    if "settled" not in cells:
        raise UnfitCell("settled", "the line ends before it")
    return PastInvoice(
        line=line,
        customer=_text(cells, "customer", LONGEST_NAME),
        number=_text(cells, "number", LONGEST_NUMBER),
        issued=issued,
        due=_date(cells, "due", issued),
        amount=_amount(cells),
        currency=_currency(cells),
        settled=settled,
        disputed=_disputed(cells),
    )


def _text(cells: Mapping[str, str], column: str, longest: int) -> str:
    text = cells.get(column, "")
    if not text:
        raise UnfitCell(column, "it is empty")
    if "\n" in text:
        raise UnfitCell(column, "a quotation mark opens here and is not closed in the same line")
    if len(text) > longest or not text.isprintable():
        raise UnfitCell(column, f"it should be at most {longest} printable characters")
    return text


def _date(cells: Mapping[str, str], column: str, issued: date | None = None) -> date:
    text = cells.get(column, "")
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise UnfitCell(column, f"{_quoted(text)} is no date such as 2024-03-31") from None
    if found.year not in YEARS:
        raise UnfitCell(column, f"{text} is not between {YEARS[0]} and {YEARS[-1]}")
    if issued and found < issued:
        raise UnfitCell(column, f"{text} is before the invoice was issued ({issued})")
    if issued and (found - issued).days > MOST_DAYS:
        raise UnfitCell(column, f"{text} is more than three years after it was issued ({issued})")
    return found


def _amount(cells: Mapping[str, str]) -> Decimal:
    text = cells.get("amount", "")
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise UnfitCell("amount", f"{_quoted(text)} is no amount such as 1200.50") from None
    if not (found.is_finite() and 0 < found < MOST_CASH):
        raise UnfitCell("amount", f"{_quoted(text)} should be above 0 and below {MOST_CASH:,}")
    if found != round(found, DECIMALS):
        raise UnfitCell("amount", f"{_quoted(text)} has more than {DECIMALS} decimal places")
    return found


def _currency(cells: Mapping[str, str]) -> str:
    text = cells.get("currency", "")
    if not is_currency(text):
        raise UnfitCell("currency", f"{_quoted(text)} is no currency code such as USD")
    return text


def _disputed(cells: Mapping[str, str]) -> bool:
    text = cells.get("disputed", "")
    if text.lower() not in DISPUTED:
        raise UnfitCell("disputed", f"{_quoted(text)} should be yes, no or empty")
    return DISPUTED[text.lower()]


def _quoted(text: str) -> str:
    shown = "".join(c if c.isprintable() else "?" for c in text[:SHOWN])
    return f"“{shown}”" if text else "an empty cell"
