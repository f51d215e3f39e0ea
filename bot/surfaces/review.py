"""The weekly review as people read it: the message, its details, its cases, its table. Pure."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from bot.blockkit.blocks import (
    Block,
    actions,
    bars,
    bullets,
    context,
    header,
    menu,
    option,
    paragraph,
    rich,
    table,
)
from bot.blockkit.blocks import text as words
from bot.blockkit.escaping import cap, csv_cell, mrkdwn, one_line
from bot.surfaces import wording
from bot.surfaces.card.card import Card, story
from jobs.reports.review.review import (
    CaseOutcome,
    Review,
    ReviewFigure,
    Rewritten,
    Sentence,
    Version,
)
from jobs.rules.figures import Money, listed, short_day
from jobs.rules.states import CaseClass

SHOW = "review_cases"
"""The action id of the menu that shows the cases of a figure."""
OUTCOMES = {
    CaseOutcome.SENT: "Sent as drafted",
    CaseOutcome.EDITED: "Sent, rewritten",
    CaseOutcome.REJECTED: "Rejected",
    CaseOutcome.HELD: "Put on hold",
    CaseOutcome.CAUGHT: "Caught in time",
    CaseOutcome.CLOSED: "Closed undecided",
    CaseOutcome.REHEARSED: "Approved, in shadow",
}
LABELS = {
    CaseClass.ROUTINE_REMINDER: "Routine reminder",
    CaseClass.LIKELY_DISPUTE: "Likely dispute",
    CaseClass.PAYMENT_PLAN_CANDIDATE: "Payment plan",
    CaseClass.HIGH_TOUCH_ESCALATION: "Personal touch",
}
"""The classes as a chart has room for them."""
MOST_SERIES = 6
FALSE = {
    "already_paid": "Already paid",
    "wrong_contact": "Wrong contact",
    "not_needed": "Not needed",
}
"""Cases that should not have come up."""
MISSED = {
    "missed_dispute": "Later disputed",
    "missed_credit_memo": "Later credited",
    "missed_ticket": "A ticket objects",
    "missed_reply": "The customer objects",
    "missed_takeover": "Later taken over",
    "missed_broken_promise": "Promise broken later",
}
"""Routine reminders after which something came to light that they should not have met."""
OTHER = {
    "rejected": "Rejected",
    "held": "Put on hold",
    "caught": "Caught by the last check",
    "closed": "Closed before a decision",
    "undone": "Approvals undone",
    "refused": "Clicks on cards refused",
    "unknown": "Not known whether sent",
    "promises_kept": "Promises kept",
    "promises_broken": "Promises broken",
    "stopped": "Stopped now",
    "on_hold": "On hold now",
}
NAMES = FALSE | MISSED | OTHER
STOPPED = "stopped_"
PARTS = {STOPPED: "Stopped", "on_hold_": "On hold", "rejected_": "Rejected"}
"""How the figures that are parts of others begin, and their words."""
REWRITTEN = "rewritten"
NONE_YET = (
    "There is no weekly review yet. The first one comes on the first business day of next week."
)
GONE = "This review is no longer kept."
TABLE = "Every case of this review, and what it counts for."
MOST_OPTIONS = 60
MOST_KINDS = 8
MOST_FIGURES = 60
"""Rows of the table of all companies; `overdue review` prints every one."""
MOST_VERSIONS = 4
MOST_LISTED = 40
MOST_SENTENCE = 200
"""Characters of a sentence that is shown."""


def week_of(monday: date) -> str:
    """ "Nov 16 to Nov 22, 2026"."""
    return f"{monday:%b} {monday.day} to {short_day(monday + timedelta(days=6))}"


def weekly(reviews: Sequence[Review]) -> Card:
    """The message about the last of these reviews of one company; the others are the weeks before.

    Raises IndexError without any.
    """
    this, before = reviews[-1], None
    if len(reviews) > 1 and reviews[-2].week == this.week - timedelta(days=7):
        before = reviews[-2]
    name, week = cap(one_line(this.company), 100), week_of(this.week)
    lines = list(_headline(this))
    blocks = [
        header(f"Weekly review · {name} · {week}"),
        rich(bullets([[words(x)] for x in lines])),
    ]
    blocks += _charts(reviews)
    rows = list(_rows(this, before))
    if rows:
        last = ["Cases", "This week", *(["Week before"] if before else []), "At stake"]
        sides = ["left", "right", *(["right"] if before else []), "right"]
        blocks.append(table([last, *rows], sides))
    if choices := list(_choices(this)):
        blocks.append(actions([menu(SHOW, "Show the cases of …", choices)], "review"))
    blocks.append(context("Details and the table of all cases are in the thread."))
    told = [f"Weekly review of {mrkdwn(name)}, {week}.", *(f"{mrkdwn(one)}." for one in lines)]
    return Card(story(told), blocks)


def _headline(this: Review) -> Iterator[str]:
    """Whether the bot deserves trust, in a few lines."""
    if not this.cases:
        yield "No case ended this week"
    else:
        rewritten = sum(len(one.cases) for one in this.rewritten)
        yield f"{_cases(this.cases)} ended, {_messages(this.messages)} sent" + (
            f", {rewritten:,} of them rewritten" if rewritten else ""
        )
    wrong, missed = (_together(this, names) for names in (FALSE, MISSED))
    if wrong or this.cases:
        none = "No case came up that should not have"
        yield f"{_cases(wrong)} should not have come up" if wrong else none
    if missed or this.cases:
        told = f"{_cases(missed)} called routine should have been handled with more care"
        yield told if missed else "No case called routine needed more care"
    if (caught := this.figure("caught")).size:
        yield f"{_cases(caught.size)} caught by the last check before anything was sent"
    if this.decided_in.median is not None:
        slow = this.decided_in.slowest_tenth or this.decided_in.median
        yield f"Decided within {_hours(this.decided_in.median)}, the slowest tenth {_hours(slow)}"
    if this.days_to_pay is not None:
        yield f"Paid {_days(this.days_to_pay)} after our message (median)"


def _together(this: Review, names: Mapping[str, str]) -> int:
    return len({case for name in names for case in this.figure(name).cases})


def _charts(reviews: Sequence[Review]) -> list[Block]:
    """How the cases of each class ended, and the trend of what went wrong."""
    this, found = reviews[-1], []
    classes = [one for one in ("", *CaseClass) if one in this.outcomes]
    if classes:
        count = {o: sum(len(this.outcomes[c].get(o, ())) for c in classes) for o in CaseOutcome}
        largest = sorted(count, key=lambda end: -count[end])[:MOST_SERIES]
        ends = [end for end in CaseOutcome if end in largest and count[end]]
        series = {
            OUTCOMES[end]: [Decimal(len(this.outcomes[c].get(end, ()))) for c in classes]
            for end in ends
        }
        labels = [LABELS[CaseClass(one)] if one else "No class" for one in classes]
        found.append(bars("Cases by class and how they ended", series, labels))
    if len(reviews) > 1:
        trend = {
            "Should not come up": [Decimal(_together(one, FALSE)) for one in reviews],
            "Needed more care": [Decimal(_together(one, MISSED)) for one in reviews],
            "Rewritten": [Decimal(sum(len(k.cases) for k in one.rewritten)) for one in reviews],
        }
        labels = [f"{one.week:%b} {one.week.day}" for one in reviews]
        if any(map(any, trend.values())):
            found.append(bars("Cases by week", trend, labels))
    return found


def class_name(one: str) -> str:
    """A class of cases in words; empty for cases that were never judged."""
    return wording.CLASS_WORDS[CaseClass(one)] if one else "No class"


def _rows(this: Review, before: Review | None) -> Iterator[list[str]]:
    for name, said in NAMES.items():
        now, then = this.figure(name), before.figure(name) if before else None
        if now.size or (then and then.size):
            earlier = [f"{then.size:,}"] if then else []
            yield [said, f"{now.size:,}", *earlier, amounts(now)]


def amounts(one: ReviewFigure) -> str:
    """What is at stake, by currency."""
    some = sorted(one.amounts.items())
    return ", ".join(wording.money(Money(amount, currency)) for currency, amount in some)


def _choices(this: Review) -> Iterator[Block]:
    """The figures with cases, each with what its menu entry sends back."""
    named = [(name, one) for name, one in this.figures.items() if one.cases]
    ordered = sorted(named, key=lambda item: [*NAMES].index(item[0]) if item[0] in NAMES else 99)
    for name, one in ordered[:MOST_OPTIONS]:
        yield option(f"{called(name)} ({len(one.cases):,})", f"{this.realm} {this.week} {name}")
    if rewritten := [case for one in this.rewritten for case in one.cases]:
        value = f"{this.realm} {this.week} {REWRITTEN}"
        yield option(f"Rewritten ({len(rewritten):,})", value)


def called(name: str) -> str:
    """A figure in words."""
    if name in NAMES:
        return NAMES[name]
    for begins, said in PARTS.items():
        if name.startswith(begins):
            return f"{said}: {name.removeprefix(begins).replace('_', ' ')}"
    return name.capitalize()


def cases_of(this: Review, name: str) -> tuple[str, ...]:
    """The cases behind a figure of this name."""
    if name == REWRITTEN:
        return tuple(case for one in this.rewritten for case in one.cases)
    return this.figure(name).cases


@dataclass(frozen=True)
class CaseLine:
    """A case in a list: its customer's name, and where its card is, if it has one."""

    case: str
    customer: str
    card: str = ""


