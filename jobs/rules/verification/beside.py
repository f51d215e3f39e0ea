"""Which figures in a text are about the ledger, and which invoice each belongs to.

An amount or date in a sentence with an invoice number belongs to that invoice; one next to "total"
is the total. Figures that are facts are checked too, because a fact in the wrong place is a lie.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from jobs.rules.facts.facts import Facts, Invoice
from jobs.rules.verification.scan import Match
from jobs.rules.verification.wording import BLANK, CREDIT, LEDGER, TOTAL, either

INVOICES = rf"(?:{either('invoice')})"
ENDS = re.compile(
    r"\n\s*\n|[.!?][\"”')\]]*\s+(?=[\"“'(]*[^\W\d_])"
    rf"|\n(?=\s*(?:[-–—•*]\s*)?(?:{either('row')}\b|{BLANK}))",
    re.IGNORECASE,
)
"""The end of a statement: of a sentence, a paragraph, or a table row."""
CUT = re.compile(r"[,;:()\n]")
JOINS = re.compile(
    rf"(?:[\s,&/+()#]|\b{INVOICES}\b|\b{either('number')}|\b{either('joint')}\b)*", re.IGNORECASE
)
"""Between the numbers of one group: "invoices 1037, 1038 and 1039"."""
AND_MORE = re.compile(
    rf"\s+{either('joined_by')}\s+(?:{BLANK}|\d)+\s+{either('more')}\b", re.IGNORECASE
)
FORWARD = re.compile(
    rf"\s*(?:\(|\b{either('about')}\b)?\s*(?:\b{either('determiner')}\s+){{0,2}}"
    rf"(?:{INVOICES}\s*)?(?:{either('number')}\s*|#\s*)?",
    re.IGNORECASE,
)
"""Between a figure and the invoice it belongs to: "$845.00 for invoice 1037"."""
ON = re.compile(r"[^\W\d_]\s+$")
"""A deadline or a promise has a word before it; a date without one is the invoice's own."""
DUE = re.compile(
    rf"\b{either('due')}(?:\s+(?:{either('filler')}|:))*\s*:?\s*$",
    re.IGNORECASE,
)
DUE_AFTER = re.compile(rf"\s*,?\s*(?:{either('filler')}\s+)?{either('due_after')}", re.IGNORECASE)

CALLED = re.compile(
    rf"\s*(?:\b(?:{either('filler')}|{either('determiner')})\s+){{0,3}}(?:{CREDIT.pattern})",
    re.IGNORECASE,
)
"""The amount right before it is a credit: "$50.00 in credit", "$50.00 of your credit"."""


@dataclass(frozen=True)
class Figure:
    """An amount or a date that is a fact, and its place in the text."""

    piece: Match
    value: Decimal | None = None
    days: frozenset[date] = frozenset()
    """The days on record that it may mean, if it is a date."""


@dataclass(frozen=True)
class LetterFigures:
    """What figures in this message may be: labels in normal form → invoices, and the sums."""

    numbers: Mapping[str, tuple[Invoice, ...]]
    facts: Facts
    others: frozenset[date]
    """Dates that belong to no invoice: the deadline, a promise, the days on which we wrote."""

    @property
    def totals(self) -> set[Decimal]:
        facts = self.facts
        alone = facts.invoices[0] if len(facts.invoices) == 1 else None
        own = _amounts([alone]) if alone else set()
        return {facts.asked.amount, facts.total_overdue.amount} | self.credits | own

    @property
    def credits(self) -> set[Decimal]:
        facts = self.facts
        return {facts.on_account.amount, *(c.open.amount for c in facts.credits)}


@dataclass(frozen=True)
class Statement:
    """A sentence or a row of a table: a span of the text."""

    start: int
    end: int
    for_the_ledger: bool


def statements(rest: str, pieces: list[Match], books: LetterFigures) -> list[Statement]:
    """The text split into statements. In `rest` every fact is blanked, so no figure is split."""
    ends = [m.end() for m in ENDS.finditer(rest)]
    bounds = [0, *ends, len(rest)]
    numbers = [p for p in pieces if p.text in books.numbers]
    return [
        Statement(start, end, _speaks_of_the_ledger(rest[start:end], start, end, numbers))
        for start, end in itertools.pairwise(bounds)
        if start < end
    ]


def _speaks_of_the_ledger(words: str, start: int, end: int, numbers: list[Match]) -> bool:
    named = any(start <= p.start < end for p in numbers)
    columns = re.search(rf"(?:\S\s{{3,}}|\t|\|)[^\n]*[\d{BLANK}][^\n]*(?:\n|$)", words)
    return named or bool(columns) or bool(LEDGER.search(words))


def misplaced(
    rest: str,
    figures: list[Figure],
    pieces: list[Match],
    cut: list[Statement],
    books: LetterFigures,
) -> Iterator[tuple[str, Match]]:
    """Facts stated about the wrong thing: kind of violation ("row", "total") and the piece."""
    for statement in cut:
        here = [f for f in figures if statement.start <= f.piece.start < statement.end]
        numbers = [
            p
            for p in pieces
            if statement.start <= p.start < statement.end and p.text in books.numbers
        ]
        if here:
            yield from _in_statement(rest, statement, here, _groups(rest, numbers, here), books)


Group = list[Match]


def _groups(rest: str, numbers: list[Match], figures: list[Figure]) -> list[Group]:
    groups: list[Group] = []
    for number in numbers:
        between = rest[groups[-1][-1].end : number.start] if groups else ""
        apart = any(groups and groups[-1][-1].end <= f.piece.start < number.start for f in figures)
        if groups and not apart and JOINS.fullmatch(between):
            groups[-1].append(number)
        else:
            groups.append([number])
    return groups


