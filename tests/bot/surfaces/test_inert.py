"""Every surface, full of hostile and very long text: Slack takes it, and nothing of it acts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.blockkit.ids import WorklistPlace
from bot.blockkit.lint import lint
from bot.surfaces import answers, cash, home, lists, risk, worklist
from bot.surfaces.aging import aging_answer
from bot.surfaces.card.card import Card, card
from bot.surfaces.direct import direct
from bot.surfaces.forms.customer_form import call_form, customer_form
from bot.surfaces.forms.forms import FORMS, also
from bot.surfaces.home import Page
from bot.surfaces.worklist import WorklistHead
from jobs.decide.switches import Switch
from jobs.reports.cash.cash import Moved, Outlook, WhyMoved
from jobs.reports.cash.outlook import LatestOutlook
from jobs.reports.customer import Found
from jobs.reports.lists import CallDue, CompanyHealth, MarkToReview, Mine, PutOff
from jobs.reports.overview import Held, Some, Unsent, WaitingCase
from jobs.reports.picture import ListedCase
from jobs.reports.worklist import ToDecide
from jobs.rules.case import CaseView
from jobs.rules.phone_calls import CallOutcome, LoggedCall
from jobs.rules.policy import policy as policies
from jobs.rules.states import State
from tests.bot.surfaces import test_risk as risks
from tests.bot.surfaces.test_answers import case as top_case
from tests.bot.surfaces.test_answers import picture
from tests.bot.surfaces.test_home import (
    COMPANY,
    HELD,
    IN_DOLLARS,
    MINE_TO_DECIDE,
    WAIT,
    overview,
)
from tests.bot.surfaces.test_notices import HOSTILE
from tests.bot.views import NOW, ZONE, decision, hostile, stopped
from tests.sandbox.slack.blocks import faults_in_blocks, faults_in_view

Payload = dict[str, Any]
POLICY = policies.load("")
LINK = "https://brass-fern.slack.example/archives/C1/p1"
FULL = 10
"""Entries of a list that is full."""
PLACE = WorklistPlace(("412", "413"), 1, "412")


def message(made: Card | str) -> Payload:
    """What would be posted or answered."""
    made = made if isinstance(made, Card) else Card(made, [])
    return {"text": made.text, "blocks": made.blocks}


def a_home(text: str) -> Payload:
    """App Home of a company, its lists full."""
    lists_of: dict[str, ToDecide | ListedCase | WaitingCase | Held | Unsent] = {
        "approvals": ListedCase(hostile(text), LINK),
        "waits": replace(WAIT, customer=text, reason=text),
        "held": replace(HELD, customer=text, invoice=text, reason=text),
        "mine": replace(MINE_TO_DECIDE, customer=text),
        "unsent": Unsent("398", text, State.CANCELLED, text, NOW),
    }
    full = {name: Some([one] * FULL, 7) for name, one in lists_of.items()}
    # the name of a company is what Intuit says, which is never empty
    of = overview(company=replace(COMPANY, name=text or "x"), **full)
    return home.home(Page([of], said="Done."), NOW)


def a_worklist(text: str) -> Iterator[Payload]:
    """A case with all that may stand above it, and the end."""
    view = hostile(text)
    head = WorklistHead(view, (view,) * FULL, answers.stopped(text))
    yield worklist.case(view, PLACE, head, NOW, {"ULEAD1": text})
    yield worklist.end(PLACE, head, NOW)


def the_lists(text: str) -> Iterator[Payload]:
    """What `/overdue` answers with a list."""
    listed = Some([ListedCase(hostile(text), LINK)] * FULL, 7)
    yield message(lists.mine(Mine(listed, listed, listed), NOW))
    waits = Some((replace(WAIT, customer=text, reason=text),) * FULL, 7)
    held = Some((replace(HELD, customer=text, invoice=text, reason=text),) * FULL, 7)
    marks = (MarkToReview(text, "key_account", date(2026, 11, 1)),) * FULL
    company = replace(COMPANY, name=text or "x")
    yield message(lists.waiting(PutOff(company, waits, held, marks, 7), NOW))
    last = LoggedCall(CallOutcome.AGAIN, text, "ULEAD1", NOW)
    owed = risks.PEREGRINE.owed
    due = CallDue("58", text, text, owed, NOW, (date(2026, 11, 1), "broken"), last)
    yield message(lists.calls([due] * FULL, 7, COMPANY.realm, {"ULEAD1": text}))
    down = ((text, NOW),) * FULL
    yield message(lists.health(CompanyHealth(company, down, 7, NOW - timedelta(1)), NOW))
    yield message(aging_answer(picture(cases=(top_case(customer=text),) * 30, company=text)))


def the_cash(text: str) -> Payload:
    """The outlook with everything that can move."""
    moved = tuple(Moved(why, 9, Decimal(7), ("58", "59")) for why in WhyMoved)
    made = LatestOutlook(Outlook(NOW.date(), (replace(IN_DOLLARS, moved=moved),) * 3), NOW)
    return message(cash.cash_answer(text, made, {"58": text, "59": text}, ZONE))


def a_customer(text: str) -> Iterator[Payload]:
    """How a customer stands, a choice of several, and the two forms."""
    about = replace(risks.HOSTILE_ONE.about, name=text)
    yield message(risk.summary(replace(risks.HOSTILE_ONE, about=about), {}, leads=True))
    found = [Found(str(n), text, invoice=text) for n in range(FULL)]
    yield message(risk.choice("9130", found, text))
    yield message(risk.nobody(text))
    yield customer_form(about)
    yield call_form(about)


def a_case(text: str) -> Iterator[Payload]:
    """Its card with and without a letter, the direct message, and each of its forms."""
    view, people = hostile(text), {"ULEAD1": text, "UCOLLECT": text}
    for shown in (view, replace(view, letter=None), stopped(last_error=text), rejected(text)):
        for folds in (True, False):
            yield message(card(shown, NOW, people=people, folds=folds, books="https://qbo.example"))
    yield message(direct([view, replace(view, id="413", letter=None)], text, NOW, people))
    yield also(view, "https://qbo.example")
    for form in FORMS.values():
        yield form.draw(view, POLICY)


def rejected(text: str) -> CaseView:
    """A settled case, with what somebody wrote."""
    made = decision("reject", "ULEAD1", text, text)
    return replace(hostile(text), state=State.REJECTED, decisions=(made,))


def the_answers(text: str) -> Iterator[Payload]:
    """Private sentences that hold something from outside."""
    yield message(answers.one_case("412", text, "Sent.", LINK))
    for made in (answers.stopped, answers.followed, answers.no_case, answers.outsider):
        yield message(made(text))
    asked = answers.sure(replace(COMPANY, name=text), Switch.GO_LIVE)
    yield {"text": asked["text"], "blocks": asked["blocks"]}


SURFACES: dict[str, Callable[[str], Payload | Iterator[Payload]]] = {
    "home": a_home,
    "worklist": a_worklist,
    "lists": the_lists,
    "cash": the_cash,
    "customer": a_customer,
    "case": a_case,
    "answers": the_answers,
}


@pytest.mark.parametrize("surface", SURFACES)
def test_nothing_from_outside_acts_on_any_surface(surface: str) -> None:
    """No mention, link, style or hidden character of another's gets through, and Slack takes it."""
    for name, text in HOSTILE.items():
        made = SURFACES[surface](text)
        for payload in [made] if isinstance(made, dict) else made:
            assert faults(payload) == [], (name, payload.get("callback_id"))
            for words in parsed(payload):
                assert not ACTS.search(OURS.sub("", words)), (name, words)
            assert "evil.example" not in "".join(linked(payload)), name


