"""Column types that behave the same on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, DateTime, Integer, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

NEVER = datetime.min.replace(tzinfo=UTC)
"""Before every time: when something was made or read that never was."""


class Id(TypeDecorator[str]):
    """A number that the database assigns and that Python only ever sees as a string."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)


HIGHEST = Decimal(9 * 10**14)
"""About the largest value that fits a database integer in ten-thousandths."""


class _Scaled(TypeDecorator[Decimal]):
    """A decimal stored as an integer of its last place, since SQLite would store a float."""

    impl = BigInteger
    cache_ok = True
    places = 4

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value.scaleb(self.places).to_integral_value())

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value) / 10**self.places


class Amount(_Scaled):
    """An amount in ten-thousandths of its currency's major unit. Finer amounts are refused."""

    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        if value is not None and value != round(value, self.places):
            raise ValueError(f"an amount has at most {self.places} decimal places")
        return super().process_bind_param(value, dialect)


class Rank(_Scaled):
    """A number for ranking, never shown: rounded to ten-thousandths and capped at HIGHEST."""

    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        return super().process_bind_param(None if value is None else min(value, HIGHEST), dialect)


class Rate(_Scaled):
    """An exchange rate, rounded to ten places: a dong is a few hundred-thousandths of a dollar."""

    cache_ok = True
    places = 10


class FineAmount(_Scaled):
    """An amount in billionths: a token of a small model costs ten millionths of a cent."""

    cache_ok = True
    places = 9


class Utc(TypeDecorator[datetime]):
    """An instant. A naive datetime is refused; values read are aware and in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone cannot be stored: {value}")
        at = value.astimezone(UTC)
        return at if dialect.name == "postgresql" else at.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class Json(TypeDecorator[Any]):
    """JSON as ASCII text, read back exactly as written, broken characters included."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value, sort_keys=True)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)
