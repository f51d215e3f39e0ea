"""The weekly review in Slack: posted once, with its details, its table, and the cases behind it."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import httpx

from bot.blockkit.lint import lint
from bot.surfaces import review
from bot.surfaces.review import CaseLine
from jobs.reports.review.review import (
    CaseOutcome,
    Hours,
    OldestHold,
    OutlookError,
    Review,
    ReviewFigure,
    Rewritten,
    Sentence,
    Version,
)
from jobs.rules.states import CaseClass
from tests.bot.listeners.test_forms import app_of, backend_in, signed
from tests.bot.views import HOSTILE
from tests.jobs import fixtures
from tests.jobs.fixtures import OpenHarness
from tests.jobs.reports.test_review import BOOKS, live_through
from tests.sandbox.slack.payloads import Press, pressed_in_message

shared, open_harness = fixtures.shared, fixtures.open_harness
SOME = ("7", "8", "9")
MONEY = {"USD": Decimal(700), "EUR": Decimal("9.5")}
FULL = Review(
    realm="4620816365000000001",
    company=HOSTILE,
    week=date(2026, 11, 16),
    outcomes={one: dict.fromkeys(CaseOutcome, SOME) for one in ("", *CaseClass)},
    figures={
        name: ReviewFigure(name, SOME, MONEY)
        for name in [*review.NAMES, *(f"stopped_{'rule_' * 9}{n}" for n in range(80))]
    },
    rewritten=(Rewritten(2, "routine_reminder", "de", HOSTILE, 9, SOME, 0.4),) * 12,
    sentences=tuple(Sentence(HOSTILE, removed, SOME) for removed in (True, False)) * 5,
    versions=(Version("0" * 64, HOSTILE, HOSTILE, SOME, 5, 6, 7),) * 9,
    decided_in=Hours(0.2, 70.0),
    days_to_pay=1.0,
    outlook=OutlookError(3, 2.5, 4.0, 1.0, MONEY, MONEY),
    oldest_hold=OldestHold(date(2026, 11, 3), "7"),
)
EMPTY = replace(
    FULL,
    company="",
    outcomes={},
    figures={},
    rewritten=(),
    sentences=(),
    versions=(),
    decided_in=Hours(),
    days_to_pay=None,
    outlook=OutlookError(),
)
EIGHT = tuple(replace(FULL, week=FULL.week + timedelta(weeks=n)) for n in range(8))


def test_a_review_of_anything_is_a_message_that_slack_takes() -> None:
    """However full, empty or hostile: two charts and one table at most, and nothing acts."""
    for shown in ((FULL,), (EMPTY,), (replace(EMPTY, week=date(2026, 11, 9)), FULL), EIGHT):
        for made in (review.weekly(shown), review.details(shown)):
            assert lint({"text": made.text, "blocks": made.blocks}, "message") == []
            assert "<!" not in made.text
    lines = [CaseLine("7", HOSTILE, "https://x.slack.example/p1"), *[CaseLine("8", "")] * 99]
    told = review.listing(FULL, "already_paid", lines)
    assert "<!" not in told
    assert "and 60 more" in told
    assert "no case" in review.listing(EMPTY, "already_paid", [])
    for some in ((FULL,), (EMPTY,), (FULL, EMPTY), (FULL,) * 30):
        made = review.of_all(some)
        assert lint({"text": made.text, "blocks": made.blocks}, "message") == []
        assert "<!" not in made.text
    both = {name: (count, value) for name, count, value in review.together((FULL, FULL))}
    assert both["Already paid"] == (6, "€19.00, $1,400.00"), "never added over currencies"
    quiet = review.weekly((EMPTY, EMPTY))
    assert "No case ended this week." in quiet.text
    assert "0 cases" not in quiet.text
    assert "data_visualization" not in [one["type"] for one in quiet.blocks]


def test_the_table_of_cases_runs_no_formula() -> None:
    """A customer may be called like one; every case stands in it once, with what it counts for."""
    sheet = review.as_csv(FULL, {"7": "=HYPERLINK(1)", "8": "Ada, Inc."}, {})
    rows = list(csv.DictReader(io.StringIO(sheet.decode("utf-8-sig"))))
    assert [row["case"] for row in rows] == ["7", "8", "9"]
    assert rows[0]["customer"] == "'=HYPERLINK(1)"
    assert "Already paid" in rows[1]["figures"]


def test_a_week_is_reviewed_once_and_leads_to_its_cases(open_harness: OpenHarness) -> None:
    """On Monday's digest hour, but none of the week before it was connected: a message, below it
    the details and the table; the menu answers only those who see every customer, in private."""
    harness = open_harness(BOOKS, swept=True)
    harness.run("review")
    cases = live_through(harness)
    for _ in range(6):  # a channel takes one message a second
        harness.run("review", "messages")
        harness.time.later(seconds=5)
    slack = harness.outside.slack
    found = [one for one in slack.snapshot()["messages"] if not one["deleted"]]
    (posted,) = [one for one in found if one["text"].startswith("Weekly review")]
    details, table = [one for one in found if one["thread_ts"] == posted["ts"]]
    assert "What people rewrite" in details["text"]
    (file,) = table["files"]
    assert file["name"] == "overdue-review-2026-11-16.csv"
    sheet = httpx.get(f"{harness.outside.url}/slack/files/{file['id']}").content.decode("utf-8-sig")
    assert {row["case"] for row in csv.DictReader(io.StringIO(sheet))} == {*cases.values()}
    assert [one["type"] for one in posted["blocks"]].count("table") == 1

    space, app = slack.space, app_of(harness, backend_in(harness))
    (row,) = [one for one in posted["blocks"] if one["type"] == "actions"]
    (menu,) = row["elements"]
    entry = next(one for one in menu["options"] if one["value"].endswith(" already_paid"))
    source = next(one for one in space.messages if one.ts == posted["ts"])

    def chosen(user: str, option: dict[str, object]) -> str:
        state = {"selected_option": option, "type": "static_select"}
        key = space.new_response_url(user, posted["channel"], source)
        url = f"{harness.outside.url}/slack/response/{key}"
        press = Press(space.people[user], row, menu, state)
        payload = pressed_in_message(space, press, source, url)
        before = len(space.ephemerals)
        assert app.dispatch(signed(harness, {"payload": json.dumps(payload)})).status == 200
        harness.outside.world.changed.until(lambda: len(space.ephemerals) > before, 10)
        return space.ephemerals[-1].text

    harness.greet()
    assert f"case {cases['4']}" in chosen("UCOLLECT", entry)
    assert "No customer" not in chosen("ULEAD1", entry)
    assert chosen("UMANAGER", entry).startswith("This needs a collector")
    for odd in ("<!channel>", f"{harness.realm} 2026-13-45 undone", f"99 {'2026-11-16'} undone"):
        assert cases["4"] not in chosen("ULEAD1", entry | {"value": odd})