def listing(this: Review, name: str, some: Sequence[CaseLine]) -> str:
    """The private answer to somebody who asks for the cases of a figure, as mrkdwn."""
    title = f"*{mrkdwn(called(name))}*, week of {week_of(this.week)}"
    if not some:
        return f"{title}: no case."
    lines = [case_line(one) for one in some[:MOST_LISTED]]
    more = len(some) - MOST_LISTED
    rest = [f"and {more:,} more: they are in the table in the thread"] if more > 0 else []
    return "\n".join([title, *(f"• {line}" for line in [*lines, *rest])])


def case_line(one: CaseLine) -> str:
    """A case in a list, as mrkdwn."""
    case = f"<{one.card}|case {one.case}>" if one.card else f"case {one.case}"
    return f"{mrkdwn(wording.customer(one.customer))} · {case}"


def more(this: Review) -> list[str]:
    """The details line by line, for a terminal."""
    return [line for title, lines in _details(this) for line in (f"{title}:", *lines) if lines]


def details(reviews: Sequence[Review]) -> Card:
    """What stands in the thread: what people rewrite, the versions at work, the outlook."""
    sections = _details(reviews[-1])
    blocks = [
        rich(paragraph(words(title, bold=True)), bullets([[words(line)] for line in lines]))
        for title, lines in sections
        if lines
    ]
    told = [f"{title}: {mrkdwn('; '.join(lines))}." for title, lines in sections if lines]
    if not blocks:
        return Card("Nothing more to tell about this week.", [])
    return Card(story(told), blocks)


