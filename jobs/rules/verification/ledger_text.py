"""Which names, numbers and PO numbers from the ledger, all free text, a letter may contain.

A letter may state whatever is on record, so the records are checked first. A field that contains a
link, an account, an address, a telephone number or a slot is left out of the letter.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from jobs.rules.facts.addresses import ADDRESS, ledger_addresses
from jobs.rules.facts.facts import Facts, Invoice
from jobs.rules.plain import one_line
from jobs.rules.verification import wording
from jobs.rules.verification.known import normal

SHOWN = 60
"""How many characters of a field are quoted."""
LONGEST = 1000
"""How many characters of a field are checked; QuickBooks' own fields are shorter."""
PLAIN_PO = re.compile(r"[A-Za-z0-9/.#-]{1,20}")
PO_BEFORE = re.compile(r"p\.?o\.?\s*(?:no\b\.?|number\b|nr\b\.?)?\s*[:#]?\s+(?=\S)", re.IGNORECASE)
PLAIN_NUMBER = re.compile(r"[\w\[\] .,:#/()&+'’*~–-]+")
COMPANY_FORMS = frozenset({"co", "pty", "gmbh"})
"""What comes before a dot in company names: "Co.KG" is not a host."""
HOST = re.compile(r"(?P<before>\w+)\.(?P<ending>[^\W\d_]{2,24})\b(?P<path>/?)")
PHRASES = {
    "markup": "markup",
    "bank_details": "bank details",
    "payee": "another payee",
    "reply_elsewhere": "an answer elsewhere",
}
"""Kinds of phrases that no field may contain → how to call them."""
LOOKS = (
    *((PHRASES[one.kind], one.pattern) for one in wording.PHRASES if one.kind in PHRASES),
    ("a slot", re.compile(r"\{[^{}]*\}|\[\s*pay\b", re.IGNORECASE)),
    ("an encoded header", re.compile(r"=\?")),
    ("a link", re.compile(r"\w\s?:\s?//|\b(?:mailto|tel|javascript|data):|\bwww\.", re.IGNORECASE)),
    ("an account", re.compile(wording.IBAN, re.IGNORECASE)),
    ("an account", re.compile(r"(?<!\d)\d(?:[ -]?\d){12,}(?!\d)|" + wording.SORT_CODE)),
    ("another payee", re.compile(r"\bpayments?\s+to\b|\bche(?:que|ck)s?\s+out\b", re.IGNORECASE)),
    (
        "a telephone number",
        re.compile(
            r"\+\s?\d[\d ().\-/]{6,}\d|\(\d{2,5}\)\s?\d[\d .\-/]{4,}\d"
            r"|(?<![\w.-])(?:1[ .-])?\d{3}[ .-]\d{3}[ .-]\d{4}(?!\w)"
        ),
    ),
)
"""Patterns that no field may contain → how to call them."""
WEB_ADDRESS = "a web address"
"""Allowed only in a name, once a finance lead has confirmed it: "Overstock.com"."""
LOOKS_IN_NAMES = (
    ("an account", re.compile(r"(?<!\d)\d{8,}(?!\d)")),
    ("a telephone number", re.compile(r"(?<!\w)0\d{2,4}[ /-]\d{3}[\d /-]*\d")),
    ("an amount", re.compile(r"[$€£¥]\s?\d[\d,.]*\d")),
)
"""The same for names only: invoice and order numbers may be long, but names have no such digits."""


@dataclass(frozen=True)
class OddField:
    """A field that is left out of the letter. `text` is as in the ledger."""

    field: str
    text: str
    looks_like: str
    evidence: str

    @property
    def sentence(self) -> str:
        """For the card; outside text in it is raw."""
        shown = one_line(self.text, SHOWN)
        return f"{self.field} reads “{shown}”, which looks like {self.looks_like}."


