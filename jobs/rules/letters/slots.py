"""The values of a letter's slots: ledger facts, our history and the policy, as plain text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import cache

from jobs.rules.facts.facts import Credit, Facts, Invoice
from jobs.rules.facts.past import Contact, Past
from jobs.rules.figures import Money, amount, day, language_of, listed, short_day, spelled
from jobs.rules.letters.words import LetterWords, letter_words
from jobs.rules.plain import capital, one_line
from jobs.rules.policy.policy import Policy
from jobs.rules.states import Stage

SLOT = re.compile(r"\{([a-z_]+)\}")
NAMED = 3
"""How many invoices are named in a sentence; the table names them all."""
MOST_FILES = 20
"""A message about more invoices than this has no attachments."""


def fill(text: str, values: Mapping[str, str]) -> str:
    """`text` with its slots replaced, once: a value that looks like a slot stays as it is.

    A slot without a value stays too, for the verifier to find.
    """
    return SLOT.sub(lambda slot: values.get(slot[1]) or slot[0], text)


def values(
    facts: Facts, stage: Stage, policy: Policy, past: Past, deadline: date | None
) -> dict[str, str]:
    """Slot → text; empty if there is nothing to say. Amounts and dates in the customer's format."""
    locale = locale_of(facts, policy)
    words = words_for(locale)
    one = len(facts.invoices) == 1
    return {
        "customer": one_line(facts.customer.name),
        "contact": contact(facts) or words.nobody,
        "company": one_line(facts.company.name),
        "account_manager": one_line(
            policy.account_manager_name(facts.customer.id, past.account_manager)
        ),
        "total_open": amount(facts.asked, locale),
        "invoice_table": "\n".join(table(facts, locale)),
        "invoices": named(facts.invoices, locale),
        "single": capital(named(facts.invoices, locale)) if one else "",
        "several": "" if one else counted(facts, words),
        "reached": _reached(facts, stage, locale),
        "oldest_due_date": day(min(i.due for i in facts.invoices), locale),
        "deadline": day(deadline, locale) if deadline else "",
        "promise_date": day(past.promised, locale) if past.promised else "",
        "history": listed((day(on, locale) for on in contact_days(facts, past)), words.and_day),
        "pay_links": how_to_pay(facts, policy, locale),
        "attached": _attached(words, one=one) if attaches(facts, policy) else "",
        "sender_name": one_line(policy.sender_name or facts.company.name),
        "sender_post": _post(facts, policy),
        "sender_phone": one_line(policy.sender_phone),
    }


def locale_of(facts: Facts, policy: Policy) -> str:
    """How this customer's amounts and dates are written."""
    return policy.locale(facts.customer.id, facts.company.country)


@cache
def words_for(locale: str) -> LetterWords:
    """The words of a letter for this locale."""
    words = letter_words(language_of(locale))
    return replace(words, signature=spelled(words.signature, locale))


def contact(facts: Facts) -> str:
    """Who a letter greets: the contact if the ledger has one, otherwise the customer, or empty."""
    return one_line(facts.customer.contact) or one_line(facts.customer.name)


def title(invoice: Invoice, locale: str = "en_US") -> str:
    """ "invoice 1037", or "invoice of October 2, 2026" if it has no number."""
    words, number = words_for(locale), one_line(invoice.number)
    label = number or words.of.format(day=day(invoice.txn_date, locale))
    return (words.invoice if number else words.dated).format(label=label)


def labels(invoices: tuple[Invoice, ...], locale: str) -> dict[str, str]:
    """Invoice id → a label that is unique in the letter.

    That is "1037"; "1037 of October 2, 2026" if another has the same number; and
    "of October 2, 2026" if it has none. Labels that are still equal get the amount too.
    """
    words = words_for(locale)
    numbers = {i.id: one_line(i.number) for i in invoices}
    shared = Counter(numbers.values())
    for one in invoices:
        if not numbers[one.id] or shared[numbers[one.id]] > 1:
            numbers[one.id] += " " + words.of.format(day=day(one.txn_date, locale))
    still = Counter(numbers.values())
    for one in invoices:
        if still[numbers[one.id]] > 1:
            numbers[one.id] += " " + words.for_.format(amount=amount(one.total, locale))
    return {id: label.strip() for id, label in numbers.items()}


def named(invoices: tuple[Invoice, ...], locale: str, most: int = NAMED) -> str:
    """The invoices in a sentence: "invoices 1037, 1038, 1039 and 8 more"."""
    words = words_for(locale)
    shown, more = invoices[:most], len(invoices) - most
    label = labels(invoices, locale)
    numbers = [label[i.id] for i in shown if one_line(i.number)]
    dated = [label[i.id] for i in shown if not one_line(i.number)]
    rest = [words.more.format(count=more)] if more > 0 else []
    if not numbers:
        return listed([*(words.dated.format(label=one) for one in dated), *rest], words.and_)
    if not dated:
        return _numbered(listed(numbers + rest, words.and_), len(numbers), words)
    first = _numbered(", ".join(numbers), len(numbers), words)
    return listed([first, *(words.the_dated.format(label=o) for o in dated), *rest], words.and_)


def _numbered(labels: str, count: int, words: LetterWords) -> str:
    one = count == 1
    return words.invoice.format(label=labels) if one else words.invoices.format(labels=labels)


def counted(facts: Facts, words: LetterWords) -> str:
    """ "Two invoices"; in figures from thirteen on."""
    return words.several.format(count=capital(words.count(len(facts.invoices))))