def _details(this: Review) -> list[tuple[str, list[str]]]:
    removed, added = (
        [_sentence(one) for one in this.sentences if one.removed is gone] for gone in (True, False)
    )
    return [
        ("What people rewrite", list(map(_kind, _rewritten(this)))),
        ("Sentences that people keep removing", removed),
        ("Sentences that people keep adding", added),
        ("Policy, prompt and model", [_version(one) for one in this.versions[:MOST_VERSIONS]]),
        ("Cash outlook", list(_outlook(this))),
        ("Stopped now, by rule", list(_parts(this, STOPPED))),
        ("On hold now", [*_parts(this, "on_hold_"), *_oldest(this)]),
        ("Rejected, by reason", list(_parts(this, "rejected_"))),
    ]


def _rewritten(this: Review) -> list[Rewritten]:
    return [one for one in this.rewritten if one.cases][:MOST_KINDS]


def _kind(one: Rewritten) -> str:
    language = wording.in_language(one.language) if one.language else ""
    author = cap(one_line(one.author), 60)
    return (
        f"{class_name(one.class_)}, stage {one.stage}{language}, by {author}: "
        f"{len(one.cases):,} of {one.sent:,} rewritten, {one.share:.0%} of the words"
    )


def _sentence(one: Sentence) -> str:
    return f"“{cap(one_line(one.text), MOST_SENTENCE)}” ({_cases(len(one.cases))})"


def _version(one: Version) -> str:
    by = (
        f"{one_line(one.model)} with {one_line(one.prompt)}" if one.model else "rules and templates"
    )
    return (
        f"Policy {one.policy[:8]}, {cap(by, 100)}: {_cases(len(one.cases))}, "
        f"{one.unchanged:,} sent unchanged, {one.edited:,} rewritten, {one.rejected:,} rejected"
    )


