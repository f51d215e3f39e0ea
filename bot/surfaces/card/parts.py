"""The parts of a card, each as blocks and as the line of text that says the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from bot.blockkit.blocks import (
    TIME_ONLY,
    Block,
    bullets,
    chunks,
    context,
    date,
    divider,
    header,
    mention,
    paragraph,
    person,
    quote,
    rich,
    stamp,
    table,
    text,
)
from bot.blockkit.escaping import address, cap, mrkdwn, one_line, revealed, revealed_line
from bot.surfaces import wording
from bot.surfaces.card.buttons import MOST_BODY, blocked
from bot.surfaces.card.status import Line, status_of
from jobs.decide.verbs import Verb
from jobs.rules.case import CaseView
from jobs.rules.facts.evidence import Evidence
from jobs.rules.facts.facts import Credit, Invoice
from jobs.rules.figures import listed, short_day, total
from jobs.rules.letters.letter import Letter
from jobs.rules.plain import beginning, capital, shortened
from jobs.rules.policy.rights import Manager
from jobs.rules.states import OPEN, CaseClass, State

MOST_ROWS = 8
MOST_REASONS = 8
MOST_PIECES = 2
CHUNK = 3000
MOST_WORDS = 12
MOST_IN_RULE = 3
_SAID_BY_RULE = ("unsafe_text", "text_breaks_a_rule", "marked_wording")
"""Rules whose reason already quotes the first three violations."""


@dataclass(frozen=True)
class Part:
    """`said` is escaped text; empty if the part adds nothing to the story."""

    blocks: tuple[Block, ...]
    said: str = ""


@dataclass(frozen=True)
class ShownTo:
    """What the text of a part needs: names by Slack user id, and the company's zone."""

    people: Mapping[str, str]
    zone: ZoneInfo

    def spoken(self, line: Iterable[Block]) -> str:
        """A line of rich text as escaped words."""
        return "".join(self._piece(piece) for piece in line)

    def name(self, user: str) -> str:
        return mrkdwn(one_line(self.people.get(user, user)))

    def _piece(self, piece: Block) -> str:
        if piece["type"] == "user":
            return self.name(piece["user_id"])
        if piece["type"] == "date":
            at = datetime.fromtimestamp(piece["timestamp"], UTC)
            spoken = wording.clock if piece["format"] == TIME_ONLY else wording.instant
            return spoken(at, self.zone)
        return mrkdwn(piece["text"])


def title(view: CaseView) -> Part:
    """Customer · what the message asks for · days · stage."""
    name = one_line(view.facts.customer.name) or "Customer without a name"
    rest = f" · {_open(view)} · {wording.stage(view.stage)}"
    short = shortened(name, 150 - len(rest))
    blocks = [header(short + rest)]
    if short != name:
        blocks.append(rich(paragraph(text("Full name: "), text(cap(name, 1000)))))
    return Part(tuple(blocks), cap(mrkdwn(name), 300) + mrkdwn(rest) + ".")


def _open(view: CaseView) -> str:
    """What is asked for and since when; for a finished case, what it was about."""
    facts = view.facts
    overdue, days = wording.money(facts.total_overdue), wording.overdue(facts.days_overdue)
    if view.state is State.CANCELLED:
        return overdue
    if facts.on_account.amount and facts.net_open.amount <= 0:
        credit = wording.money(facts.on_account)
        return f"covered: {overdue} overdue, {credit} credit · {days}"
    differs = facts.net_open != facts.asked
    in_all = f" ({wording.money(facts.net_open)} open in all)" if differs else ""
    return f"{wording.money(facts.asked)} due{in_all} · {days}"


def status(view: CaseView, now: datetime, reader: ShownTo) -> Part:
    """The current status."""
    shown = status_of(view, now)
    top: Line = [text(f"{shown.mark} "), text(shown.title, bold=True)]
    lines = [top, *shown.lines]
    pieces = [piece for line in lines for piece in (*line, text("\n"))][:-1]
    said = [mrkdwn(wording.sentence(shown.title)), *map(reader.spoken, shown.lines)]
    blocks = [rich(paragraph(*pieces))]
    if view.shadow and view.state in OPEN:  # a closed card says itself what became of it
        blocks.append(context("*Shadow mode: nothing will be sent* or written to QuickBooks."))
        said.insert(0, "Shadow mode: nothing will be sent.")
    return Part(tuple(blocks), " ".join(said))