def table(facts: Facts, locale: str) -> list[str]:
    """A line per invoice and per credit, and the total if there are several, in columns."""
    label, words = labels(facts.invoices, locale), words_for(locale)
    rows = [_row(invoice, label[invoice.id], locale) for invoice in facts.invoices]
    rows += [_credit(credit, locale) for credit in facts.netted]
    if len(rows) > 1:
        name = words.total_due if facts.netted else words.total
        rows.append((name, "", amount(facts.asked, locale), ""))
    names, dates, amounts = (max(len(row[n]) for row in rows) for n in range(3))
    return [
        f"{name:<{names}}   {due:<{dates}}   {sum_:>{amounts}}   {remark}".rstrip()
        for name, due, sum_, remark in rows
    ]


def _row(invoice: Invoice, label: str, locale: str) -> tuple[str, str, str, str]:
    """ "1037", "due Oct 2, 2026", "$512.40", "(PO 4711)"."""
    words = words_for(locale)
    name = label if one_line(invoice.number) else capital(words.dated.format(label=label))
    remarks = "; ".join(filter(None, [_order(invoice, words), _part_paid(invoice, locale)]))
    due = words.due.format(day=short_day(invoice.due, locale))
    return name, due, amount(invoice.open, locale), f"({remarks})" if remarks else ""


def _credit(credit: Credit, locale: str) -> tuple[str, str, str, str]:
    # Without its number: that of a payment is text that somebody else has typed
    words = words_for(locale)
    name = words.payment if credit.kind == "payment" else words.credit
    off = amount(Money(-credit.open.amount, credit.open.currency), locale)
    return name, words.of.format(day=short_day(credit.on, locale)), off, ""


def _order(invoice: Invoice, words: LetterWords) -> str:
    po = one_line(invoice.po_number)
    return po if po.upper().startswith("PO") or not po else words.order.format(number=po)


def _part_paid(invoice: Invoice, locale: str) -> str:
    if invoice.paid_so_far.amount <= 0:
        return ""
    # The balance alone does not say whether a payment or a credit reduced it
    paid, whole = amount(invoice.paid_so_far, locale), amount(invoice.total, locale)
    return words_for(locale).part_paid.format(paid=paid, whole=whole)


def _reached(facts: Facts, stage: Stage, locale: str) -> str:
    """What a deadline applies to: the invoices at this stage, not those at earlier ones."""
    words = words_for(locale)
    there = tuple(i for i in facts.invoices if facts.stages.get(i.id, stage) >= stage)
    if there and len(there) < len(facts.invoices):
        return words.reached.format(invoices=named(there, locale, most=len(there)))
    return words.this_invoice if len(facts.invoices) == 1 else words.these_invoices


def contact_days(facts: Facts, past: Past) -> list[date]:
    """The days, in the company's zone, on which we wrote about an invoice of this letter."""
    about = contacts_about(facts, past)
    return sorted({c.at.astimezone(facts.company.zone).date() for c in about})


def contacts_about(facts: Facts, past: Past) -> list[Contact]:
    """Our messages so far about an invoice of this letter."""
    ids = {i.id for i in facts.invoices}
    return [c for c in past.contacts if ids.intersection(c.invoices)]


def pay_link_keys(facts: Facts, policy: Policy) -> dict[str, str]:
    """Invoice id → the key in its `[pay link …]`, for invoices that can be paid online.

    That is the number, or "#id" if the number is not unique.
    """
    if not policy.pay_links:
        return {}
    numbers = {i.id: one_line(i.number) for i in facts.invoices}
    own = {n for n, count in Counter(numbers.values()).items() if count == 1 and n}
    own -= {n for n in own if set("[]#") & set(n)}
    online = [i.id for i in facts.invoices if i.online]
    return {id: numbers[id] if numbers[id] in own else f"#{id}" for id in online}


def how_to_pay(facts: Facts, policy: Policy, locale: str) -> str:
    """QuickBooks' pay links and the policy's fixed text; empty if there is neither."""
    keys, words = pay_link_keys(facts, policy), words_for(locale)
    slots = {id: f"[pay link {key}]" for id, key in keys.items()}
    if len(facts.invoices) == 1 and keys:
        links = [f"{words.pay_online} {slots[facts.invoices[0].id]}"]
    else:
        payable = [i for i in facts.invoices if i.id in keys]
        label = labels(facts.invoices, locale)
        links = [words.pay_one.format(label=label[i.id], link=slots[i.id]) for i in payable]
        links = [words.pay_online, *links] if links else []
    return "\n".join(links + policy.how_to_pay.strip().splitlines())


def attaches(facts: Facts, policy: Policy) -> bool:
    """Whether the invoices are attached; with too many, servers would refuse the mail."""
    return policy.attach_pdf and len(facts.invoices) <= MOST_FILES


def _attached(words: LetterWords, *, one: bool) -> str:
    return words.one_attached if one else words.all_attached


def signature(facts: Facts, policy: Policy) -> tuple[str, ...]:
    """The lines under the closing of a letter: name, post and company, phone."""
    name = one_line(policy.sender_name or facts.company.name)
    told = (name, _post(facts, policy), one_line(policy.sender_phone), one_line(facts.company.name))
    return tuple(filter(None, told))


def _post(facts: Facts, policy: Policy) -> str:
    """The line below the name; empty if the company itself signs."""
    if not policy.sender_name:
        return ""
    return ", ".join(filter(None, [one_line(policy.sender_title), one_line(facts.company.name)]))
