"""Statements are quoted, pages are complete, one bad record hides nothing else."""

from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbo import PoisonedPage, Select, among, where
from qbo.query import BROKEN_AT_MOST, chunks, pages, quote


def unquoted(literal: str) -> str:
    """What QuickBooks reads back: a small reader that stops at the first bare apostrophe."""
    assert literal[0] == "'"
    text, at = "", 1
    while literal[at] != "'":
        at += literal[at] == "\\"
        text += literal[at]
        at += 1
    assert at == len(literal) - 1, "the literal ended before its end"
    return text


def test_an_apostrophe_is_escaped_by_a_backslash() -> None:
    """The recorded form: not doubled."""
    assert where("DisplayName", "=", "Harbor's Edge") == r"DisplayName = 'Harbor\'s Edge'"


PRINTABLE = st.text().filter(str.isprintable)


@given(PRINTABLE)
def test_no_text_escapes_its_quotes(text: str) -> None:
    """Whatever a value holds, it is read back as itself and ends where it should."""
    assert unquoted(quote(text)) == text


@pytest.mark.parametrize("text", ["a\nb", "a\x00b", "a\tb"])
def test_control_characters_are_refused(text: str) -> None:
    """A field of ours holds none, so one is a mistake or an attack."""
    with pytest.raises(ValueError, match="printable"):
        quote(text)


def test_dates_times_and_amounts_are_literals() -> None:
    """Everything is in single quotes, times with their offset."""
    assert quote(date(2026, 6, 1)) == "'2026-06-01'"
    assert quote(Decimal("0.50")) == "'0.50'"
    assert quote(datetime(2026, 6, 1, 8, 5, 1, 99, tzinfo=UTC)) == "'2026-06-01T08:05:01+00:00'"


def test_a_naive_time_is_refused() -> None:
    """A time without a zone would mean another moment on each machine."""
    with pytest.raises(ValueError, match="offset"):
        quote(datetime(2026, 6, 1))  # noqa: DTZ001 - the point of the test


def test_a_statement_ends_with_its_page() -> None:
    """Conditions are joined by AND, and the page is the documented tail."""
    select = Select("Invoice", (where("Balance", ">", "0"), among("Id", ["1", "2"])))
    assert select.page(1001, 1000) == (
        "SELECT * FROM Invoice WHERE Balance > '0' AND Id IN ('1','2') "
        "STARTPOSITION 1001 MAXRESULTS 1000"
    )


def test_an_empty_list_is_no_condition() -> None:
    """`IN ()` would be a syntax error, and leaving it out would read everything."""
    with pytest.raises(ValueError, match="at least one"):
        among("Id", [])


@given(st.lists(st.sampled_from("abcdefgh"), max_size=20), st.integers(1, 5))
def test_chunks_hold_each_id_once(ids: list[str], size: int) -> None:
    """Repeated ids cost nothing, and no chunk is too long."""
    cut = list(chunks(ids, size))
    assert [each for some in cut for each in some] == list(dict.fromkeys(ids))
    assert all(0 < len(some) <= size for some in cut)


class Rows:
    """A list of `count` rows in which some positions (from 1) break every page they are on."""

    def __init__(self, count: int, broken: frozenset[int] = frozenset()) -> None:
        self.count = count
        self.broken = broken
        self.calls = 0

    def __call__(self, start: int, size: int) -> list[int]:
        self.calls += 1
        wanted = range(start, min(start + size, self.count + 1))
        if self.broken & set(wanted):
            raise PoisonedPage("broken")
        return list(wanted)


@given(st.integers(0, 70), st.integers(1, 12), st.data())
def test_every_sound_row_comes_once_and_every_broken_one_is_named(
    count: int, size: int, data: st.DataObject
) -> None:
    """Bad records are found one by one; they hide nothing and repeat nothing."""
    places = st.sampled_from(range(1, count + 1)) if count else st.nothing()
    broken = frozenset(data.draw(st.sets(places, max_size=min(count, BROKEN_AT_MOST))))
    told: list[int] = []
    found = pages(Rows(count, broken), str, lambda at, _: told.append(at), size)
    assert list(dict.fromkeys(row for _, page in found for row in page)) == [
        row for row in range(1, count + 1) if row not in broken
    ]
    assert told == sorted(broken)


def test_one_bad_record_costs_few_calls() -> None:
    """Halving a page of 1000 takes some twenty questions, not a thousand."""
    rows = Rows(1000, frozenset({777}))
    assert sum(len(page) for start, page in pages(rows, str, lambda *_: None) if start == 1) == 999
    assert rows.calls <= 25


def test_where_everything_is_broken_the_listing_gives_up() -> None:
    """An outage looks like bad records everywhere; it must not become a thousand calls."""
    rows = Rows(1000, frozenset(range(1, 1001)))
    with pytest.raises(PoisonedPage):
        list(pages(rows, str, lambda *_: None))
    assert rows.calls <= 60


def test_a_page_with_one_row_too_many_is_not_the_last() -> None:
    """QuickBooks sometimes sends limit + 1 rows."""
    first = {1: [1, 2, 3], 2: [2, 3, 4], 3: [3, 4], 4: [4]}
    found = list(pages(lambda start, _: first[start], str, lambda *_: None, 2))
    assert found == [(1, [1, 2, 3]), (2, [2, 3, 4]), (3, [3, 4]), (4, [4])]


@given(st.integers(20, 90), st.integers(2, 24), st.randoms(use_true_random=False))
def test_rows_that_move_up_hide_nobody(count: int, size: int, chance: Random) -> None:
    """However many leave the list between two pages, whoever stays in it comes."""
    rows = list(range(1, count + 1))

    def fetch(start: int, size: int) -> list[int]:
        page = rows[start - 1 : start - 1 + size]
        for gone in chance.sample(rows, min(chance.choice((0, 0, 1, 3, size)), len(rows) // 3)):
            rows.remove(gone)
        return page

    came = {row for _, page in pages(fetch, str, lambda *_: None, size) for row in page}
    assert came.issuperset(rows)


def test_a_broken_record_does_not_hide_that_rows_moved_up() -> None:
    """Though it stands where a page should repeat the one before: those beside it are all new."""
    rows, broken = list(range(1, 61)), 30

    def fetch(start: int, size: int) -> list[int]:
        page = rows[start - 1 : start - 1 + size]
        if broken in page:
            raise PoisonedPage("broken")
        if len(rows) == 60:
            del rows[:15]
        return page

    came = {row for _, page in pages(fetch, str, lambda *_: None, 20) for row in page}
    assert came == set(range(1, 61)) - {broken}