def changes(view: CaseView, reader: ShownTo) -> Part | None:
    """What differs from the previous version."""
    if not view.changed:
        return None
    lines = _some([[text(cap(one_line(told), 300))] for told in view.changed], "changes")
    return _list("Changed since the last version", lines, reader)


def why(view: CaseView, reader: ShownTo) -> Part | None:
    """Class, summary, and each reason and rule with its evidence."""
    view = _uncontradicted(view)
    top = _class(view)
    reasons = [_with_evidence(view, [text(_short(r.text))], r.evidence) for r in view.reasons]
    rules = [
        _with_evidence(view, _rule(wording.KIND_WORDS[r.kind], r.rule, r.reason), r.evidence)
        for r in view.rulings
    ]
    lines = [*_some(reasons, "reasons"), *_some(rules, "rules")]
    if not top and not lines:
        return None
    parts = ([paragraph(*top)] if top else []) + ([bullets(lines)] if lines else [])
    said = [reader.spoken(line) for line in [top, *lines] if line]
    return Part((rich(*parts),), " ".join(map(wording.sentence, said)))


def _uncontradicted(view: CaseView) -> CaseView:
    """The reasons, without those for a routine reminder if a rule stops the case."""
    if blocked(view) and view.class_ is CaseClass.ROUTINE_REMINDER:
        return replace(view, class_=None, reasons=())
    return view


def _class(view: CaseView) -> Line:
    line: Line = [text(wording.CLASS_WORDS[view.class_], bold=True)] if view.class_ else []
    if view.summary:
        source = "" if view.author == "template" else "AI summary: "
        line += [text(f"{' · ' if line else ''}{source}{cap(_summary(view), 1000)}")]
    decided = view.letter is None and not any(r.rule == "needs_a_look" for r in view.rulings)
    if not line and decided and not (view.author or view.author_reason):
        line = [text("Decided by rules alone; no model was asked.", italic=True)]
    return line


def _summary(view: CaseView) -> str:
    """The reasons, without those that the rules below repeat."""
    told = view.summary
    for ruling in view.rulings:
        told = told.replace(ruling.reason, "")
    return one_line(told) or one_line(view.summary)


def set_aside(view: CaseView, reader: ShownTo) -> Part | None:
    """Which stops were set aside for this draft, by whom, when and why."""
    made = next((d for d in reversed(view.decisions) if d.kind == Verb.DRAFT_ANYWAY), None)
    if made is None or not view.allowed_anyway:
        return None
    rules = listed(sorted({r.rule.replace("_", " ") for r in view.allowed_anyway}))
    line = [text("Set aside for this draft", bold=True), text(f": {rules} · by ")]
    line += [person(made.actor), text(", "), date(made.at)]
    line += [text(f" · {wording.sentence(_short(made.reason))}")] if made.reason else []
    return Part((rich(paragraph(*line)),), wording.sentence(reader.spoken(line)))


def _rule(kind: str, rule: str, reason: str) -> Line:
    return [text(f"{kind}: {rule.replace('_', ' ')}", bold=True), text(f" · {_short(reason)}")]


def _with_evidence(view: CaseView, line: Line, ids: Sequence[str]) -> Line:
    known = [one for one in view.evidence if one.id in ids and not _in_the_table(one)]
    for one in known[:MOST_PIECES]:
        line = [*line, text(f" — {_short(one.label)}", italic=True)]
        if one.quote:
            line.append(text(f"{': ' if one.label else ''}“{_short(one.quote)}”"))
    rest = len(known) - MOST_PIECES
    return [*line, text(f" and {rest} more")] if rest > 0 else line


def _in_the_table(one: Evidence) -> bool:
    return one.kind == "invoice" and not one.quote


def _short(words: str) -> str:
    return cap(one_line(words), 300)


def _some(lines: list[Line], what: str) -> list[Line]:
    rest = len(lines) - MOST_REASONS
    return lines[:MOST_REASONS] + ([[text(f"and {rest} more {what}")]] if rest > 0 else [])


def _list(title: str, lines: list[Line], reader: ShownTo) -> Part:
    block = rich(paragraph(text(title, bold=True)), bullets(lines))
    said = "; ".join(reader.spoken(line).rstrip(".") for line in lines)
    return Part((block,), f"{title}: {said}.")


