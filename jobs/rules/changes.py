"""What differs between two readings of the ledger, as sentences for the card."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from jobs.rules.facts.evidence import Evidence
from jobs.rules.facts.facts import NO_DUE_DATE, Credit, Facts, Invoice, InvoiceStatus
from jobs.rules.figures import amount, day, listed, total
from jobs.rules.letters.letter import Letter, LetterInvoice
from jobs.rules.letters.slots import title
from jobs.rules.plain import capital, one_line

"""Cards are written for the finance team, in English."""

ENDED = {
    InvoiceStatus.PAID: "was paid",
    InvoiceStatus.VOIDED: "was voided",
    InvoiceStatus.GONE: "was deleted in QuickBooks",
}


def name(invoice: Invoice) -> str:
    """How the card names an invoice."""
    return capital(title(invoice))


def against(letter: Letter, now: Facts, left: tuple[Invoice, ...]) -> tuple[str, ...]:
    """How the letter differs from the ledger: one sentence per difference.

    `left` are invoices of the letter that are settled, voided or gone.
    """
    return tuple(_differences(letter, now, left))


def after_approval(letter: Letter, now: Facts, left: tuple[Invoice, ...]) -> tuple[str, ...]:
    """Like `against`, for the approvers, with what the message would ask for now."""
    ended = {i.id: ENDED.get(i.status, "was settled") for i in left}
    gone = [i for i in letter.invoices if i.id in ended]
    said = [_together([i for i in gone if ended[i.id] == how], how) for how in _each(ended, gone)]
    said += (s.removesuffix(".") for s in _differences(_without(letter, ended), now, ()))
    asked = total((i.open for i in letter.invoices), now.currency)
    if said and now.invoices and asked != now.total_overdue:
        said.append(f"the message now asks for {amount(now.asked)}")
    return (f"{'; '.join(said)}.",) if said else ()


def _each(ended: Mapping[str, str], gone: list[LetterInvoice]) -> list[str]:
    return list(dict.fromkeys(ended[i.id] for i in gone))


def _together(invoices: list[LetterInvoice], how: str) -> str:
    """ "Invoices 1037 and 1038 were paid after the approval"."""
    names = listed(map(_number, invoices))
    if len(invoices) == 1:
        return f"Invoice {names} {how} after the approval"
    return f"Invoices {names} {how.replace('was ', 'were ', 1)} after the approval"


def _number(invoice: LetterInvoice) -> str:
    return one_line(invoice.number) or invoice.id


def _without(letter: Letter, ended: Mapping[str, str]) -> Letter:
    return replace(letter, invoices=tuple(i for i in letter.invoices if i.id not in ended))


def since(letter: Letter, now: Facts) -> tuple[str, ...]:
    """What is different now, including invoices that have been added."""
    stated = {i.id for i in letter.invoices}
    joined = (i for i in now.invoices if i.id not in stated)
    return (
        *_differences(letter, now, ()),
        *(f"{name(i)} is overdue too ({amount(i.open)})." for i in joined),
    )


def _differences(letter: Letter, now: Facts, left: tuple[Invoice, ...]) -> Iterator[str]:
    present = {i.id: i for i in now.invoices}
    held = {i.id: i for i in now.other_open if i.days_overdue(now.today) > 0}
    later = {i.id: i for i in now.other_open if i.days_overdue(now.today) <= 0}
    ended = {i.id: i for i in left}
    for before in letter.invoices:
        if before.id in present:
            yield from _moved(before, present[before.id])
        elif before.id in later:
            yield f"{name(later[before.id])} is now due {day(later[before.id].due)}."
        elif before.id in held:
            yield f"{name(held[before.id])} is on hold, so the message leaves it out."
        elif before.id in ended:
            yield f"{name(ended[before.id])} {ENDED.get(ended[before.id].status, 'is settled')}."
        else:
            yield f"Invoice {_number(before)} is no longer part of this case."


def _moved(before: LetterInvoice, now: Invoice) -> Iterator[str]:
    if before.open != now.open:
        was, present = amount(before.open), amount(now.open)
        yield f"{name(now)}: {present} is open now, {was} before."
    if before.due != now.due:
        yield f"{name(now)} is now due {day(now.due)}."
    if before.number != now.number:
        yield f"Invoice {_number(before)} now has the number {one_line(now.number) or '–'}."


def too_early(invoices: Iterable[Invoice]) -> tuple[str, ...]:
    """A sentence for each of these invoices, which are overdue but cannot be asked for yet."""
    return tuple(f"{name(i)} is not overdue long enough for a reminder." for i in invoices)


def why_nothing(left: tuple[Invoice, ...], early: tuple[Invoice, ...] = ()) -> str:
    """Why a case has nothing left to ask for; `early` are overdue but have not reached a stage."""
    said = [f"{name(i)} {ENDED.get(i.status, 'is settled')}" for i in left]
    said += [each.removesuffix(".") for each in too_early(early)]
    return f"{'; '.join(said)}." if said else "Nothing in this case is overdue any more."


def ledger_evidence(facts: Facts) -> tuple[Evidence, ...]:
    """Every invoice and credit of the case, under the id that rulings and reasons use for it."""
    invoices = (*facts.invoices, *facts.other_open)
    return (*map(_invoice, invoices), *map(_credit, (*facts.credits, *facts.family_credits)))


def _invoice(invoice: Invoice) -> Evidence:
    due = f"due {day(invoice.due)}" if invoice.due != NO_DUE_DATE else "without a due date"
    label = f"{name(invoice)}, {amount(invoice.open)} open, {due}"
    return Evidence(f"invoice:{invoice.id}", "invoice", label)


def _credit(credit: Credit) -> Evidence:
    what = "Credit memo" if credit.kind == "credit_memo" else "Payment"
    number = f" {one_line(credit.number)}" if one_line(credit.number) else ""
    said = f"{what}{number} of {day(credit.on)}, {amount(credit.open)} not used"
    return Evidence(f"{credit.kind}:{credit.id}", credit.kind, said)
