from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.blockkit.lint import lint
from bot.listeners.commands import OFFERED
from bot.surfaces import aging, answers
from bot.surfaces.aging import aging_answer
from bot.surfaces.answers import reply
from bot.surfaces.card.card import Card
from jobs.decide.access import Answer, Reply
from jobs.decide.switches import Switch
from jobs.reports.picture import Aging, Bucket, Picture, TopCase
from jobs.rules.case import HeldUp
from jobs.rules.facts.facts import BUCKETS
from jobs.rules.figures import Money
from jobs.rules.rulings import Kind
from jobs.rules.states import ConnectionStatus, Stage, State
from tests.bot.surfaces.test_home import COMPANY
from tests.bot.views import HOSTILE, NOW, ZONE, usd
from tests.sandbox.slack.blocks import faults_in_blocks

EUROS = Aging("EUR", {"31–60": Bucket(2, Money(Decimal("310.00"), "EUR"))})
DOLLARS = Aging(
    "USD",
    {
        "not due": Bucket(4, usd(900)),
        "1–30": Bucket(3, usd("1200.50")),
        "over 90": Bucket(1, usd(9)),
    },
)


def case(**changes: Any) -> TopCase:
    fields: dict[str, Any] = {
        "id": "412",
        "customer": "Acme Ltd",
        "open": usd(2800),
        "days_overdue": 34,
        "stage": Stage.FOLLOW_UP,
        "state": State.WAITING,
        "link": "https://team.slack.example/archives/C1/p1?x=1&y=2",
    }
    return TopCase(**{**fields, **changes})


def picture(**changes: Any) -> Picture:
    fields: dict[str, Any] = {
        "company": "Harbour Supplies",
        "zone": ZONE,
        "as_of": NOW,
        "currencies": (DOLLARS, EUROS),
        "cases": (case(), case(id="413", link="", state=State.APPROVED)),
    }
    return Picture(**{**fields, **changes})


PICTURES = [
    picture(),
    picture(shadow=True, paused_by="ULEAD1", paused_at=NOW),
    picture(currencies=(), cases=(), as_of=None),
    picture(status=ConnectionStatus.REAUTH_REQUIRED, reminders_off=False),
    picture(cases=(case(customer=HOSTILE),) * 30, more_cases=7, company=HOSTILE),
    picture(currencies=(DOLLARS,) * 40, paused_by="system:cap"),
]


@pytest.mark.parametrize("shown", PICTURES)
def test_the_aging_answer_is_one_that_slack_takes(shown: Picture) -> None:
    """Whatever the ledger looks like, the answer lints clean."""
    made = aging_answer(shown)
    assert lint({"text": made.text, "blocks": made.blocks}, "message") == []
    assert faults_in_blocks(made.blocks, "message") == []


def rows(made: Card) -> list[list[str]]:
    table = next(block for block in made.blocks if block["type"] == "table")
    return [[cell["text"] for cell in row] for row in table["rows"]]


def test_currencies_stand_in_rows_of_their_own() -> None:
    """Each currency has its buckets and its sum; two are never added up."""
    assert rows(aging_answer(picture())) == [
        ["Currency", "Overdue", *BUCKETS[1:], "not due"],
        ["USD", "$1,209.50", "$1,200.50 (3)", "–", "–", "$9.00 (1)", "$900.00 (4)"],
        ["EUR", "€310.00", "–", "€310.00 (2)", "–", "–", "–"],
    ]


def test_the_text_has_the_summary_and_the_cases() -> None:
    """A screen reader hears sums, buckets, cases and the as-of time."""
    told = aging_answer(picture(shadow=True, paused_by="ULEAD1")).text
    for part in (
        "Shadow mode: nothing is sent.",
        "Sending is paused.",
        "USD: $1,209.50 overdue; 1–30 days $1,200.50 (3)",
        "Acme Ltd: $2,800.00 · 34 days overdue · waiting for approval",
        "As of Nov 6, 2026 10:04 EST.",
    ):
        assert part in told


def test_what_is_not_listed_is_counted() -> None:
    """More cases than a list holds are a number."""
    made = aging_answer(picture(cases=(case(),) * 30, more_cases=7))
    assert "and 27 more" in str(made.blocks)
    crowded = aging_answer(picture(currencies=(DOLLARS,) * (aging.MOST_CURRENCIES + 3)))
    assert "3 more currencies are not shown" in str(crowded.blocks)


def test_what_holds_everything_up_is_said() -> None:
    """To those who read the blocks and to those who read the text."""
    made = aging_answer(picture(status=ConnectionStatus.REAUTH_REQUIRED, reminders_off=False))
    for told in ("QuickBooks has to be connected again", "QuickBooks' own reminders are off"):
        assert told in str(made.blocks)
        assert told in made.text


