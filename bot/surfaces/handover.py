"""A case, a customer or a company as one page of HTML, for somebody who takes it over. Pure.

It needs nothing from elsewhere and runs nothing: whatever comes from outside is escaped, and the
page itself forbids every load.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

from bot.blockkit.escaping import clean
from bot.surfaces import wording
from bot.surfaces.wording import CLASS_WORDS, money
from jobs.decide.verbs import DECISIONS
from jobs.reports.audit.handover import HandedCase, HandedCustomer, Handover
from jobs.rules.facts.past import HoldKind
from jobs.rules.figures import listed, short_day, total
from jobs.rules.plain import capital, one_line
from jobs.rules.promises import CustomerPromise
from jobs.rules.states import State
from jobs.store.customers.record import WrittenText
from jobs.store.sends import ACCEPTED

PRUNED = "pruned: these words are no longer kept"
ASIDE = (
    "For your own use: it quotes internal notes and what colleagues typed. Read it before you give "
    "it to somebody outside."
)
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#1d1c1d;background:#f6f5f2;margin:0}
main{max-width:54rem;margin:2rem auto;padding:2rem 2.5rem;background:#fff;
border-radius:12px;border-top:6px solid #23395b}
h1{margin:0;font-size:1.7rem;color:#23395b}h2{margin:2.2rem 0 .4rem;font-size:1.35rem;color:#23395b}
h3{margin:1.8rem 0 .4rem;font-size:1.1rem;border-bottom:1px solid #ddd}
h4{margin:1.1rem 0 .3rem;font-size:1rem}p{margin:.3rem 0}.aside{color:#5c5a57;font-size:.92em}
table{border-collapse:collapse;width:100%;margin:.3rem 0}
th,td{text-align:left;vertical-align:top;padding:.25rem .9rem .25rem 0;
border-bottom:1px solid #eee;overflow-wrap:anywhere;min-width:4.5rem}
th{font-weight:600;white-space:nowrap}
td.n,th.n{text-align:right;white-space:nowrap}td.t{white-space:nowrap}
pre{font:14px/1.45 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere;
background:#f6f5f2;border-left:4px solid #23395b;padding:.7rem 1rem;margin:.4rem 0}
h1,h2,p{overflow-wrap:anywhere}
@media print{body{background:#fff}main{margin:0;padding:0;max-width:none;border:0}
h2,h3,h4{break-after:avoid}tr{break-inside:avoid}pre{border:1px solid #ccc}}
"""
SENT = {
    "sent": "sent",
    "accepted_late": "sent",
    "unknown": "not known whether sent",
    "in_flight": "being sent",
    "not_sent": "not sent",
    "refused": "refused by the mail server",
}


@dataclass(frozen=True)
class Moment:
    """One moment of a timeline; its words are not escaped yet."""

    at: datetime
    what: str
    who: str = ""


def page(title: str, about: Handover) -> Iterator[str]:
    """The page piece by piece, as text; `title` says what it is about and is not escaped yet."""
    yield (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{_line(title)}</title><style>{STYLE}</style></head><body><main>"
    )
    made = wording.instant(about.at, about.company.zone)
    yield f"<h1>{_line(title)}</h1><p>{_line(about.company.name)}, as of {_line(made)}</p>"
    yield f'<p class="aside">{_line(ASIDE)}</p>'
    for customer in about.customers:
        yield from _customer(customer, about)
    yield "</main></body></html>\n"


def _customer(one: HandedCustomer, about: Handover) -> Iterator[str]:
    yield f"<h2>{_line(wording.customer(one.name, 200))}</h2>"
    known = [f"customer {one.id} in QuickBooks", one.email, one.phone]
    yield f"<p>{_line(' · '.join(filter(None, known)))}</p>"
    yield from _table(
        "Open now",
        ("Currency", "Open", "Overdue", "Invoices", "Oldest"),
        (
            (
                each.open.currency,
                money(each.open),
                money(each.overdue),
                str(each.invoices),
                wording.overdue(each.days_overdue),
            )
            for each in one.owed
        ),
    )
    yield from _table("Promises and plans", PROMISED, (_promise(p, about) for p in one.promises))
    yield from _table("Holds", HELD, (_hold(row, about) for row in one.holds))
    yield from _table("Marks", MARKED, (_mark(row, about) for row in one.marks))
    yield from _table("Calls", CALLED, (_call(row, about) for row in one.calls))
    for case in one.cases:
        yield from _case(case, one, about)
    yield from _replies(one.replies, about)