def presentable(facts: Facts, confirmed: frozenset[str]) -> Facts:
    """The facts that a letter may state: odd fields, and PO numbers that are not plain, are empty.

    `confirmed` are fingerprints of names that a finance lead has confirmed.
    """
    customer, own = facts.customer, ledger_addresses(facts)
    name, contact = (
        "" if _looks_like(text, own, LOOKS_IN_NAMES) else text
        for text in (customer.name, customer.contact)
    )
    if to_confirm(facts) in confirmed:
        name = customer.name
    return replace(
        facts,
        customer=replace(customer, name=name, contact=contact),
        invoices=tuple(_presentable(invoice) for invoice in facts.invoices),
    )


def to_confirm(facts: Facts) -> str:
    """The fingerprint (64 hex digits) of the customer's name if it looks like a web address and
    nothing worse; otherwise empty."""
    customer, own = facts.customer, ledger_addresses(facts)
    if _looks_like(customer.name, own, LOOKS_IN_NAMES) != WEB_ADDRESS:
        return ""
    named = f"{customer.id}\0{customer.name}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(named).hexdigest()


def _presentable(invoice: Invoice) -> Invoice:
    number = "" if _odd_number(invoice.number) else invoice.number
    return replace(invoice, number=number, po_number=plain_po(invoice.po_number))


def plain_po(text: str) -> str:
    """A PO number as used in a letter ("PO 4711" gives 4711), or empty if it is not a plain one."""
    shown = one_line(text)
    bare = PO_BEFORE.sub("", shown, count=1) if " " in shown else shown
    return bare if PLAIN_PO.fullmatch(bare) and not _looks_like(bare) else ""


def odd(facts: Facts, confirmed: frozenset[str]) -> Iterator[OddField]:
    """Every field of the case that is left out because of its content."""
    customer, own = facts.customer, ledger_addresses(facts)
    of_customer = f"customer:{customer.id}"
    name = "" if to_confirm(facts) in confirmed else customer.name
    for field, text in (("The name", name), ("The contact", customer.contact)):
        if like := _looks_like(text, own, LOOKS_IN_NAMES):
            yield OddField(f"{field} of this customer", text, like, of_customer)
    for invoice in facts.invoices:
        evidence = f"invoice:{invoice.id}"
        if like := _odd_number(invoice.number):
            yield OddField("An invoice number", invoice.number, like, evidence)
        if like := _looks_like(invoice.po_number):
            number = "" if _odd_number(invoice.number) else one_line(invoice.number)
            of = f"invoice {number}" if number else "an invoice"
            yield OddField(f"The PO number of {of}", invoice.po_number, like, evidence)


def _odd_number(text: str) -> str:
    plain = normal(text).strip()
    if plain and not PLAIN_NUMBER.fullmatch(plain):
        return _looks_like(text) or "more than a number"
    return _looks_like(text)


def _looks_like(
    text: str,
    own_addresses: tuple[str, ...] = (),
    more: tuple[tuple[str, re.Pattern[str]], ...] = (),
) -> str:
    """What a text carries that no such field should, in words, or empty. Our own are the ledger's
    addresses of this customer: many are named after one."""
    plain = " ".join(normal(text[:LONGEST]).replace("。", ".").split())
    for address in own_addresses:
        plain = plain.replace(address, "")
    if ADDRESS.search(plain):
        return "an address"
    found = (told for told, pattern in (*LOOKS, *more) if pattern.search(plain))
    return next(found, _host_in(plain))


def _host_in(plain: str) -> str:
    hosts = [found for found in HOST.finditer(plain) if _is_host(found)]
    if any(found["path"] for found in hosts):
        return "a link"
    return WEB_ADDRESS if hosts else ""


def _is_host(found: re.Match[str]) -> bool:
    """Whether it is a host: these are in one case, while a new sentence starts with a capital."""
    if found["before"].casefold() in COMPANY_FORMS:
        return False
    ending = found["ending"]
    return bool(found["path"]) or ending.islower() or ending.isupper()
