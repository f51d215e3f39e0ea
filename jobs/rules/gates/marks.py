"""What is special about a customer: from the policy file, and names in QuickBooks and the CRM.

The text of a field or property is typed by somebody: it can only stop or slow a message, and a
value that is not known is reported, because it was meant to say something.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from jobs.rules.facts.facts import Facts, Invoice
from jobs.rules.gates.about_ledger import about_customer, customer_name
from jobs.rules.letters.slots import title
from jobs.rules.plain import one_line
from jobs.rules.policy.policy import Policy
from jobs.rules.policy.sections import MARKS, Mark
from jobs.rules.rulings import TWO_PEOPLE, Kind, Ruling

UNKNOWN = "unknown"
"""The mark of a field whose value is not a known mark."""
YES, NO = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})
LONGEST = 60
"""How many characters of such a text are shown."""


RULES = {
    "do_not_chase": (Kind.NEVER, "do_not_chase", "{} must not be chased, according to {}."),
    "consumer": (Kind.NEVER, "consumer", "{} is a private person, according to {}."),
    "disputed": (Kind.STOP, "dispute", "{} disputes the bill, according to {}."),
    "key_account": (
        Kind.GATE,
        "key_account",
        (
            "{} is a key account, according to {}: its account manager sees this first, and two "
            "people must approve."
        ),
    ),
    UNKNOWN: (
        Kind.GATE,
        "unknown_mark",
        "{} has a mark that the policy does not know: {}. A finance lead decides.",
    ),
}
"""Mark of a customer → kind, rule, reason."""
NEEDS = {"key_account": {**TWO_PEOPLE, "manager_first": True}, UNKNOWN: {"lead": True}}
"""What a mark that is a gate requires."""


def of_marks(facts: Facts, policy: Policy, elsewhere: Iterable[Mark] = ()) -> Iterator[Ruling]:
    """The rule of each kind of mark on this customer; `elsewhere` are those of other sources."""
    found: dict[str, list[Mark]] = {}
    for mark in marks(facts, policy, elsewhere):
        found.setdefault(mark.kind, []).append(mark)
    for of_kind, same in found.items():
        kind, rule, reason = RULES[of_kind]
        more = f" (and {len(same) - 1} more)" if len(same) > 1 else ""
        text = reason.format(customer_name(facts), f"{same[0].source}{more}")
        on = tuple(f"invoice:{mark.invoice}" for mark in same if mark.invoice)
        yield Ruling(kind, rule, text, (*about_customer(facts), *on), **NEEDS.get(of_kind, {}))


def marks(facts: Facts, policy: Policy, found: Iterable[Mark] = ()) -> tuple[Mark, ...]:
    """The marks of a case, one per source; the policy file comes first.

    Those `found` in other sources only add to them: of two marks the more careful counts.
    """
    known = (*MARKS, UNKNOWN)
    more = (m if m.kind in known else m.model_copy(update={"kind": UNKNOWN}) for m in found)
    return (*_all(facts, policy), *more)


def _all(facts: Facts, policy: Policy) -> Iterator[Mark]:
    yield from policy.marks(facts.customer.id)
    types = {_plain(name): kind for name, kind in policy.marked.customer_types.items()}
    if kind := types.get(_plain(facts.customer.type)):
        source = f"its customer type “{_short(facts.customer.type)}” in QuickBooks"
        yield Mark(kind=kind, source=source)
    for invoice in facts.invoices:
        yield from _of_field(invoice, policy)


def _of_field(invoice: Invoice, policy: Policy) -> Iterator[Mark]:
    field = policy.marked.custom_field
    known = {_plain(kind): kind for kind in MARKS}
    known |= {_plain(text): kind for text, kind in policy.marked.values.items()}
    for name, text in invoice.fields if field else ():
        if _plain(name) == _plain(field) and text.strip():
            source = f"“{_short(name)}: {_short(text)}” on {title(invoice)} in QuickBooks"
            yield Mark(kind=known.get(_plain(text), UNKNOWN), source=source, invoice=invoice.id)


def crm_marks(properties: Mapping[str, str], policy: Policy) -> Iterator[Mark]:
    """The marks in the properties (by internal name) of one record of the CRM."""
    for name, kind in policy.marked.crm_properties.items():
        text = properties.get(name, "").strip()
        if text and text.casefold() not in NO:
            source = f"“{_short(name)}: {_short(text)}” in the CRM"
            yield Mark(kind=kind if text.casefold() in YES else UNKNOWN, source=source)


def _plain(text: str) -> str:
    """The text for comparison: case, spaces and underscores make no difference."""
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _short(text: str) -> str:
    return one_line(text, LONGEST)
