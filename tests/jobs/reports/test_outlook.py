"""From the ledger to the outlook: how customers paid before, holds, stops, and last week."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from bot.blockkit.lint import lint
from bot.surfaces.cash import cash_answer
from jobs.reports.cash import outlook
from jobs.reports.cash.cash import Apart, CurrencyOutlook, WhyMoved
from jobs.rules.facts.past import HoldKind
from jobs.rules.figures import Money
from jobs.rules.promises import CustomerPromise, Instalment
from jobs.store import work
from jobs.store.customers import forecasts, history, promises
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import CompanyHarness, books, customer, invoice
from tests.sandbox.slack.blocks import faults_in_blocks


def paid(n: int, of: str, due: int, late: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """A settled invoice, and the payment that came so many days after its due date."""
    id = f"9{of}{n}"
    settled = invoice(id, of, "100.00", due) | {"Balance": "0"}
    line = {"Amount": "100.00", "LinkedTxn": [{"TxnId": id, "TxnType": "Invoice"}]}
    money = {
        "Id": f"8{of}{n}",
        "CustomerRef": {"value": of},
        "TotalAmt": "100.00",
        "TxnDate": f"today-{due - late}",
        "Line": [line],
    }
    return settled, money


def dollars(harness: CompanyHarness) -> CurrencyOutlook:
    """The outlook as people read it now."""
    harness.run("habits", "outlook")
    with harness.database.reading() as conn:
        made = outlook.latest(conn, harness.realm)
    assert made is not None
    assert made.at <= harness.now
    (one,) = made.outlook.currencies
    return one


def _ledger() -> dict[str, Any]:
    """One customer with a habit, one without, and one that cannot be written to."""
    before = [
        paid(n, "1", due, late) for n, (due, late) in enumerate([(200, 6), (100, 6), (50, 9)])
    ]
    return books(
        customer("1"),
        customer("2"),
        customer("3", email=None),
        invoice("71", "1", "840.00", 12),
        invoice("72", "1", "500.00", -10),
        invoice("73", "2", "300.00", 20),
        invoice("74", "3", "70.00", 20),
        *(settled for settled, _ in before),
        payments=[money for _, money in before],
    )


def _promise(harness: CompanyHarness) -> CustomerPromise:
    """What is left of invoice 71, for a day in three weeks."""
    day = harness.today + timedelta(21)
    return CustomerPromise(
        id="",
        company=harness.realm,
        customer="1",
        currency="USD",
        case=harness.case("1").id,
        reply=None,
        kind=HoldKind.PROMISE,
        set_by="UCOLLECT",
        set_at=harness.now,
        instalments=(Instalment(day, Money(Decimal(440), "USD")),),
        invoices={"71": Money(Decimal(440), "USD")},
    )


def _reads_well(whole: outlook.LatestOutlook, harness: CompanyHarness) -> None:
    """What `/overdue cash` answers fits Slack, and outside words in it are inert."""
    answer = cash_answer("Brass Fern", whole, {"1": "Acme <!here>"}, harness.company.zone)
    payload = {"text": answer.text, "blocks": answer.blocks}
    assert lint(payload, "message") == []
    assert faults_in_blocks(answer.blocks, "message") == []
    assert "$940.00 expected within 13 weeks" in answer.text
    assert "$440.00 promised for another day" in answer.text
    assert "<!here>" not in answer.text


def test_the_outlook_follows_the_ledger_and_what_people_say(open_harness: OpenHarness) -> None:
    """Habits are learned, disputes and stops stand apart, and a week later it says what moved."""
    harness = open_harness(_ledger())
    harness.sweep()
    first = dollars(harness)
    with harness.database.reading() as conn:
        habits = forecasts.usual_delays(conn, harness.realm)
    assert (habits["1"].usual, habits["1"].settled) == (6, 3)
    assert habits[forecasts.COMPANY].usual == 6
    assert "2" not in habits
    # overdue: tomorrow; due in ten days: sixteen days from now
    assert [week.amount for week in first.weeks[:3]] == [1140, 0, 500]
    assert first.apart == {Apart.STOPPED: 70}
    assert first.moved == ()

    until = harness.today + timedelta(14)
    with harness.database.writing() as conn:
        on = conn, harness.realm, "2", ("73",)
        history.hold(*on, HoldKind.DISPUTE, until, "ULEAD1", "", harness.now)
    harness.time.later(days=6)
    harness.pay("71", "400.00")
    harness.sweep()
    then = dollars(harness)
    assert then.apart == {Apart.STOPPED: 70, Apart.DISPUTED: 300}
    told = {one.why: one.amount for one in then.moved}
    assert told == {WhyMoved.PAID: 400, WhyMoved.OVERDUE: 440, WhyMoved.APART: 300}
    assert sum((w.amount for w in then.weeks), Decimal(0)) == 940

    with harness.database.writing() as conn:
        promises.make(conn, _promise(harness))
        work.hurry(conn, harness.realm, "outlook", harness.now)
    told = {one.why: one.amount for one in dollars(harness).moved}
    assert told == {WhyMoved.PAID: 400, WhyMoved.PROMISED: 440, WhyMoved.APART: 300}

    with harness.database.reading() as conn:
        whole = outlook.seen_by(conn, harness.company, None, harness.now)
        own = outlook.seen_by(conn, harness.company, frozenset({"2"}), harness.now)
    assert whole
    assert own
    (theirs,) = own.outlook.currencies
    assert theirs.expected == 0
    assert theirs.apart == {Apart.DISPUTED: 300}
    _reads_well(whole, harness)