PROMISED = ("When", "By", "What", "Instalments", "Became")
HELD = ("Set", "By", "Why", "Until", "Lifted")
MARKED = ("Set", "By", "Mark", "Reason", "Lifted")
CALLED = ("When", "By", "Outcome", "Said")


def _promise(one: CustomerPromise, about: Handover) -> tuple[str, ...]:
    what = "Payment plan" if one.kind is HoldKind.PLAN else "Promise"
    asked = total((part.amount for part in one.instalments), one.currency)
    parts = "; ".join(f"{money(p.amount)} by {short_day(p.due)}" for p in one.instalments)
    who = _name(one.set_by, about)
    return _at(one.set_at, about), who, f"{what}, {money(asked)}", parts, str(one.state)


def _hold(row: Any, about: Handover) -> tuple[str, ...]:
    what = f"invoice {row.number or row.invoice}" if row.invoice else "everything"
    why = ": ".join(filter(None, [f"{row.kind.replace('_', ' ')}, {what}", row.reason]))
    return _set(row, about, why, short_day(row.until))


def _mark(row: Any, about: Handover) -> tuple[str, ...]:
    return _set(row, about, wording.marked_as(row.kind), row.reason)


def _set(row: Any, about: Handover, *words: str) -> tuple[str, ...]:
    by = f" by {_name(row.lifted_by, about)}" if row.lifted_by else ""
    lifted = f"{_at(row.lifted_at, about)}{by}" if row.lifted_at else ""
    return _at(row.set_at, about), _name(row.set_by, about), *words, lifted


def _call(row: Any, about: Handover) -> tuple[str, ...]:
    who = _name(row.called_by, about)
    return _at(row.called_at, about), who, row.outcome.replace("_", " "), row.said


def _case(one: HandedCase, of: HandedCustomer, about: Handover) -> Iterator[str]:
    view = one.view
    yield f"<h2>Case {_line(view.id)}</h2><p>{_line('. '.join(_standing(one)))}.</p>"
    if one.pruned:
        yield f"<p>Summary and evidence: {_line(PRUNED)}.</p>"
    elif view.summary:
        yield f"<p>{_line(view.summary)}</p>"
    yield from _invoices(one)
    rules = (
        (capital(wording.rule(r.rule)), str(r.kind), r.reason)
        for r in view.rulings
        if not one.pruned
    )
    yield from _table("What the rules said", ("Rule", "Result", "Because"), rules)
    proofs = ((e.label or e.id, e.kind.replace("_", " "), e.quote) for e in view.evidence)
    yield from _table("Evidence", ("What", "Kind", "Quote, word for word"), proofs)
    moments = sorted(_timeline(one, of, about), key=lambda row: row.at)
    rows = ((_at(row.at, about), row.what, row.who) for row in moments)
    yield from _table("Timeline", ("When", "What", "Who"), rows)
    yield from _letters(one, about)
    if one.note:
        yield f"<h3>Note in QuickBooks ({_line(one.note.state.replace('_', ' '))})</h3>"
        yield _quoted(one.note.text)


def _standing(one: HandedCase) -> Iterator[str]:
    view = one.view
    yield capital(str(view.state)) + (", in shadow mode: nothing was sent" if view.shadow else "")
    yield capital(wording.stage(view.stage))
    if view.class_:
        yield CLASS_WORDS[view.class_]
    if view.facts.habit:
        yield capital(wording.habit(view.facts.habit))
    if view.end_reason and not one.pruned:
        yield view.end_reason.rstrip(".")


def _invoices(one: HandedCase) -> Iterator[str]:
    facts = one.view.facts
    names = wording.invoice_names(facts.invoices)
    rows = (
        (names[i.id], short_day(i.txn_date), short_day(i.due), money(i.total), money(i.open))
        for i in facts.invoices
    )
    title = f"Invoices as QuickBooks had them on {short_day(facts.as_of.date())}"
    yield from _table(title, ("Invoice", "Of", "Due", "Total", "Open"), rows)


