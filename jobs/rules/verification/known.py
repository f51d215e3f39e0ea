"""What a message may state: every form in which a fact of the case may appear in a text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from babel.numbers import get_currency_precision, get_currency_symbol, get_decimal_symbol

from jobs.rules.facts.addresses import ledger_addresses
from jobs.rules.facts.facts import Facts, Invoice
from jobs.rules.facts.past import Past
from jobs.rules.figures import Money, amount, language_of, letter_locale
from jobs.rules.letters.slots import (
    NAMED,
    contact,
    contact_days,
    contacts_about,
    locale_of,
    pay_link_keys,
    table,
    title,
)
from jobs.rules.plain import one_line, without_hidden
from jobs.rules.policy.policy import Policy


def normal(text: str) -> str:
    """`text` in the form used for comparison: look-alike characters unified, nothing hidden."""
    return without_hidden(unicodedata.normalize("NFKC", without_hidden(text)))


@dataclass(frozen=True)
class Known:
    """Everything in normal form, and literals also as they appear in a letter.

    `numbers` are amounts and counts without a currency.
    """

    literals: frozenset[str]
    numbers: frozenset[str]
    symbols: frozenset[str]
    dates: frozenset[date]
    link_keys: frozenset[str]
    addresses: frozenset[str]
    amounts: Mapping[str, Decimal]
    """Each way to write an amount, with and without its currency → the amount."""
    invoices: Mapping[str, tuple[Invoice, ...]]
    """Number → the invoices that have it."""
    other_dates: frozenset[date]
    """The `dates` that belong to no invoice."""
    day_first: bool
    """Whether 2/10/2026 is a day in October: as the reader of this letter reads it."""
    contacts: int
    """How many times we have written about an invoice in this message."""

    def with_literals(self, texts: Iterable[str]) -> Known:
        """The same, with these texts allowed too."""
        return replace(self, literals=self.literals | frozenset(filter(None, texts)))


def known(
    facts: Facts, policy: Policy, past: Past, deadline: date | None, addresses: Iterable[str]
) -> Known:
    """The facts of one message. `addresses` are ours: sender and reply-to."""
    locale = locale_of(facts, policy)
    amounts = list(_amounts(facts))
    exact = {amount(money, locale) for money in amounts}
    invoices = _by_number(facts, locale)
    texts = {
        *_names(facts, policy, past.account_manager),
        *_labels(facts),
        *exact,
        *table(facts, locale),
        *invoices,
    }
    return Known(
        literals=_normal(texts) | {text.strip() for text in texts if text.strip()},
        numbers=_normal({*_counts(facts), *(f for m in amounts for f in written(m, locale))}),
        symbols=_normal(_symbols(facts.currency, locale)),
        dates=frozenset(_dates(facts, past, deadline)),
        link_keys=_normal(pay_link_keys(facts, policy).values()),
        addresses=frozenset(a.lower() for a in (*addresses, *ledger_addresses(facts))),
        amounts={normal(f): m.amount for m in amounts for f in _forms(m, locale)},
        invoices=invoices,
        other_dates=frozenset(_other_dates(facts, past, deadline)),
        day_first=language_of(locale) != "en" or facts.company.country != "US",
        contacts=len(contacts_about(facts, past)),
    )


def _forms(money: Money, locale: str) -> tuple[str, ...]:
    return (amount(money, locale), *written(money, locale))


def _by_number(facts: Facts, locale: str) -> dict[str, tuple[Invoice, ...]]:
    found: dict[str, tuple[Invoice, ...]] = {}
    for invoice in facts.invoices:
        for label in _called(invoice, locale):
            found[label] = (*found.get(label, ()), invoice)
    return found


def _called(invoice: Invoice, locale: str) -> set[str]:
    """Its number, or "invoice of October 2, 2026" if it has none."""
    number = one_line(invoice.number)
    name = title(invoice, locale)
    return {number, normal(number)} if number else {name, name[:1].upper() + name[1:]}


def _normal(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(filter(None, (normal(text).strip() for text in texts)))


def _names(facts: Facts, policy: Policy, manager: str) -> Iterator[str]:
    for name in (facts.customer.name, facts.company.name, policy.sender_name, policy.sender_title):
        yield one_line(name)
    yield contact(facts)
    yield one_line(policy.account_manager_name(facts.customer.id, manager))
    yield one_line(policy.sender_phone)
    yield from policy.how_to_pay.splitlines()


def _labels(facts: Facts) -> Iterator[str]:
    for invoice in facts.invoices:
        yield one_line(invoice.number)
        yield one_line(invoice.po_number)


def _amounts(facts: Facts) -> Iterator[Money]:
    yield facts.asked
    yield facts.total_overdue
    for invoice in facts.invoices:
        yield from amounts_of(invoice)
    if facts.netted:
        yield facts.on_account
        yield from (credit.open for credit in facts.netted)


def amounts_of(invoice: Invoice) -> tuple[Money, ...]:
    """What may be said about one invoice: open, in all, and paid so far."""
    paid = (invoice.paid_so_far,) if invoice.paid_so_far.amount > 0 else ()
    return (invoice.open, invoice.total, *paid)


def _counts(facts: Facts) -> Iterator[str]:
    count = len(facts.invoices)
    yield str(count)
    if count > NAMED:
        yield str(count - NAMED)


def written(money: Money, locale: str) -> Iterator[str]:
    """An amount without its currency: "1,200.50", "1200.50"; "1,200" if there are no cents."""
    places = get_currency_precision(money.currency)
    rounded = money.amount.quantize(Decimal(1).scaleb(-places))
    point = get_decimal_symbol(letter_locale(locale))
    for text in (_digits(amount(money, locale)), f"{rounded:.{places}f}".replace(".", point)):
        yield text
        if places and rounded == int(rounded):
            yield text.removesuffix(point + "0" * places)


def _digits(formatted: str) -> str:
    found = re.search(r"\d(.*\d)?", formatted)
    return found[0] if found else ""


def _symbols(currency: str, locale: str) -> set[str]:
    # Not the symbol of another country: "$" is a different amount in Canada
    return {currency, get_currency_symbol(currency, letter_locale(locale))}


def _dates(facts: Facts, past: Past, deadline: date | None) -> Iterator[date]:
    for invoice in facts.invoices:
        yield invoice.due
        yield invoice.txn_date
    yield from _other_dates(facts, past, deadline)


def _other_dates(facts: Facts, past: Past, deadline: date | None) -> Iterator[date]:
    yield from (credit.on for credit in facts.netted)
    yield from contact_days(facts, past)
    yield from filter(None, (deadline, past.promised))