def _in_statement(
    rest: str,
    statement: Statement,
    figures: list[Figure],
    groups: list[Group],
    books: LetterFigures,
) -> Iterator[tuple[str, Match]]:
    whose = _owners(rest, figures, groups)
    for figure in figures:
        owner = whose[figure.piece.start]
        if figure.value is None:
            if not _date_fits(rest, figure, owner, books):
                yield "row", figure.piece
        elif _beside(CREDIT, rest, statement, figure, figures) and not _makes(
            rest, statement, figure, figures, books
        ):
            if figure.value not in books.credits | _paid(books.facts.invoices):
                yield "credit", figure.piece
        elif _beside(TOTAL, rest, statement, figure, figures):
            named = [g for group in groups for g in group]
            if figure.value not in books.totals | _sums(_invoices(named, books)):
                yield "total", figure.piece
        elif owner and not _amount_fits(rest, figure, owner, figures, whose, books):
            yield "row", figure.piece


def _makes(
    rest: str, statement: Statement, figure: Figure, figures: list[Figure], books: LetterFigures
) -> bool:
    """Whether it is the total after a credit: "the credit of $50.00, so that makes $795.00"."""
    ends = (f.piece.end for f in figures if f.piece.end <= figure.piece.start)
    since = max(ends, default=statement.start)
    total = TOTAL.search(rest, since, figure.piece.start)
    credit = CREDIT.search(rest, since, figure.piece.start)
    called = CALLED.match(rest, figure.piece.end)
    return bool(total and not credit and not called) and figure.value in books.totals


def _owners(rest: str, figures: list[Figure], groups: list[Group]) -> dict[int, Group]:
    """Start of a figure → the invoices it is stated for; an empty group if there are none."""
    amounts = [f for f in figures if f.value is not None]
    places = sorted([(f.piece.start, "a") for f in amounts] + [(g[0].start, "n") for g in groups])
    turns = "".join(kind for _, kind in places)
    ahead = bool(re.fullmatch(r"(?:an)+", turns))
    return {f.piece.start: _owner(rest, f, groups, ahead) for f in figures}


def _owner(rest: str, figure: Figure, groups: list[Group], ahead: bool) -> Group:
    before = [g for g in groups if g[-1].end <= figure.piece.start]
    after = [g for g in groups if g[0].start >= figure.piece.end]
    said_of_next = after and FORWARD.fullmatch(rest[figure.piece.end : after[0][0].start])
    explicit = said_of_next and said_of_next[0].strip()
    if after and (explicit or not before or (ahead and figure.value is not None)):
        return after[0]
    return before[-1] if before else []


def _invoices(group: Iterable[Match], books: LetterFigures) -> list[Invoice]:
    return [i for piece in group for i in books.numbers[piece.text]]


def _amounts(invoices: Iterable[Invoice]) -> set[Decimal]:
    said = [(i.open.amount, i.total.amount, i.paid_so_far.amount) for i in invoices]
    return {one for three in said for one in three}


def _paid(invoices: Iterable[Invoice]) -> set[Decimal]:
    return {i.paid_so_far.amount for i in invoices}


def _sums(invoices: list[Invoice]) -> set[Decimal]:
    if not invoices:
        return set()
    if len(invoices) == 1:
        return _amounts(invoices)
    ways = ([i.open.amount for i in invoices], [i.total.amount for i in invoices])
    return {sum(way, Decimal(0)) for way in ways}


def _amount_fits(
    rest: str,
    figure: Figure,
    owner: Group,
    figures: list[Figure],
    whose: dict[int, Group],
    books: LetterFigures,
) -> bool:
    """For one invoice: its own amounts. For several: their sum, or as many amounts in order."""
    invoices = _invoices(owner, books)
    if AND_MORE.match(rest, owner[-1].end):
        return figure.value in books.totals
    if len(owner) == 1:
        return figure.value in _amounts(invoices)
    theirs = [f for f in figures if whose[f.piece.start] is owner and f.value is not None]
    place = theirs.index(figure)
    in_order = len(theirs) >= len(owner) and place < len(owner)
    if in_order and figure.value in _amounts(books.numbers[owner[place].text]):
        return True
    each = all(figure.value in _amounts([i]) for i in invoices)
    return each or figure.value in _sums(invoices)


def _date_fits(rest: str, figure: Figure, owner: Group, books: LetterFigures) -> bool:
    invoices = _invoices(owner, books) or list(books.facts.invoices)
    due = {i.due for i in invoices}
    if DUE.search(rest[: figure.piece.start]) or DUE_AFTER.match(rest, figure.piece.end):
        return bool(figure.days & due)
    ours = due | {i.txn_date for i in invoices}
    named = bool(ON.search(rest[: figure.piece.start]))
    return not owner or bool(figure.days & (ours | (books.others if named else set())))


def _beside(
    words: re.Pattern[str],
    rest: str,
    statement: Statement,
    figure: Figure,
    figures: list[Figure],
) -> bool:
    """Whether `words` are in the figure's part of the sentence, or in a part without a figure."""
    cuts = [m.end() for m in CUT.finditer(rest, statement.start, statement.end)]
    bounds = [statement.start, *cuts, statement.end]
    parts = list(itertools.pairwise(bounds))
    own = next(n for n, (start, end) in enumerate(parts) if start <= figure.piece.start < end)
    near = [parts[own]]
    near += [
        part
        for part in (*parts[max(0, own - 1) : own], *parts[own + 1 : own + 2])
        if not any(part[0] <= f.piece.start < part[1] for f in figures)
    ]
    return any(words.search(rest, start, end) for start, end in near)