def test_an_empty_ledger_is_said() -> None:
    """Nothing open and nothing read are two sentences, not an empty table."""
    made = aging_answer(picture(currencies=(), cases=(), as_of=None))
    assert "Nothing is open in QuickBooks." in str(made.blocks)
    assert "QuickBooks has not been read yet." in str(made.blocks)


SAID = [
    answers.not_allowed("a collector or a finance lead"),
    answers.not_allowed(""),
    answers.nobody_configured(),
    *(answers.outsider(why) for why in ("guest", "stranger", "bot", "gone", "?")),
    answers.looking_you_up(),
    answers.home_follows(),
    answers.stale(),
    answers.decided("approve", "ULEAD1", NOW, State.APPROVED),
    answers.decided("lapse", "system:clock", NOW, State.WAITING),
    answers.elsewhere(State.CANCELLED),
    answers.again(),
    answers.too_late(NOW),
    answers.too_late(),
    answers.opens_later(NOW, "UMANAGER"),
    answers.approved(NOW + timedelta(minutes=1), False, "https://x.example/?a=1&b=2"),
    answers.approved(None, True),
    answers.half_approved("a finance lead"),
    answers.not_recorded(),
    answers.no_case("412"),
    answers.stopped(HOSTILE),
    answers.stopped("Paid already."),
    answers.broken(),
    answers.unreadable(),
    *(answers.approved_but(held_up) for held_up in HeldUp),
    answers.approved_but(HeldUp.PAUSED, "https://x.example/?a=1&b=2"),
    *(
        answers.turned(switch, company)
        for switch in Switch
        for company in (COMPANY, replace(COMPANY, paused_at=NOW), replace(COMPANY, live=False))
    ),
    answers.unchanged("paused"),
    answers.disconnected(),
    answers.running(None),
    answers.running(HeldUp.NOT_CONNECTED),
    answers.one_case("412", HOSTILE, "Waiting for approval.", "https://x.example/?a=1&b=2"),
    answers.one_case("412", "", "Sent.", ""),
    answers.help_text(OFFERED),
]


@pytest.mark.parametrize("said", SAID)
def test_every_answer_is_a_sentence(said: str) -> None:
    """It begins like one, ends like one, and speaks to no channel."""
    begins = re.sub(r"^<[^<>|]+\|", "", said)[0]  # a link may stand there
    assert begins.isupper() or begins == "•"
    assert said[-1] in ".)>" or said.endswith("list")
    assert "<!channel>" not in said
    assert "  " not in said


def test_a_refused_click_says_who_may() -> None:
    """The roles that it takes."""
    assert SAID[0] == "This needs a collector or a finance lead. Nothing was changed."


def test_the_loser_of_a_race_hears_who_won() -> None:
    """What was decided, by whom and when, and where the case is where that says more."""
    told = answers.decided("approve", "ULEAD1", NOW, State.APPROVED)
    assert told.startswith("Already approved by <@ULEAD1>, <!date^")
    assert told.endswith("UTC>.")
    later = answers.decided("approve", "ULEAD1", NOW, State.SENT)
    assert later == f"{told} It is now sent."


@pytest.mark.parametrize(
    ("bar", "words"),
    [
        (Kind.STOP, "stopped, a person decides"),
        (Kind.NEVER, "cannot be sent"),
        (Kind.WAIT, "no draft"),
    ],
)
def test_a_listed_case_that_is_stopped_waits_for_no_approval(bar: Kind, words: str) -> None:
    """The list says what keeps it."""
    told = aging_answer(picture(cases=(case(bar=bar),))).text
    assert words in told
    assert "waiting for approval" not in told


def test_every_state_has_words() -> None:
    """No answer shows a bare state name."""
    assert set(answers.STATE_WORDS) == set(State)


def test_a_permalink_cannot_break_out() -> None:
    """A link target is one link target."""
    assert answers.mrkdwn_url("https://x/?a=1&b=<|>") == "https://x/?a=1&amp;b=%3C%7C%3E"


@pytest.mark.parametrize("answer", [one for one in Answer if one is not Answer.RECORDED])
def test_every_answer_that_is_told_is_a_sentence(answer: Answer) -> None:
    """No answer is silence, and only what was recorded sounds like it."""
    told = reply(Reply(answer, detail=HOSTILE, at=NOW))
    assert told.endswith(".")
    assert "<!channel>" not in told
    refusal = ("othing was", "already", "Too late", "There is no case")
    assert any(word in told for word in refusal) is not (answer is Answer.SECOND_NEEDED)


def test_closed_approval_says_when_it_opens() -> None:
    """The clicker learns for whom, and until when at the latest, approval waits."""
    told = reply(Reply(Answer.NOT_OPEN_YET, detail="UMANAGER", at=NOW))
    assert told.startswith("Approval opens when <@UMANAGER> presses “Looks good”, or <!date^")