ACTS = re.compile(r"<[!@#h]|\w\.example|https?://|:fire:")
"""What Slack would make a mention, a link or an emoji of."""
OURS = re.compile(
    r"<@U[A-Z0-9]+>|<#C[A-Z0-9]+>|<!date\^\d+\^[^<>|]*\|[^<>|]*>"
    r"|<https://brass-fern\.slack\.example/[^<>|]*\|[^<>|]*>"
)


def faults(payload: Payload) -> list[str]:
    """By our linter, and by the sandbox's own rules."""
    if "type" in payload:
        return lint(payload, payload["type"]) + faults_in_view(payload)
    return lint(payload, "message") + faults_in_blocks(payload["blocks"], "message")


def parsed(part: Any) -> Iterator[str]:
    """All texts in which Slack looks for markup."""
    if isinstance(part, list):
        for each in part:
            yield from parsed(each)
    elif isinstance(part, dict):
        if part.get("type") == "mrkdwn" or ("blocks" in part and "text" in part):
            yield part["text"]
        for each in part.values():
            yield from parsed(each)


def linked(part: Any) -> Iterator[str]:
    """Where the links and buttons lead."""
    if isinstance(part, list):
        for each in part:
            yield from linked(each)
    elif isinstance(part, dict):
        yield str(part.get("url", ""))
        for each in part.values():
            yield from linked(each)
