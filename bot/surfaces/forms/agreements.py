"""The forms about what a customer wrote: a promise, a payment plan, disputed invoices. Pure."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal

from bot.blockkit.blocks import Block
from bot.blockkit.ids import Field
from bot.surfaces import wording
from bot.surfaces.forms import fields
from bot.surfaces.forms.fields import Values, unusable
from bot.surfaces.forms.modal import Form, Submission, about, asking, bound
from jobs.decide.hold import Holding
from jobs.decide.promise import Agreed
from jobs.decide.verbs import Verb
from jobs.rules.case import CaseView
from jobs.rules.facts.past import HoldKind
from jobs.rules.figures import Money, total
from jobs.rules.policy.policy import Policy

A_WEEK = timedelta(days=7)
A_MONTH = timedelta(days=30)
PROPOSED = 3
"""How many instalments the form of a plan proposes."""
MOST_INSTALMENTS = 24
LARGEST = Decimal(10) ** 9
_AMOUNT = re.compile(r"\d{1,3}(?:,\d{3})*(?:\.\d{1,2})?|\d+(?:\.\d{1,2})?")
_LINE = re.compile(r"(?P<day>\d{4}-\d{2}-\d{2})[\s:;,]+(?P<amount>\S+)")
_CHOOSE = "Choose none to mean all of them."


def promise(view: CaseView, _: Policy) -> Block:
    """The day and the amount that the customer named; what its mail says stands there already."""
    offered = view.reply
    on = offered.promised_on if offered and offered.promised_on else view.facts.today + A_WEEK
    amount = f"{offered.promised.amount:.2f}" if offered and offered.promised else ""
    told = "Nobody is reminded until three working days after that day."
    currency = view.facts.currency
    hint = f"In {currency}, for instance 1,200.50. Leave it empty for everything that is open."
    blocks = [
        about(view, told),
        fields.day(view, "Pays on", max(on, view.facts.today + timedelta(days=1))),
        fields.labelled(
            Field.AMOUNT,
            view.version,
            "Amount",
            fields.line(Field.AMOUNT, amount),
            hint=hint,
            optional=True,
        ),
        *fields.invoices(view, "Invoices", _CHOOSE),
        fields.comment(view, "Comment", optional=True),
    ]
    return asking(Verb.PROMISE, blocks, bound(view), "Save", "Promise to pay")


def promised(sent: Submission) -> Agreed:
    """Raises UnusableError for a day that is not after today, or what is no amount."""
    values, view = sent.values, sent.view()
    on = fields.day_after(values, view.facts.today)
    typed = fields.typed(values, Field.AMOUNT)
    amount = _amount(values, Field.AMOUNT, typed, view.facts.currency) if typed else None
    return Agreed(((on, amount),), *_rest(values))


def plan(view: CaseView, _: Policy) -> Block:
    """Instalments, a line each; three equal ones a month apart are proposed."""
    told = (
        "What was agreed on with the customer. Nobody is reminded while the payments arrive; a "
        "missing one brings the case back three working days after its day."
    )
    lines = "\n".join(f"{due.isoformat()}  {part.amount:f}" for due, part in _proposed(view))
    element = fields.line(Field.INSTALMENTS, lines, many=True) | {"max_length": 1000}
    hint = f"A line for each: the day as year-month-day, then the amount in {view.facts.currency}."
    blocks = [
        about(view, told),
        fields.labelled(Field.INSTALMENTS, view.version, "Instalments", element, hint=hint),
        *fields.invoices(view, "Invoices", _CHOOSE),
        fields.comment(view, "Comment", optional=True),
    ]
    return asking(Verb.PLAN, blocks, bound(view), "Save", "Payment plan")


def _proposed(view: CaseView) -> list[tuple[date, Money]]:
    """Equal parts of what is asked for; the last one takes the odd cents."""
    asked, currency = view.facts.asked, view.facts.currency
    part = Money((asked.amount / PROPOSED).quantize(Decimal("0.01")), currency)
    parts = [part] * (PROPOSED - 1)
    parts.append(asked - total(parts, currency))
    return [(view.facts.today + A_MONTH * (n + 1), each) for n, each in enumerate(parts)]


def planned(sent: Submission) -> Agreed:
    """Raises UnusableError, which names the line that cannot be read."""
    values, view = sent.values, sent.view()
    lines = [line for line in fields.typed(values, Field.INSTALMENTS).split("\n") if line.strip()]
    parts = [_instalment(values, line.strip(), view) for line in lines]
    days = [due for due, _ in parts]
    if not parts or len(parts) > MOST_INSTALMENTS:
        told = f"Please enter one to {MOST_INSTALMENTS} instalments."
        raise unusable(values, Field.INSTALMENTS, told)
    if days != sorted(set(days)):
        told = "Please give each instalment a day of its own, the earliest first."
        raise unusable(values, Field.INSTALMENTS, told)
    whole = total((amount for _, amount in parts), view.facts.currency)
    if view.facts.total_open < whole:
        told = (
            f"These add up to {wording.money(whole)}, more than the "
            f"{wording.money(view.facts.total_open)} that is open."
        )
        raise unusable(values, Field.INSTALMENTS, told)
    return Agreed(tuple(parts), *_rest(values))


def _instalment(values: Values, line: str, view: CaseView) -> tuple[date, Money]:
    found = _LINE.fullmatch(line)
    try:
        due = date.fromisoformat(found["day"]) if found else None
    except ValueError:
        due = None
    if found is None or due is None:
        told = f"“{line[:60]}” is not a day and an amount, such as 2026-12-04  500.00."
        raise unusable(values, Field.INSTALMENTS, told)
    if not view.facts.today < due <= view.facts.today + 2 * fields.LONGEST:
        told = f"{due.isoformat()} is not a day after today, within two years."
        raise unusable(values, Field.INSTALMENTS, told)
    return due, _amount(values, Field.INSTALMENTS, found["amount"], view.facts.currency)


def _amount(values: Values, field: Field, typed: str, currency: str) -> Money:
    """The amount typed, as people write it here. Raises UnusableError."""
    if _AMOUNT.fullmatch(typed):
        amount = Decimal(typed.replace(",", ""))
        if 0 < amount < LARGEST:
            return Money(amount, currency)
    told = f"“{typed[:40]}” is not an amount, such as 1,200.50."
    raise unusable(values, field, told)


def _rest(values: Values) -> tuple[tuple[str, ...], str]:
    return fields.several(values, Field.INVOICES), fields.typed(values, Field.COMMENT)


def dispute(view: CaseView, policy: Policy) -> Block:
    """Which invoices are disputed; the others go on without them."""
    until = view.facts.today + timedelta(days=policy.hold_days)
    blocks = [
        about(view, "Disputed invoices are left out of every message until the review date."),
        *fields.invoices(view, "Disputed invoices", "The others go on without mentioning them."),
        fields.day(view, "Review date", until),
        fields.comment(view, "What the customer disputes"),
    ]
    return asking(Verb.DISPUTE, blocks, bound(view), "Hold", "Disputed invoices")


def disputed(sent: Submission) -> Holding:
    """Raises UnusableError without an invoice, a later review date, or a reason."""
    values = sent.values
    invoices = fields.several(values, Field.INVOICES)
    if not invoices:
        raise unusable(values, Field.INVOICES, "Please choose the disputed invoices.")
    until = fields.day_after(values, sent.view().facts.today)
    told = "Please say what the customer disputes; it stands on the hold."
    why = fields.required(values, Field.COMMENT, fields.paragraphs, told)
    return Holding(HoldKind.DISPUTE, until, why, invoices)


FORMS: dict[Verb, Form] = {
    Verb.PROMISE: Form(promise, promised),
    Verb.PLAN: Form(plan, planned),
    Verb.DISPUTE: Form(dispute, disputed),
}
"""The forms here, by verb."""
