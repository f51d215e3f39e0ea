"""Column types keep their promise on both engines."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, MetaData, Table, cast, func, insert, literal, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import StatementError
from sqlalchemy.types import TypeEngine

from jobs.store.database.engine import Database
from jobs.store.database.types import Amount, Id, Json, Rank, Rate, Utc

ODD = "Café \u0000 \ud800 <b> ' \" 漢字 🙂"


def echo(database: Database, type_: TypeEngine[Any], value: Any) -> Any:
    """What the database gives back for `value`."""
    table = Table("echo", MetaData(), Column("id", Id, primary_key=True), Column("value", type_))
    with database.writing() as conn:
        table.create(conn)
        conn.execute(insert(table).values(value=value))
        found = conn.execute(select(table.c.value)).scalar_one()
        table.drop(conn)
    return found


EXACT = ("0", "845", "845.1", "-0.01", "0.0001", "-99999999999.9999", "99999999999.9999")


def test_an_amount_comes_back_exactly(database: Database) -> None:
    """Positive, negative and with four places; a Decimal, never a float."""
    for amount in EXACT:
        found = echo(database, Amount(), Decimal(amount))
        assert isinstance(found, Decimal)
        assert found == Decimal(amount)


@given(st.decimals("-99999999999", "99999999999", places=4))
def test_every_amount_survives(amount: Decimal) -> None:
    """What is bound and read again is the same number."""
    dialect, kind = sqlite.dialect(), Amount()
    assert kind.process_result_value(kind.process_bind_param(amount, dialect), dialect) == amount


def test_an_amount_that_cannot_be_kept_is_refused(database: Database) -> None:
    """Rounding in silence would change what a customer is asked for."""
    for amount in ("0.00001", "845.00005", "NaN", "Infinity"):
        with pytest.raises((StatementError, ArithmeticError)):
            echo(database, Amount(), Decimal(amount))


def test_amounts_add_up_in_the_database(database: Database) -> None:
    """A sum is exact: ten times ten cents are a dollar."""
    table = Table("sums", MetaData(), Column("id", Id, primary_key=True), Column("value", Amount))
    with database.writing() as conn:
        table.create(conn)
        conn.execute(insert(table), [{"value": Decimal("0.1")}] * 10)
        added = select(cast(func.sum(table.c.value), Amount))
        assert conn.execute(added).scalar_one() == Decimal(1)


def test_a_rank_is_rounded_and_a_rate_is_fine(database: Database) -> None:
    """Neither is ever shown; a small currency still has a rate."""
    assert echo(database, Rank(), Decimal("912.345678")) == Decimal("912.3457")
    assert echo(database, Rank(), Decimal(10**19)) == 9 * 10**14
    assert echo(database, Rate(), Decimal("0.0000381234")) == Decimal("0.0000381234")


def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    """Nobody knows when it was."""
    with pytest.raises(StatementError, match="without a zone"):
        echo(database, Utc(), datetime(2026, 10, 14, 12))  # noqa: DTZ001


def test_a_time_comes_back_in_utc(database: Database) -> None:
    """To the microsecond, whichever zone it was given in."""
    at = datetime(2026, 11, 1, 1, 30, 0, 123456, tzinfo=ZoneInfo("America/New_York"), fold=1)
    found = echo(database, Utc(), at)
    assert found == datetime(2026, 11, 1, 6, 30, 0, 123456, tzinfo=UTC)
    assert found.tzinfo is UTC


def test_times_are_compared_as_times(database: Database) -> None:
    """A whole second and its fraction are in order, also where they are text."""
    noon = datetime(2026, 10, 14, 12, tzinfo=UTC)
    later = noon + timedelta(microseconds=1)
    table = Table("times", MetaData(), Column("id", Id, primary_key=True), Column("at", Utc))
    with database.writing() as conn:
        table.create(conn)
        conn.execute(insert(table), [{"at": later}, {"at": noon}])
        assert conn.scalars(select(table.c.at).order_by(table.c.at)).all() == [noon, later]
        assert conn.scalars(select(table.c.id).where(table.c.at <= noon)).all() == ["2"]


def test_an_id_is_a_string(database: Database) -> None:
    """The database counts, Python sees text; what is no number is an error."""
    table = Table("ids", MetaData(), Column("id", Id, primary_key=True, autoincrement=True))
    with database.writing() as conn:
        table.create(conn)
        assert conn.execute(insert(table).returning(table.c.id)).scalar_one() == "1"
        assert conn.execute(select(table.c.id).where(table.c.id == "1")).scalar_one() == "1"
        with pytest.raises(StatementError):
            conn.execute(select(literal("one", Id)))


def test_json_comes_back_as_it_was(database: Database) -> None:
    """Whatever a customer wrote, odd characters included."""
    values: list[Any] = [None, [], {"b": [1, {"a": None}], "a": "x"}, ODD, 1, True, {"n": "845.00"}]
    for value in values:
        assert echo(database, Json(), value) == value
