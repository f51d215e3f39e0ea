"""The invoices of a case: a table from two lines on, and the header that says what is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from bot.blockkit.blocks import header, paragraph, rich, table, text
from bot.blockkit.escaping import cap, mrkdwn
from bot.surfaces import wording
from bot.surfaces.card.parts import Line, Part
from jobs.rules.case import CaseView
from jobs.rules.facts.facts import Credit, Invoice
from jobs.rules.figures import how_late, listed, short_day, total
from jobs.rules.plain import shortened
from jobs.rules.states import OPEN, STAGE_WORDS

MOST_ROWS = 8


def title(view: CaseView) -> Part:
    """Customer · what the message asks for; for a closed case, what it was about."""
    name = wording.customer(view.facts.customer.name, 1000)
    rest = f" · {_asked(view)}"
    short = shortened(name, 150 - len(rest))
    blocks = [header(short + rest)]
    if short != name:
        blocks.append(rich(paragraph(text("Full name: "), text(name))))
    return Part(tuple(blocks), cap(mrkdwn(name), 300) + mrkdwn(rest) + ".")


def _asked(view: CaseView) -> str:
    facts = view.facts
    if view.state not in OPEN:
        return wording.money(facts.asked)
    if facts.on_account.amount and facts.net_open.amount <= 0:
        owed, credit = wording.money(facts.total_overdue), wording.money(facts.on_account)
        return f"{owed} due, {credit} on account"
    return f"{wording.money(facts.asked)} due"


def lateness(view: CaseView) -> list[Line]:
    """How late, which stage, what is open besides, and how late is usual for this customer."""
    facts = view.facts
    told = [f"{wording.days(facts.days_overdue)} late"] if facts.days_overdue > 0 else []
    told.append(STAGE_WORDS[view.stage])
    if facts.net_open != facts.asked and facts.net_open.amount > 0:
        told.append(f"{wording.money(facts.net_open)} open in all")
    if facts.habit:
        usual = f"usually {how_late(facts.habit.median_days_late)}"
        often = f", {facts.habit.late} of {facts.habit.count}"
        told.append(usual + (often if facts.habit.median_days_late > 0 else ""))
    return [[text(words)] for words in told]


def only_invoice(view: CaseView) -> Line:
    """The invoice in words where a table would have one row; empty where there is a table."""
    facts = view.facts
    if len(facts.invoices) != 1 or facts.netted:
        return []
    one = facts.invoices[0]
    paid = f", {wording.money(one.paid_so_far)} of {wording.money(one.total)} paid"
    told = f"Invoice {_name(view, one)}, due {short_day(one.due)}"
    return [text(told + (paid if one.paid_so_far.amount else ""))]


def invoices(view: CaseView, *, tables: bool = True) -> Part:
    """The invoices with their total; the first few if there are many, with complete totals.

    Modals take no `tables`: there it is lines.
    """
    rows = _rows(view)
    if only_invoice(view) or not rows:
        return Part((), _said(view) if rows else "")
    align = ["left", "left", *["right"] * (len(rows[0]) - 2)]
    shown = table(rows, align) if tables else rich(paragraph(text(_as_lines(rows))))
    return Part((shown,), _said(view))


def _as_lines(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(" · ".join(filter(None, row)) for row in rows[1:])


def _rows(view: CaseView) -> list[list[str]]:
    facts = view.facts
    paid = any(one.paid_so_far.amount for one in facts.invoices)
    some, rest = facts.invoices[:MOST_ROWS], facts.invoices[MOST_ROWS:]
    rows = [["Invoice", "Due", "Paid so far", "Open"]]
    rows += [[_name(view, one), _due(view, one), *_sums(view, [one])] for one in some]
    rows += [[f"and {len(rest)} more", "", *_sums(view, rest)]] if rest else []
    if len(facts.invoices) > 1:
        rows.append(["Total", "", *_sums(view, facts.invoices)])
    rows += _netted(view)
    return [row if paid else [*row[:2], row[3]] for row in rows] if facts.invoices else []


def _name(view: CaseView, one: Invoice) -> str:
    return cap(wording.invoice_names(view.facts.invoices)[one.id], 60)


def _due(view: CaseView, one: Invoice) -> str:
    late = one.days_overdue(view.facts.today)
    this_year = one.due.year == view.facts.today.year
    due = short_day(one.due).removesuffix(f", {one.due.year}" if this_year else "")
    return due + (f" · {late} d" if late > 0 else "")


def _sums(view: CaseView, some: Sequence[Invoice]) -> list[str]:
    currency = view.facts.currency
    paid = total((i.paid_so_far for i in some), currency)
    owed = wording.money(total((i.open for i in some), currency))
    return [wording.money(paid) if paid.amount else "", owed]


def _netted(view: CaseView) -> list[list[str]]:
    """Rows for what is deducted, and what remains to be asked for, in the last column."""
    facts = view.facts
    if not facts.netted:
        return []
    rows = [[wording.credit_name(one), "", "", _off(one)] for one in facts.netted[:MOST_ROWS]]
    if rest := facts.netted[MOST_ROWS:]:
        left = total((one.open for one in rest), facts.currency)
        rows.append([f"and {len(rest)} more", "", "", f"-{wording.money(left)}"])
    return [*rows, ["Asked for", "", "", wording.money(facts.asked)]]


def _off(credit: Credit) -> str:
    return f"-{wording.money(credit.open)}"


def _said(view: CaseView) -> str:
    facts = view.facts
    said = [_invoice_said(view, one) for one in facts.invoices[:MOST_ROWS]]
    rest = len(facts.invoices) - MOST_ROWS
    if rest > 0:
        said.append(f"and {rest} more")
    said += [f"{wording.credit_name(one)}, {_off(one)}" for one in facts.netted[:MOST_ROWS]]
    return f"Asked for {wording.money(facts.asked)}: {'; '.join(said)}."


def _invoice_said(view: CaseView, one: Invoice) -> str:
    name = cap(mrkdwn(_name(view, one)), 100)
    paid = f", {wording.money(one.paid_so_far)} paid" if one.paid_so_far.amount else ""
    return f"invoice {name}, {wording.money(one.open)} open{paid}, due {short_day(one.due)}"


def named(view: CaseView) -> str:
    """The invoices by their numbers, for a line of a settled card; perhaps empty."""
    names = [cap(name, 60) for name in wording.invoice_names(view.facts.invoices).values()]
    shown = wording.first_few(names, MOST_ROWS) if len(names) > MOST_ROWS else listed(names)
    return f"invoice{'' if len(names) == 1 else 's'} {shown}" if names else ""


def linked(view: CaseView, books: str) -> str:
    """The address of the invoice in QuickBooks, or of the customer if there are several.

    Ids are those of one company, and a person may be signed in to another: `/app/invoice?txnId=`
    would open its invoice of the same id, or after a sign-in an empty new one. So the link names
    the company. Intuit documents no deep link; this form is that of its sample app
    (IntuitDeveloper/SampleApp-TimeTracking_Invoicing-Java, public/app/js/services.js), there for
    an invoice; that it leads to a customer, too, was not confirmed.
    """
    facts = view.facts
    if not books:
        return ""
    page = f"customerdetail?nameId={facts.customer.id}"
    if len(facts.invoices) == 1:
        page = f"invoice?txnId={facts.invoices[0].id}"
    wanted = {"pagereq": page, "deeplinkcompanyid": facts.company.id}
    return f"{books}/app/login?{urlencode(wanted)}"