def _outlook(this: Review) -> Iterator[str]:
    off = this.outlook
    if off.invoices:
        yield (
            f"{_invoices(off.invoices)} paid in this week came {_days(off.outlook)} from the day "
            f"expected; on the due date it would have been {_days(off.on_the_due_date)}, with the "
            f"company's median {_days(off.as_the_median)}"
        )
    for currency in sorted({*off.expected, *off.came}):
        said, came = (
            wording.money(Money(each.get(currency, Decimal(0)), currency))
            for each in (off.expected, off.came)
        )
        yield f"Expected for this week {said}, paid in full {came}"


def _parts(this: Review, begins: str) -> Iterator[str]:
    found = [one for name, one in this.figures.items() if name.startswith(begins)]
    for one in sorted(found, key=lambda each: -each.size):
        value = f", {amounts(one)}" if one.amounts else ""
        yield f"{called(one.name)}: {_cases(one.size)}{value}"


def _oldest(this: Review) -> Iterator[str]:
    if oldest := this.oldest_hold:
        yield f"The oldest hold stands since {short_day(oldest.since)} (case {oldest.case})"


def together(some: Sequence[Review]) -> list[tuple[str, int, str]]:
    """What the reviews of several companies add up to: figure, count, and amounts by currency,
    which are never added to each other."""
    counts = {"Cases ended": sum(one.cases for one in some)}
    counts["Messages sent"] = sum(one.messages for one in some)
    sums: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for figure in (figure for one in some for figure in one.figures.values()):
        name = called(figure.name)
        counts[name] = counts.get(name, 0) + figure.size
        for currency, amount in figure.amounts.items():
            sums[name][currency] += amount
    return [
        (name, count, ", ".join(wording.money(Money(a, c)) for c, a in sorted(sums[name].items())))
        for name, count in counts.items()
        if count
    ]


def of_all(some: Sequence[Review]) -> Card:
    """The answer to somebody who asks for all companies; all reviews are of one week."""
    week = week_of(some[0].week)
    names = [cap(one_line(one.company), 60) for one in some]
    many = "1 company" if len(some) == 1 else f"{len(some)} companies"
    rows = [[name, f"{count:,}", value] for name, count, value in together(some)[:MOST_FIGURES]]
    told = [f"Weekly review of {many}, {week}: {mrkdwn(listed(names))}."]
    told += [
        f"{mrkdwn(name)}: {count}{f', {mrkdwn(value)}' if value else ''}."
        for name, count, value in rows
    ]
    blocks = [header(f"Weekly review · {many} · {week}")]
    blocks += [table([["Figure", "All companies", "At stake"], *rows], ["left", "right", "right"])]
    blocks.append(context(mrkdwn(cap(listed(names), 800))))
    return Card(story(told), blocks if rows else [])


def _cases(count: int) -> str:
    return "1 case" if count == 1 else f"{count:,} cases"


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count:,} messages"


def _invoices(count: int) -> str:
    return "1 invoice" if count == 1 else f"{count:,} invoices"


def _days(count: float) -> str:
    return "1 day" if round(count, 1) == 1 else f"{count:.1f} days".replace(".0 ", " ")


def _hours(hours: float) -> str:
    if hours < 1:
        return f"{max(round(hours * 60), 1)} min"
    return f"{hours:.1f} h".replace(".0 ", " ") if hours < 48 else _days(hours / 24)


COLUMNS = ("company", "case", "customer", "class", "outcome", "figures", "closed")


def as_csv(this: Review, names: Mapping[str, str], closed: Mapping[str, datetime]) -> bytes:
    """Every case of the review with what it counts for. `names` by case; UTF-8 with a mark."""
    found = io.StringIO()
    sheet = csv.writer(found)
    sheet.writerow(COLUMNS)
    ends = {c: (k, o) for k, by in this.outcomes.items() for o, some in by.items() for c in some}
    counts: dict[str, list[str]] = {case: [] for case in ends}
    for name in [*this.figures, REWRITTEN]:
        for case in cases_of(this, name):
            counts.setdefault(case, []).append(called(name))
    for case, what in sorted(counts.items(), key=lambda item: int(item[0])):
        class_, end = ends.get(case, ("", None))
        when = closed.get(case)
        row = [
            this.company,
            case,
            names.get(case, ""),
            class_name(class_) if end else "",
            OUTCOMES[end] if end else "",
        ]
        sheet.writerow([*map(csv_cell, row), listed(what), when.isoformat() if when else ""])
    return found.getvalue().encode("utf-8-sig")
