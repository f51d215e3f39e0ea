"""A backtest: the table of past invoices, a short past played whole, and each figure by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from jobs.reports.backtest import table
from jobs.reports.backtest.figures import ByWay, figures
from jobs.reports.backtest.play import Played, WeeklyForecast, play
from jobs.reports.backtest.table import PastInvoice, WrongLine
from jobs.reports.cash.cash import Apart, Basis, Forecast
from jobs.rules.figures import Money
from jobs.rules.letters.letter import Letter, LetterInvoice
from jobs.rules.policy import policy as policies
from jobs.rules.states import Stage
from jobs.store.sends import SentMessage

HEADER = "customer,number,issued,due,amount,currency,settled,disputed"
PAST = f"""{HEADER},remark
Alder,1,2024-03-21,2024-03-31,1000,USD,2024-04-24,no,
Birch,2,2024-03-21,2024-04-01,800,USD,2024-04-04,,paid on the morning of its reminder
Cedar,3,2024-03-21,2024-03-29,500.50,EUR,2024-04-19,yes,
Dogwood,4,2024-03-21,2024-03-21,200,USD,2024-04-11,no,
"""
"""Alder pays after three messages, on the 3rd, 10th and 23rd of April (the 21st is a Sunday, and
account managers may look at a firm one for four hours). Cedar objects to its first one, of the 1st.
Dogwood gets two, and pays on the 11th of April, while its firm one waits for approval."""


def test_a_past_is_played_through_the_real_steps() -> None:
    """Who is written to, and when; what the last check catches; and nobody who objects again."""
    read = table.read(PAST.splitlines())
    assert not read.wrong
    played = play(read.invoices, policies.load(""))
    sent = [(m.customer, m.at.strftime("%m-%d"), int(m.letter.stage)) for m in played.messages]
    assert sent == [
        ("Dogwood", "03-25", 1),
        ("Dogwood", "04-01", 2),
        ("Cedar", "04-01", 1),
        ("Alder", "04-03", 1),
        ("Alder", "04-10", 2),
        ("Alder", "04-23", 3),
    ]
    found = figures(read.invoices, played, days_saved=5)
    assert (found.messages, found.caught, found.closed) == (6, 1, 1)
    assert found.by_stage == {Stage.REMINDER: 3, Stage.FOLLOW_UP: 2, Stage.FIRM: 1}
    assert (found.disputed, found.disputed_again) == (1, 0)
    assert played.objections.keys() == {"4"}  # its line in the file
    assert (found.doubles, found.too_soon, found.most_a_week) == (0, 0, 1)
    assert found.mean_a_week == Decimal(6) / (4 * 6)  # customers, weeks from 18 March
    assert found.brought_forward == {"USD": 1000 * 15 + 200 * 10, "EUR": Decimal("500.50") * 5}
    made = [(week.made_on.isoformat(), len(week.forecasts)) for week in played.weeks]
    assert made == [
        ("2024-03-21", 4),
        ("2024-03-25", 4),
        ("2024-04-01", 4),
        ("2024-04-08", 3),
        ("2024-04-15", 2),
        ("2024-04-22", 1),
    ]
    assert [(f.day, f.why) for f in played.weeks[4].forecasts if f.currency == "EUR"] == [
        (None, Apart.DISPUTED)
    ]


def test_a_bad_line_is_named_and_the_rest_goes_on() -> None:
    """Line and column of each mistake; the header is line 1, and a column may be missing."""
    good = "Elm,1,2024-03-04,2024-04-03,10,USD,,"
    cells: list[tuple[str, str, str]] = [
        ("customer", ",2,2024-03-04,2024-04-03,10,USD,,", "empty"),
        ("number", "Elm,1,2024-03-04,2024-04-03,10,USD,,", "on line 2 already"),
        ("issued", "Elm,3,04.03.2024,2024-04-03,10,USD,,", "“04.03.2024” is no date"),
        ("due", "Elm,4,2024-03-04,2024-02-30,10,USD,,", "no date"),
        ("due", "Elm,5,2024-03-04,2024-03-03,10,USD,,", "before the invoice was issued"),
        ("settled", "Elm,6,2024-03-04,2024-04-03,10,USD,2042-04-03,", "three years"),
        ("amount", 'Elm,7,2024-03-04,2024-04-03,"1,000.50",USD,,', "no amount"),
        ("amount", "Elm,8,2024-03-04,2024-04-03,-10,USD,,", "above 0"),
        ("amount", "Elm,9,2024-03-04,2024-04-03,NaN,USD,,", "above 0"),
        ("amount", "Elm,10,2024-03-04,2024-04-03,1.23456,USD,,", "decimal places"),
        ("currency", "Elm,11,2024-03-04,2024-04-03,10,dollars,,", "“dollars” is no currency"),
        ("disputed", "Elm,12,2024-03-04,2024-04-03,10,USD,,perhaps", "yes, no or empty"),
        ("settled", "Elm,13,2024-03-04,2024-04-03,10,USD", "the line ends before it"),
    ]
    last = "Fir,2,2024-03-04,2024-04-03,1e2,EUR,2024-04-05,YES"
    read = table.read([HEADER, good, *(line for _, line, _ in cells), "", last])
    named = [(wrong.line, wrong.column) for wrong in read.wrong]
    assert named == [(line, column) for line, (column, *_) in enumerate(cells, 3)]
    for wrong, (_, _, what) in zip(read.wrong, cells, strict=True):
        assert what in wrong.what
    assert [(one.customer, one.amount) for one in read.invoices] == [
        ("Elm", Decimal(10)),
        ("Fir", Decimal(100)),
    ]
    assert read.invoices[1].disputed

    partly = table.read(["number,due,issued,customer,amount,currency,settled", "1,,,,,,"])
    assert partly.wrong[0] == WrongLine(1, "disputed", "the column is missing")
    assert partly.wrong[1].line == 2
    unusable = table.read(["customer,number", "Elm,1"])
    assert [wrong.column for wrong in unusable.wrong] == HEADER.split(",")[2:]
    assert not unusable.invoices
    assert len(table.read([]).wrong) == 8
    doubled = table.read([f"{HEADER},Amount", good])
    assert doubled.wrong == [WrongLine(1, "amount", "the column is there twice")]


def test_a_table_may_be_written_in_other_ways() -> None:
    """With semicolons or tabs; a quotation mark that stays open costs no more than its record."""
    cells = HEADER.split(","), ["Elm & Co", "1", "2024-03-04", "2024-04-03", "10", "USD", "", ""]
    for delimiter in ";", "\t":
        read = table.read([delimiter.join(row) for row in cells])
        assert [one.customer for one in read.invoices] == ["Elm & Co"], delimiter
        assert not read.wrong
    open_quote = ['"Elm,2,2024-03-04,2024-04-03,10,USD,,', 'Fir",3,2024-03-04,2024-04-03,1,USD,,']
    endless = f"Oak,4,{'9' * 200_000},2024-04-03,1,USD,,"
    last = "Yew,5,2024-03-04,2024-04-03,1,USD,,"
    lines = [HEADER, *(f"{line}\n" for line in (*open_quote, endless, last))]
    read = table.read(lines)
    assert [(wrong.line, wrong.column) for wrong in read.wrong] == [
        (2, "customer"),
        (4, "customer"),
    ]
    assert [one.customer for one in read.invoices] == ["Yew"]


# Figures by hand

MONDAY = date(2024, 4, 1)


def invoice(
    line: int, due: int, settled: int | None, amount: int = 100, **more: str
) -> PastInvoice:
    """An invoice of Elm, due and settled so many days after MONDAY."""
    day = None if settled is None else MONDAY + timedelta(settled)
    issued, due_on = MONDAY - timedelta(60), MONDAY + timedelta(due)
    currency, customer = more.get("currency", "USD"), more.get("customer", "Elm")
    given = Decimal(amount), currency, day, bool(more.get("disputed"))
    return PastInvoice(line, customer, str(line), issued, due_on, *given)


def message(case: str, day: int, *about: PastInvoice) -> SentMessage:
    """A reminder of these invoices, so many days after MONDAY."""
    stated = tuple(
        LetterInvoice(str(one.line), one.number, Money(one.amount, one.currency), one.due)
        for one in about
    )
    letter = Letter("us@a.example", "", "elm@b.example", "", "", "", Stage.REMINDER, stated)
    return SentMessage(case, about[0].customer, at(day), f"<{case}>", letter)


def at(day: int) -> datetime:
    """In the morning, so many days after MONDAY."""
    return datetime(2024, 4, 1, 9, 1, tzinfo=UTC) + timedelta(day)


def played(messages: list[SentMessage], weeks: list[WeeklyForecast], **more: object) -> Played:
    """Five weeks from MONDAY, in which each message was handed over once."""
    whole: dict[str, object] = {
        "policy": policies.load(""),
        "first": MONDAY,
        "last": MONDAY + timedelta(34),
        "messages": messages,
        "mails": [(one.at, one.letter.to) for one in messages],
        "crossed": [(i.id, 0, Stage.REMINDER, m.case) for m in messages for i in m.letter.invoices],
        "caught": frozenset(),
        "cancelled": {},
        "objections": {},
        "weeks": weeks,
    }
    return Played(**(whole | more))  # type: ignore[arg-type]


def test_what_must_never_happen_is_counted() -> None:
    """A second mail of a case or a crossing, one within the gap, one after an objection."""
    one, two = invoice(2, -5, 20), invoice(3, -5, None, disputed="yes")
    fine = [message("1", 0, one), message("2", 6, two)]
    found = figures([one, two], played(fine, []), 5)
    assert (found.doubles, found.too_soon, found.disputed, found.disputed_again) == (0, 0, 1, 0)

    twice = [(at(0), "elm@b.example"), (at(0), "elm@b.example"), (at(6), "elm@b.example")]
    found = figures([one, two], played(fine, [], mails=twice), 5)
    assert (found.doubles, found.too_soon) == (1, 1)

    again = [*fine, message("3", 11, one, two)]
    found = figures([one, two], played(again, [], objections={"3": at(7)}), 5)
    assert (found.doubles, found.too_soon) == (2, 1)  # both invoices, and five days after
    assert (found.disputed, found.disputed_again) == (2, 1)
    assert found.most_a_week == 2
    assert found.by_week == {MONDAY: 2, MONDAY + timedelta(7): 1}


def test_money_comes_forward_at_most_to_the_first_message() -> None:
    """Days saved by each message, never more than were left; currencies stay apart."""
    late, soon, still = invoice(2, -5, 30), invoice(3, -5, 4, 1000), invoice(4, -5, None, 7)
    foreign = invoice(5, -5, 30, 50, currency="EUR")
    sent = [message("1", 0, late, soon), message("2", 10, late, still), message("3", 20, foreign)]
    found = figures([late, soon, still, foreign], played(sent, []), 6)
    assert found.brought_forward == {"USD": 100 * 12 + 1000 * 4 + 7 * 6, "EUR": 50 * 6}


def test_the_outlook_is_measured_beside_two_simple_ways() -> None:
    """Days of what was paid later, money of the weeks that followed, ours beside the others."""
    paid, open_, apart = invoice(2, 2, 10), invoice(3, -9, None, 30), invoice(4, 1, 3, 500)
    forecasts = [
        _forecast(paid, 9),
        _forecast(open_, 5),
        _forecast(apart, None),
    ]
    first = WeeklyForecast(MONDAY, forecasts, usual=4)
    last = WeeklyForecast(MONDAY + timedelta(28), forecasts[1:2], usual=4)
    found = figures([paid, open_, apart], played([], [first, last]), 5).outlook

    # one invoice was paid and had a day: the 10th against the 9th, the 2nd and the 6th
    assert (found.compared, found.days) == (1, ByWay(*map(Decimal, (1, 8, 4))))
    # In the first week 500 came. We expected 30; by due date 100, 30 and 500; at the median the
    # same. The fifth week is not over. In four weeks 600 came, and we expected 130.
    week, month = found.money["USD", 1], found.money["USD", 4]
    assert week == ByWay(*map(Decimal, (470, 130, 130)))
    assert month == ByWay(*map(Decimal, (470, 30, 30)))
    assert [one.made_on for one in found.weeks["USD"]] == [MONDAY]


def _forecast(one: PastInvoice, day: int | None) -> Forecast:
    on = None if day is None else MONDAY + timedelta(day)
    why = Apart.DISPUTED if day is None else Basis.COMPANY
    return Forecast(str(one.line), "1", one.currency, one.amount, one.due, on, why)


def test_a_table_of_one_paid_invoice_has_nothing_to_compare() -> None:
    """Nothing is divided by zero, and nothing is made up."""
    one = invoice(2, 0, 0)
    found = figures([one], played([], []), 5)
    assert found.outlook.days is None
    assert not found.outlook.money
    assert (found.messages, found.most_a_week, float(found.mean_a_week)) == (0, 0, 0.0)
