"""The ledger's own records as evidence for a card."""

from __future__ import annotations

from jobs.rules.changes import EN, name
from jobs.rules.evidence import Evidence
from jobs.rules.facts import NO_DUE_DATE, Credit, Facts, Invoice
from jobs.rules.figures import amount, day


def ledger_evidence(facts: Facts) -> tuple[Evidence, ...]:
    """Every invoice and credit of the case, under the id that rulings and reasons use for it."""
    invoices = (*facts.invoices, *facts.other_open)
    return (*map(_invoice, invoices), *map(_credit, (*facts.credits, *facts.family_credits)))


def _invoice(invoice: Invoice) -> Evidence:
    due = f"due {day(invoice.due, EN)}" if invoice.due != NO_DUE_DATE else "without a due date"
    label = f"{name(invoice)}, {amount(invoice.open, EN)} open, {due}"
    return Evidence(f"invoice:{invoice.id}", "invoice", label)


def _credit(credit: Credit) -> Evidence:
    what = "Credit memo" if credit.kind == "credit_memo" else "Payment"
    number = f" {credit.number}" if credit.number else ""
    said = f"{what}{number} of {day(credit.on, EN)}, {amount(credit.open, EN)} not used"
    return Evidence(f"{credit.kind}:{credit.id}", credit.kind, said)
