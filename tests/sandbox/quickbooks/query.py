"""The query language: a statement becomes a Query, or a refusal in QuickBooks' words.

    SELECT * | COUNT(*) FROM Entity [WHERE p op 'v' [AND …]] [ORDERBY p [ASC|DESC]]
        [STARTPOSITION n] [MAXRESULTS n]

Strict where the real parser is: every literal in single quotes, `'` escaped by a backslash,
no OR, no !=, no JOIN, at most 1000 rows.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from tests.sandbox.quickbooks.errors import RefusalError, invalid_query, unparsable
from tests.sandbox.quickbooks.schema import ENTITIES, OPERATORS, Schema, Sort

MOST_ROWS = 1000
USUAL_ROWS = 100

Literal = str | bool | Decimal | date | datetime

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>'(?:[^'\\]|\\.)*')
      | (?P<operator><=|>=|<>|!=|[=<>])
      | (?P<mark>[(),*;])
      | (?P<number>-?\d+(?:\.\d+)?)
      | (?P<word>[A-Za-z_][A-Za-z0-9_.]*)
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Token:
    """A piece of a statement: its kind, its text and where it stands."""

    kind: str
    text: str
    column: int

    @property
    def word(self) -> str:
        """The keyword it may be."""
        return self.text.upper() if self.kind == "word" else self.text


@dataclass(frozen=True)
class Condition:
    """One comparison; a LIKE pattern is its only value."""

    name: str
    sort: Sort
    operator: str
    values: tuple[Literal, ...]


@dataclass(frozen=True)
class Query:
    """A statement that makes sense."""

    entity: Schema
    count: bool
    where: tuple[Condition, ...] = ()
    order: tuple[tuple[str, Sort, bool], ...] = ()  # property, sort, descending
    start: int = 1
    rows: int = USUAL_ROWS


def parse(statement: str) -> Query:
    """The query of a statement. Raises RefusalError (4000 or 4001)."""
    return _Parser(list(_tokens(statement))).query()


def _tokens(statement: str) -> Iterator[Token]:
    position, text = 0, statement.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            bad = text[position:].lstrip()
            raise unparsable(f'Lexical error at column {len(text) - len(bad) + 1}: "{bad[:1]}"')
        yield Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup) + 1)
        position = match.end()
    yield Token("end", "<EOF>", len(text) + 1)


class _Parser:
    """Recursive descent over the tokens; one method for each part of the grammar."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens, self.at = tokens, 0

    @property
    def here(self) -> Token:
        return self.tokens[self.at]

    def next(self) -> Token:
        token = self.here
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def skip(self, text: str) -> bool:
        found = self.here.word == text and self.here.kind != "string"
        if found:
            self.next()
        return found

    def expect(self, text: str) -> None:
        if not self.skip(text):
            raise self.unexpected()

    def unexpected(self) -> RefusalError:
        return unparsable(f'Encountered "{self.here.text}" at line 1, column {self.here.column}.')

    def query(self) -> Query:
        self.expect("SELECT")
        count = self.selection()
        self.expect("FROM")
        entity = self.entity()
        where = tuple(self.conditions(entity)) if self.skip("WHERE") else ()
        order = self.order(entity)
        start, rows = self.page()
        self.skip(";")
        if self.here.kind != "end":
            raise self.unexpected()
        return Query(entity, count, where, order, start, rows)

    def selection(self) -> bool:
        if self.skip("COUNT"):
            for mark in "(*)":
                self.expect(mark)
            return True
        if not self.skip("*"):
            # A field list has in effect no influence on what comes back.
            self.name()
            while self.skip(","):
                self.name()
        return False

    def name(self) -> str:
        if self.here.kind != "word":
            raise self.unexpected()
        return self.next().text

    def entity(self) -> Schema:
        name = self.name()
        if name.lower() not in ENTITIES:
            raise invalid_query(f"invalid context declaration: {name}")
        return ENTITIES[name.lower()]

    def conditions(self, entity: Schema) -> Iterator[Condition]:
        yield self.condition(entity)
        while self.skip("AND"):
            yield self.condition(entity)

    def condition(self, entity: Schema) -> Condition:
        name = self.name()
        sort = _property(entity, name)
        operator = self.operator()
        if operator not in OPERATORS[sort]:
            raise invalid_query(f"Operator {operator} is not supported for property {name}")
        texts = self.literals() if operator == "IN" else [self.literal(sort)]
        return Condition(name, sort, operator, tuple(_value(name, sort, t) for t in texts))

    def operator(self) -> str:
        if self.here.word in ("IN", "LIKE") or self.here.text in ("=", "<", ">", "<=", ">="):
            return self.next().word
        raise self.unexpected()

    def literals(self) -> list[str]:
        self.expect("(")
        texts = [self.literal(Sort.FLAG)]
        while self.skip(","):
            texts.append(self.literal(Sort.FLAG))
        self.expect(")")
        return texts

    def literal(self, sort: Sort) -> str:
        if self.here.kind == "string":
            return re.sub(r"\\(.)", r"\1", self.next().text[1:-1])
        if sort is Sort.FLAG and self.here.word in ("TRUE", "FALSE"):
            return self.next().text.lower()
        raise self.unexpected()

    def order(self, entity: Schema) -> tuple[tuple[str, Sort, bool], ...]:
        if self.skip("ORDER"):
            self.expect("BY")
        elif not self.skip("ORDERBY"):
            return ()
        parts = [self.order_part(entity)]
        while self.skip(","):
            parts.append(self.order_part(entity))
        return tuple(parts)

    def order_part(self, entity: Schema) -> tuple[str, Sort, bool]:
        name = self.name()
        sort = _property(entity, name)
        if name in entity.unsortable:
            raise invalid_query(f"property '{name}' is not sortable")
        descending = self.skip("DESC")
        if not descending:
            self.skip("ASC")
        return name, sort, descending

    def page(self) -> tuple[int, int]:
        given: dict[str, int] = {}
        while self.here.word in ("STARTPOSITION", "MAXRESULTS"):
            word = self.next().word
            if word in given or self.here.kind != "number" or not self.here.text.isdigit():
                raise self.unexpected()
            given[word] = int(self.next().text)
        start, rows = given.get("STARTPOSITION", 1), given.get("MAXRESULTS", USUAL_ROWS)
        if start < 1:
            raise invalid_query("start position must be 1 or greater")
        if not 0 < rows <= MOST_ROWS:
            raise invalid_query(f"value {rows} is not allowed for MAXRESULTS: 1 to {MOST_ROWS}")
        return start, rows


def _property(entity: Schema, name: str) -> Sort:
    if name in entity.filterable:
        return entity.filterable[name]
    if name in entity.unqueryable:
        raise invalid_query(f"property '{name}' is not queryable")
    raise invalid_query(f"Property {name} not found for Entity {entity.name}")


def _value(name: str, sort: Sort, text: str) -> Literal:
    try:
        return _read(sort, text)
    except (ValueError, InvalidOperation) as error:
        raise invalid_query(f"value '{text}' is not valid for property {name}") from error


def _read(sort: Sort, text: str) -> Literal:
    if sort is Sort.MONEY:
        return Decimal(text)
    if sort is Sort.DATE:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007  a date has no zone
    if sort is Sort.TIME:
        return _moment(text)
    if sort is Sort.FLAG:
        return _flag(text)
    if sort is Sort.ID and not text.isdigit():
        raise ValueError(text)
    return text


def _flag(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without an offset means another moment in each zone")
    return moment