def _timeline(one: HandedCase, of: HandedCustomer, about: Handover) -> Iterator[Moment]:
    case, view = one.case, one.view
    yield Moment(case.opened_at, f"Case opened ({case.row.trigger})")
    for text in one.texts:
        who = _name(text.edited_by, about) if text.edited_by else text.author
        yield Moment(text.at, f"Text, version {text.version}", who)
    for made in view.decisions:
        why = ": ".join(filter(None, [made.reason.replace("_", " "), made.comment]))
        told = capital(DECISIONS[made.kind].was) if made.kind in DECISIONS else made.kind
        yield Moment(made.at, f"{told}{f': {why}' if why else ''}", _name(made.actor, about))
    for send in one.sends:
        state = SENT.get(send.state, send.state)
        yield Moment(send.ended_at or send.began_at, f"Message to {send.recipient}: {state}")
        if send.bounced_at:
            yield Moment(send.bounced_at, "The message came back")
    if one.note:
        yield Moment(one.note.at, f"Note in QuickBooks: {one.note.state.replace('_', ' ')}")
    for reply in of.replies:
        if reply.case_id == case.id:
            yield Moment(reply.came_at, f"The customer wrote ({_kind(reply)})")
    if view.closed_at:
        yield Moment(view.closed_at, f"Case closed as {view.state}")


def _letters(one: HandedCase, about: Handover) -> Iterator[str]:
    """What was sent, as it was sent; without a message, the present text."""
    by_id = {text.id: text for text in one.texts}
    for send in one.sends:
        state = SENT.get(send.state, send.state)
        when = _at(send.ended_at or send.began_at, about)
        title = f"Message of {when}" if send.state in ACCEPTED else f"Message ({state}), {when}"
        yield from _letter(title, by_id[send.draft], send.message_id)
    if not one.sends and one.texts and one.view.state is not State.CANCELLED:
        yield from _letter("Draft, not sent", one.texts[-1])


def _letter(title: str, text: WrittenText, message_id: str = "") -> Iterator[str]:
    letter = text.letter
    yield f"<h3>{_line(title)}</h3>"
    files = [one.file_name for one in letter.attachments]
    about = [
        f"{i.number or i.id}: {money(i.open)}, due {short_day(i.due)}" for i in letter.invoices
    ]
    rows = [
        ("To", letter.to),
        ("Copy to", listed(letter.cc)),
        ("From", letter.sender),
        ("Subject", PRUNED if text.pruned else letter.subject),
        ("Attached", listed(files)),
        ("Asks for", "; ".join(about)),
        ("Message-ID", message_id),
    ]
    yield from _table("", (), (row for row in rows if row[1]))
    yield _quoted(PRUNED if text.pruned else letter.body)


def _replies(rows: Sequence[Any], about: Handover) -> Iterator[str]:
    """What the customer wrote, whole."""
    if rows:
        yield "<h2>What the customer wrote</h2>"
    for row in rows:
        settled = f", dealt with by {_name(row.settled_by, about)}" if row.settled_by else ""
        yield f"<h4>{_line(f'{_at(row.came_at, about)}: {_kind(row)}{settled}')}</h4>"
        yield _quoted(PRUNED if row.text is None else row.text)


def _kind(reply: Any) -> str:
    said: str = reply.kind.replace("_", " ")
    return "nothing in particular" if said == "none" else said


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A titled table, or nothing if there are no rows."""
    found = list(rows)
    if not found:
        return
    if title:
        yield f"<h3>{_line(title)}</h3>"
    top = "".join(f"<th{_right(head)}>{_line(head)}</th>" for head in heads)
    yield f"<table>{f'<tr>{top}</tr>' if heads else ''}"
    for row in found:
        cells = zip(row, heads or ("When", ""), strict=True)
        yield f"<tr>{''.join(f'<td{_right(head)}>{_line(cell)}</td>' for cell, head in cells)}</tr>"
    yield "</table>"


def _right(head: str) -> str:
    """Amounts stand to the right, and a moment stays on one line."""
    if head in ("Open", "Overdue", "Total", "Invoices"):
        return ' class="n"'
    return ' class="t"' if head in ("When", "Set") else ""


def _line(text: str) -> str:
    """Outside text in one place of the page."""
    return escape(one_line(clean(text), MOST_LINE))


MOST_LINE = 2000


def _quoted(text: str) -> str:
    """A text with its own lines."""
    return f'<pre dir="auto">{escape(clean(text))}</pre>'


def _at(at: datetime, about: Handover) -> str:
    return wording.instant(at, about.company.zone)


def _name(user: str, about: Handover) -> str:
    """A person by name, or "Overdue" where the program acted."""
    return "Overdue" if user.startswith("system:") else about.names.get(user) or user
