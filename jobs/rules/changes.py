"""What differs between two readings of the ledger, as sentences for the card."""

from __future__ import annotations

from collections.abc import Iterator

from jobs.rules.facts import Facts, Invoice, InvoiceStatus
from jobs.rules.figures import amount, day
from jobs.rules.letter import Letter, LetterInvoice

EN = "en_US"
"""Cards are written for the finance team, in English."""

ENDED = {
    InvoiceStatus.PAID: "was paid",
    InvoiceStatus.VOIDED: "was voided",
    InvoiceStatus.GONE: "was deleted in QuickBooks",
}


def name(invoice: Invoice) -> str:
    """How the card names an invoice."""
    return (
        f"Invoice {invoice.number}"
        if invoice.number
        else f"The invoice of {day(invoice.txn_date, EN)}"
    )


def against(letter: Letter, now: Facts, left: tuple[Invoice, ...]) -> tuple[str, ...]:
    """What the letter says and the ledger no longer does: one sentence per difference.

    `left` are invoices of the letter that are settled, voided or gone.
    """
    return tuple(_differences(letter, now, left))


def since(letter: Letter, now: Facts) -> tuple[str, ...]:
    """What is different now, invoices that have joined included."""
    stated = {i.id for i in letter.invoices}
    joined = (i for i in now.invoices if i.id not in stated)
    return (
        *_differences(letter, now, ()),
        *(f"{name(i)} is overdue too ({amount(i.open, EN)})." for i in joined),
    )


def _differences(letter: Letter, now: Facts, left: tuple[Invoice, ...]) -> Iterator[str]:
    present = {i.id: i for i in now.invoices}
    later = {i.id: i for i in now.other_open if i.days_overdue(now.today) <= 0}
    ended = {i.id: i for i in left}
    for before in letter.invoices:
        if before.id in present:
            yield from _moved(before, present[before.id])
        elif before.id in later:
            yield f"{name(later[before.id])} is now due {day(later[before.id].due, EN)}."
        elif before.id in ended:
            yield f"{name(ended[before.id])} {ENDED.get(ended[before.id].status, 'is settled')}."
        else:
            yield f"Invoice {before.number or before.id} is no longer part of this case."


def _moved(before: LetterInvoice, now: Invoice) -> Iterator[str]:
    if before.open != now.open:
        was, present = amount(before.open, EN), amount(now.open, EN)
        yield f"{name(now)}: {present} is open now, {was} before."
    if before.due != now.due:
        yield f"{name(now)} is now due {day(now.due, EN)}."
    if before.number != now.number:
        yield f"Invoice {before.number or before.id} has the number {now.number or '–'} now."


def why_nothing(left: tuple[Invoice, ...]) -> str:
    """Why a case has nothing left to ask for."""
    if not left:
        return "Nothing of this case is overdue any more."
    said = [f"{name(i)} {ENDED.get(i.status, 'is settled')}" for i in left]
    return f"{'; '.join(said)}."