def invoices(view: CaseView) -> Part:
    """The invoices as a table, the first few if there are many, with complete totals."""
    facts = view.facts
    shown = facts.invoices[:MOST_ROWS]
    rows = [["Invoice", "Due", "Amount", "Paid so far", "Open"]]
    rows += [_row(view, one) for one in shown]
    rest = facts.invoices[MOST_ROWS:]
    if rest:
        rows.append([f"and {len(rest)} more", "", *_sums(view, rest)])
    if len(facts.invoices) > 1:
        rows.append([f"All {len(facts.invoices)}", "", *_sums(view, facts.invoices)])
    rows += _netted(view)
    if not facts.invoices:
        return Part((), "")
    return Part((table(rows, ["left", "left", "right", "right", "right"]),), _told(view))


def _netted(view: CaseView) -> list[list[str]]:
    """Rows for what is deducted, and what remains to be asked for, in the last column."""
    facts = view.facts
    if not facts.netted:
        return []
    rows = [[wording.credit_name(one), "", "", "", _off(one)] for one in facts.netted[:MOST_ROWS]]
    if rest := facts.netted[MOST_ROWS:]:
        left = total((one.open for one in rest), facts.currency)
        rows.append([f"and {len(rest)} more", "", "", "", f"-{wording.money(left)}"])
    return [*rows, ["Asked for", "", "", "", wording.money(facts.asked)]]


def _off(credit: Credit) -> str:
    return f"-{wording.money(credit.open)}"


def _row(view: CaseView, one: Invoice) -> list[str]:
    late = one.days_overdue(view.facts.today)
    due = short_day(one.due) + (f" · {late} d" if late > 0 else "")
    amounts = [wording.money(amount) for amount in (one.total, one.paid_so_far, one.open)]
    return [cap(wording.invoice_names(view.facts.invoices)[one.id], 60), due, *amounts]


def _sums(view: CaseView, some: Sequence[Invoice]) -> list[str]:
    currency = view.facts.currency
    columns = ((i.total for i in some), (i.paid_so_far for i in some), (i.open for i in some))
    return [wording.money(total(column, currency)) for column in columns]


def _told(view: CaseView) -> str:
    facts = view.facts
    names = wording.invoice_names(facts.invoices)
    said = [_invoice_told(one, names[one.id]) for one in facts.invoices[:MOST_ROWS]]
    rest = len(facts.invoices) - MOST_ROWS
    if rest > 0:
        said.append(f"and {rest} more")
    said += [f"{wording.credit_name(one)}, {_off(one)}" for one in facts.netted[:MOST_ROWS]]
    return f"Asked for {wording.money(facts.asked)}: {'; '.join(said)}."


def _invoice_told(one: Invoice, called: str) -> str:
    name = cap(mrkdwn(called), 100)
    paid = f", {wording.money(one.paid_so_far)} paid" if one.paid_so_far.amount else ""
    due = short_day(one.due)
    return f"invoice {name}, {wording.money(one.open)} open{paid}, due {due}"


def invoices_named(view: CaseView) -> Part:
    """One line instead of the table, once the matter is settled."""
    names = [cap(name, 60) for name in wording.invoice_names(view.facts.invoices).values()]
    if not names:
        return Part(())
    some = wording.first_few(names, MOST_ROWS)
    amount = wording.money(view.facts.asked)
    what = "Invoice" if len(names) == 1 else "Invoices"
    line = f"{what} {some}: {amount}"
    return Part((rich(paragraph(text(line))),), mrkdwn(wording.sentence(line)))


def background(view: CaseView, reader: ShownTo) -> Part | None:
    """Habit, account manager, and what else is open besides the message."""
    facts = view.facts
    told = [capital(wording.habit(facts.habit))] if facts.habit else []
    if facts.habit_unread:
        told.append("Payment habit not shown: a settled record cannot be read")
    apart = facts.total_open - facts.total_overdue
    if apart.amount:
        told.append(f"{wording.money(apart)} more open, not in this message")
    if facts.on_account.amount and not facts.netted:
        told.append(f"{wording.money(facts.on_account)} on account, not applied")
    if not view.manager:
        return Part((context(" · ".join(told)),), ". ".join(told) + ".") if told else None
    shown, said = _manager(view.manager, reader)
    return Part((context(" · ".join([*told, shown])),), ". ".join([*told, said]) + ".")


def _manager(manager: Manager, reader: ShownTo) -> tuple[str, str]:
    """Whose account it is and who says so, shown and said."""
    called = cap(mrkdwn(one_line(manager.name)), 100)
    shown = mention(manager.user) or called
    said = reader.name(manager.user) if manager.user else called
    source = mrkdwn(manager.said_by)
    return f"Account manager: {shown} ({source})", f"Account manager: {said} ({source})"


