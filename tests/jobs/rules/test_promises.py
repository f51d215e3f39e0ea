"""What becomes of a promise or a plan, by what is still open on its invoices."""

from __future__ import annotations

from datetime import date

from jobs.rules.facts.facts import Invoice, InvoiceStatus
from jobs.rules.facts.past import HoldKind
from jobs.rules.promises import (
    CustomerPromise,
    Instalment,
    PromiseState,
    held_until,
    judged,
    raised,
)
from jobs.rules.states import Stage, crossing_stage
from tests.jobs.rules.world import NOW, invoice, policy, usd

FRIDAY = date(2026, 10, 16)
POLICY = policy()


def made(*parts: tuple[date, str], **about: str) -> CustomerPromise:
    """A promise of these amounts by these days; `about` is invoice id → what was open then."""
    return CustomerPromise(
        id="1",
        company="1",
        customer="58",
        currency="USD",
        case="7",
        reply=None,
        kind=HoldKind.PROMISE,
        set_by="UCOLLECT",
        set_at=NOW,
        instalments=tuple(Instalment(due, usd(amount)) for due, amount in parts),
        invoices={id: usd(open_) for id, open_ in about.items()},
    )


def now(id_: str, open_: str, status: InvoiceStatus = InvoiceStatus.OPEN) -> Invoice:
    """The invoice as the ledger has it today."""
    return invoice(id_, open_, id=id_, status=status, total=usd("900.00"))


ONE = made((FRIDAY, "845.00"), a="845.00")
PART = made((FRIDAY, "400.00"), a="845.00")
PLAN = made((FRIDAY, "300.00"), (date(2026, 11, 16), "545.00"), a="845.00")
TWO = made((FRIDAY, "1000.00"), a="600.00", b="400.00")
PAID, VOID = InvoiceStatus.PAID, InvoiceStatus.VOIDED

TABLE = [
    ("nothing yet", ONE, [now("a", "845.00")], FRIDAY, "open"),
    ("within the grace", ONE, [now("a", "845.00")], date(2026, 10, 20), "open"),
    ("after the grace", ONE, [now("a", "845.00")], date(2026, 10, 21), "broken"),
    ("paid in full, early", ONE, [now("a", "0", PAID)], NOW.date(), "kept"),
    ("paid in part only", ONE, [now("a", "445.00")], date(2026, 10, 21), "broken"),
    ("the part that was promised", PART, [now("a", "445.00")], FRIDAY, "kept"),
    ("voided since", ONE, [now("a", "0", VOID)], FRIDAY, "withdrawn"),
    ("gone", ONE, [], FRIDAY, "withdrawn"),
    ("one voided, the other paid", TWO, [now("a", "0", PAID), now("b", "0", VOID)], FRIDAY, "kept"),
    ("one of two", TWO, [now("a", "0", PAID), now("b", "400.00")], date(2026, 10, 21), "broken"),
    ("first instalment paid", PLAN, [now("a", "545.00")], date(2026, 10, 21), "open"),
    ("first instalment missed", PLAN, [now("a", "600.00")], date(2026, 10, 21), "broken"),
    ("second instalment missed", PLAN, [now("a", "545.00")], date(2026, 11, 19), "broken"),
    ("both paid", PLAN, [now("a", "0", PAID)], date(2026, 11, 19), "kept"),
    ("more is open than before", ONE, [now("a", "900.00")], FRIDAY, "open"),
]


def test_what_becomes_of_a_promise() -> None:
    """Payments are seen in the invoices; only what should have arrived, with the grace, counts."""
    found = {name: judged(p, invoices, today, POLICY) for name, p, invoices, today, _ in TABLE}
    assert found == {name: PromiseState(state) for name, *_, state in TABLE}


def test_the_grace_is_three_working_days() -> None:
    """After a Friday that is Wednesday."""
    assert held_until(FRIDAY, POLICY) == date(2026, 10, 21)


def test_a_broken_promise_raises_by_one() -> None:
    """At least to 2, at most to 4; it then crosses there, once it is overdue long enough at all."""
    assert [raised(None), *map(raised, Stage)] == [2, 2, 3, 4, 4]
    assert crossing_stage(12, None, Stage.FIRM) is Stage.FIRM
    assert crossing_stage(12, Stage.FIRM, Stage.FIRM) is None
    assert crossing_stage(2, None, Stage.FIRM) is None