def letter(view: CaseView) -> list[Part]:
    """The message as the customer will read it, its envelope, and the note, word for word."""
    if view.letter is None:
        return []
    gone = view.state in (State.SENT, State.DONE)
    read = "as it was sent" if gone else "exactly as the customer will read it"
    title = f"Message{wording.in_language(view.letter.language)}, {read}"
    return [_envelope(view.letter, title), _body(view.letter), _note(view.letter)]


def _envelope(of: Letter, title: str) -> Part:
    files = [one_line(a.file_name) for a in of.attachments]
    fields = [
        ("To", of.to),
        ("From", of.sender),
        ("Reply-To", of.reply_to),
        ("Subject", of.subject),
        ("Attached", wording.first_few(files, MOST_ROWS) or "nothing"),
    ]
    pieces = [text(title, bold=True)]
    for name, value in fields:
        pieces += [text(f"\n{name}: ", bold=True), text(cap(revealed_line(value), 1000))]
    into = wording.in_language(of.language)
    said = f"Message{into} to {address(of.to)}, subject “{mrkdwn(revealed_line(of.subject))}”:"
    return Part((divider(), rich(paragraph(*pieces))), said)


def _body(of: Letter) -> Part:
    shown = beginning(revealed(of.body), MOST_BODY)
    blocks = [rich(quote(text(piece))) for piece in chunks(shown, CHUNK)]
    rest = len(revealed(of.body)) - len(shown)
    if rest > 0:
        blocks.append(context(f"*{rest:,} more characters do not fit;* Edit shows all of them."))
    return Part(tuple(blocks), mrkdwn(revealed(of.body)))


def _note(of: Letter) -> Part:
    title = text("QuickBooks note", bold=True)
    block = rich(paragraph(title), quote(text(cap(revealed(of.note), CHUNK))))
    return Part((block,), f"QuickBooks note: {mrkdwn(revealed(of.note))}")


def violations(view: CaseView, reader: ShownTo) -> Part | None:
    """The rules that the current text breaks because a person insisted."""
    told = any(ruling.rule in _SAID_BY_RULE for ruling in view.rulings)
    if not view.violations or (told and len(view.violations) <= MOST_IN_RULE):
        return None
    lines = _some([[text(_short(told))] for told in view.violations], "violations")
    return _list("This text breaks a rule, so a second person has to approve", lines, reader)


def unusual(view: CaseView) -> Part | None:
    """The words of an edited text that an approver may want to look at; they stop nothing."""
    if not view.unusual_words:
        return None
    words = [cap(word, 40) for word in view.unusual_words]
    said = f"Words to look at: {mrkdwn(wording.first_few(words, MOST_WORDS))}"
    return Part((context(said),), f"{said}.")


def footer(view: CaseView, reader: ShownTo) -> Part:
    """Case, version, as-of, author, and the context that is absent by choice or was not read."""
    told = [f"Case {view.id}"]
    if view.draft_version:
        told.append(f"draft {view.draft_version}")
    as_of = view.facts.as_of
    end = [*_author(view), *_absent(view)]
    shown = [*told, f"as of {stamp(as_of)}", *end]
    if view.edited_by:
        shown.append(f"edited by {mention(view.edited_by) or mrkdwn(view.edited_by)}")
        end.append(f"edited by {reader.name(view.edited_by)}")
    said = [*told, f"as of {wording.instant(as_of, reader.zone)}", *end]
    return Part((context(" · ".join(shown)),), ", ".join(said) + ".")


def _author(view: CaseView) -> list[str]:
    why = f" ({mrkdwn(_short(view.author_reason))})" if view.author_reason else ""
    if view.author == "template" and view.letter is None:
        return [f"summary by rules, without a model{why}"]
    if view.author == "template":
        return [f"template text{why}"]
    if view.author and not mention(view.author):
        return [f"AI-generated by {mrkdwn(_short(view.author))}{why}"]
    return [f"no model{why}"] if why else []


def _absent(view: CaseView) -> list[str]:
    names = listed(map(mrkdwn, view.sources_absent), "or")
    told = [f"no {names} is connected"] if names else []
    down = listed(map(mrkdwn, view.sources_down), "and")
    return [*told, f"not read: {down}"] if down else told
