"""Every kind of message, in whatever words its data come."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.blockkit.escaping import hides
from bot.blockkit.lint import lint
from bot.surfaces.notices.given import Given
from bot.surfaces.notices.notices import WORDS, notice
from jobs.rules.replies import ReplyKind
from jobs.store.outbox import MessageKind
from tests.bot.surfaces.test_home import COMPANY
from tests.bot.views import MARKUP, NOW

OUTSIDE = "«from outside»"
"""Stands where a text comes from outside."""
HOSTILE = {
    "markup": MARKUP * 3,
    "masked link": "<https://evil.example|your invoice> [x](https://evil.example) evil.example",
    "mentions": "<!channel> <!here> <@UCOLLECT> <#C1> @here <!subteam^S1> <!date^1^{date}|x>",
    "hidden": "a\u202eb\u2066c\u200bd\u0007e\x00f\u2028g\ud800h",
    "styles": "*b* _i_ ~s~ `c` ```d``` > q\n> q\n:fire: :white_check_mark:",
    "long": "word " * 2000,
    "unbroken": "x" * 10_000,
    "template": "{who} {0} %s {company}",
    "nothing": "",
}
RECORD = {"entity": OUTSIDE, "id": OUTSIDE, "position": 3, "number": OUTSIDE, "unfit": OUTSIDE}
FEW, MANY = {"named": [RECORD], "more": 0}, {"named": [RECORD] * 20, "more": 7}
NAMELESS = {"named": [RECORD | {"id": "", "number": "", "unfit": ""}], "more": 0}
EFFECT = {"customers": 30, "second_approver": 12, "stopped": 0, "small": 2}
COUNTED = {
    "currency": "USD",
    "invoices": 1,
    "open": "73350.00",
    "late": 5,
    "overdue": "7.5",
    "late_customers": 3,
}
LIMITS = dict.fromkeys(("second_approver", "stop_invoice", "stop_total", "smallest"), "250")
BETTER = {"limits": [["stop_total", "90000"]], "section": "home", "effect": EFFECT}
MARK = {"mark": "key_account", "named": 2, "custom_field": OUTSIDE, "customer_types": [OUTSIDE] * 2}
UNMARKED = {"mark": "consumer", "named": 0, "custom_field": "", "customer_types": []}
EMPTY_LOOK: dict[str, Any] = {
    "company": OUTSIDE,
    "currencies": [],
    "more_currencies": 0,
    "marks": [UNMARKED],
    "strange_customers": 0,
    "live": True,
    "cases": 0,
    "with_card": 0,
    "later": 0,
    "rules": [],
}
FULL_LOOK = {
    "company": OUTSIDE,
    "currencies": [
        COUNTED | {"limits": LIMITS, "effect": EFFECT, "better": BETTER},
        COUNTED | {"limits": LIMITS, "effect": EFFECT | {"stopped": 4}, "better": None},
        COUNTED | {"limits": None, "currency": "KWD"},
    ],
    "more_currencies": 2,
    "marks": [MARK, UNMARKED],
    "strange_customers": 3,
    "live": False,
    "cases": 1200,
    "with_card": 10,
    "later": 1190,
    "rules": [["needs_a_look", 1200]],
}
COMPANY_ONLY = {"company": OUTSIDE}
CALLED = {"called": ["ULEAD1", "ULEAD2", OUTSIDE]}
WHO = {"by": OUTSIDE}
WHY = {"reason": OUTSIDE}
FAILED = WHY | {"tried": True}
ANSWER = {
    "reply": "7",
    "author": "customer",
    "sender": OUTSIDE,
    "quote": OUTSIDE,
    "doubt": OUTSIDE,
    "failed": [OUTSIDE],
    "currency": "USD",
}
ONE_CASE = {
    "case": "412",
    "customer": OUTSIDE,
    "amount": "12300.00",
    "currency": "USD",
    "days": 25,
    "usual": 6,
}
QUIET_MORNING: dict[str, Any] = {
    "realm": "4620816365000000001",
    "company": OUTSIDE,
    "day": "2026-11-18",
    "held_up": None,
    "shadow_channel": "",
    "to_decide": 0,
    "top": [],
    "changed": {"opened": 0},
    "since": "2026-11-17T13:00:00+00:00",
    "stopped": [],
    "more": dict.fromkeys(("stopped", "waited_for", "stuck", "to_review", "marks", "calls"), 0),
    "stopped_before": 0,
    "waited_for": [],
    "stuck": [],
    "to_review": [],
    "marks": [],
    "calls": [],
    "outlook": None,
    "named": {},
}
WEEKS = [
    {"monday": f"2026-11-{10 + n}", "amount": "5", "in_all": "9", "low": "1", "high": "9"}
    for n in range(13)
]
IN_DOLLARS = {
    "currency": "USD",
    "weeks": WEEKS,
    "later": "3",
    "apart": {"disputed": "7"},
    "moved": [
        {"why": why, "count": 9, "amount": "7", "customers": ["58", "59"]}
        for why in ("paid", "new", "overdue", "apart")
    ],
}
WAITS = {"since": "2026-11-16T13:00:00+00:00", "case": "411", "customer": OUTSIDE}
FULL_MORNING = QUIET_MORNING | {
    "held_up": "paused",
    "shadow_channel": "",
    "to_decide": 25,
    "top": [ONE_CASE, ONE_CASE | {"usual": None}, ONE_CASE | {"usual": 0}] * 2,
    "changed": {"opened": 4, "done": 3, "sent": 1, "cancelled": 2, "held": 1, "rejected": 1},
    "stopped": [ONE_CASE | {"rule": "possibly_paid"}] * 10,
    "more": dict.fromkeys(QUIET_MORNING["more"], 7),
    "stopped_before": 12,
    "waited_for": [
        WAITS | {"for": "manager", "user": OUTSIDE, "name": OUTSIDE},
        WAITS | {"for": "lead", "user": "", "name": ""},
        WAITS | {"for": "assigned", "user": OUTSIDE, "name": ""},
        *[WAITS | {"for": "another", "user": "", "name": ""}] * 7,
    ],
    "stuck": [
        {"case": "1", "customer": OUTSIDE, "unknown": unknown, "why": OUTSIDE}
        for unknown in (True, False)
    ],
    "to_review": [
        {
            "customer": OUTSIDE,
            "invoice": OUTSIDE,
            "kind": "dispute",
            "by": "ULEAD1",
            "until": "2026-11-17",
        }
    ]
    * 10,
    "marks": [{"customer": OUTSIDE, "mark": "do_not_chase", "by": OUTSIDE, "on": "2026-11-17"}]
    * 10,
    "calls": [{"customer": OUTSIDE, "phone": OUTSIDE, "since": WAITS["since"]}] * 10,
    "named": {"58": OUTSIDE},
    "outlook": {
        "today": "2026-11-18",
        "since": "2026-11-09",
        "currencies": [IN_DOLLARS | {"currency": one} for one in ("USD", "EUR", "KWD")],
    },
}
DATA: dict[MessageKind, list[dict[str, Any]]] = {
    MessageKind.CONNECTED: [
        COMPANY_ONLY | {"by": by, "again": again, "asks": not again}
        for by in ("ULEAD1", "", OUTSIDE)
        for again in (True, False)
    ],
    MessageKind.CONNECT_ASKED: [COMPANY_ONLY],
    MessageKind.MOVED: [COMPANY_ONLY | {"channel": to} for to in ("CNEW", OUTSIDE)],
    MessageKind.DISCONNECTED: [COMPANY_ONLY | {"by": by} for by in ("ULEAD1", "", OUTSIDE)],
    MessageKind.CONNECTION_LOST: [COMPANY_ONLY | WHY],
    MessageKind.CONNECTION_ENDS: [
        COMPANY_ONLY | {"ends_on": "2026-12-31", "for_good": hard} for hard in (True, False)
    ],
    MessageKind.UPKEEP_FAILED: [COMPANY_ONLY | WHY | {"renewed": done} for done in (True, False)],
    MessageKind.PROFILE_UNUSABLE: [WHY],
    MessageKind.TOKENS_UNOPENABLE: [COMPANY_ONLY | WHY],
    MessageKind.SUBSCRIPTION_LAPSED: [COMPANY_ONLY],
    MessageKind.READS_USED: [
        {"used": 350_000, "quota": 500_000, "month": "2026-11", "percent": now, "stop_at": 90}
        for now in (70, 90)
    ],
    MessageKind.READS_BLOCKED: [{}],
    MessageKind.MODEL_BUDGET_USED: [{"month": "2026-11", "budget": "50"}],
    MessageKind.PAUSED: [WHO, {"by": "ULEAD1"}],
    MessageKind.RESUMED: [WHO],
    MessageKind.LIVE: [WHO],
    MessageKind.SHADOW: [WHO],
    MessageKind.DAY_FULL: [{"sent": 40}],
    MessageKind.POLICY_CHANGED: [{"sha256": OUTSIDE}],
    MessageKind.POLICY_UNUSABLE: [{"sha256": "0" * 64, "trouble": OUTSIDE}],
    MessageKind.POLICY_USABLE: [{"sha256": "0" * 64, "trouble": ""}],
    MessageKind.FIRST_LOOK: [FULL_LOOK, EMPTY_LOOK],
    MessageKind.DIGEST: [QUIET_MORNING, FULL_MORNING, QUIET_MORNING | {"held_up": "shadow"}]
    + [QUIET_MORNING | {"held_up": "shadow", "shadow_channel": to} for to in ("none", "CSHADOW")],
    MessageKind.REVIEW: [{"week": "2026-11-16"}],
    MessageKind.REVIEW_DETAILS: [{"week": "2026-11-16"}],
    MessageKind.REVIEW_CASES: [{"week": "2026-11-16"}],
    MessageKind.RESTORED: [
        {
            "last": "2026-11-17T13:00:00+00:00",
            "doubtful": [{"case": "412", "customer": OUTSIDE}] * count,
            "waiting": waiting,
        }
        for count, waiting in ((0, 0), (1, 1), (70, 25))
    ],
    MessageKind.REVIEW_WORDING: [{"proposal": "0" * 64}],
    MessageKind.WORDING_CHANGED: [
        WHO | {"proposal": "0" * 64, "back": back} for back in (True, False)
    ],
    MessageKind.MODEL_OFFERED: [
        COMPANY_ONLY | {"from": "m-1 at api", "to": to} for to in ("m-2 at api", OUTSIDE)
    ],
    MessageKind.MODEL_USED: [WHO | {"from": "m-1 at api", "to": OUTSIDE}],
    MessageKind.PROMPTS_CHANGED: [{"sha256": OUTSIDE}],
    MessageKind.SWEEP_FAILED: [FAILED, WHY | {"tried": False}],
    MessageKind.POLL_FAILED: [FAILED],
    MessageKind.REPLIES_FAILED: [FAILED],
    MessageKind.RECORDS_BROKEN: [
        {"kept": FEW, "unfit": None},
        {"kept": None, "unfit": NAMELESS},
        {"kept": MANY, "unfit": MANY},
    ],
    MessageKind.EVENT_IGNORED: [WHY | {"event": "12"}],
    MessageKind.EVENT_FAILED: [FAILED | {"entity": OUTSIDE, "id": OUTSIDE}],
    MessageKind.LOG_HEAD: [{"seq": 12, "hash": "0" * 64}],
    MessageKind.LOG_CUT: [{"seq": 12}],
    MessageKind.REPLY: [
        CALLED | ANSWER | {"kind": kind, "promised_on": on, "amount": amount, "came_back": not on}
        for kind in map(str, ReplyKind)
        for on, amount in (("2026-12-04", "840.00"), ("", ""))
    ],
    MessageKind.PROMISE_ENDED: [
        WHO | {"state": state, "plan": plan, "until": "2026-12-04"}
        for state in ("kept", "broken", "withdrawn")
        for plan in (True, False)
    ],
    MessageKind.PROMISE_CHANGED: [
        {"gone": gone, "plan": parts > 1, "amount": "840.00", "currency": "USD", "parts": parts}
        | {"until": "2026-12-04"}
        for gone, parts in (([OUTSIDE], 1), ([OUTSIDE] * 7, 3))
    ],
    MessageKind.DECIDED: [
        WHO | {"decision": "reject", "reason": "wrong_contact", "comment": OUTSIDE},
        {"by": "ULEAD1", "decision": "approve", "reason": "", "comment": ""},
    ],
    MessageKind.DRAFT_COPY: [WHY | {"case": "412", "sent": sent} for sent in (True, False)],
    MessageKind.CHANNEL_SHARED: [{"channel": to} for to in ("CNEW", OUTSIDE)],
    MessageKind.ASSIGNED: [
        WHO | {"case": "412", "customer": OUTSIDE, "channel": to, "comment": OUTSIDE}
        for to in ("CNEW", OUTSIDE)
    ],
    MessageKind.CUSTOMER_CHANGED: [
        WHO | WHY | {"new": [], "lifted": []},
        WHO | WHY | {"new": ["key_account", "consumer"], "lifted": [], "account_manager": ""},
        WHO | WHY | {"new": [], "lifted": ["do_not_chase"], "account_manager": OUTSIDE},
        WHO | WHY | {"new": [], "lifted": [], "known_as": {"CRM": [OUTSIDE], "help desk": []}},
    ],
    MessageKind.VOIDED: [CALLED | WHY, WHY | {"called": []}],
    MessageKind.EDITED: [CALLED | WHO],
    MessageKind.REWORDED: [WHO | {"before": "1", "after": "2"}],
    MessageKind.TEXT_DROPPED: [
        CALLED | {"changed": [OUTSIDE, OUTSIDE]},
        {"called": [OUTSIDE], "changed": []},
    ],
    MessageKind.SEND_UNKNOWN: [CALLED],
    MessageKind.ACCEPTED_LATE: [CALLED, {"called": []}],
    MessageKind.SENT_TWICE: [CALLED, {"called": []}],
    MessageKind.NOT_GONE: [CALLED, {"called": []}],
    MessageKind.NOTE_FAILED: [WHY | {"note": OUTSIDE}],
    MessageKind.NOTE_KEPT: [CALLED | WHY, WHY | {"called": []}],
    MessageKind.CARD_FROZEN: [{}],
    MessageKind.CASE_PAGE: [WHO],
}
"""What jobs stores with each kind."""

OURS = re.compile(r"<@U(?:LEAD1|LEAD2)>|<#CNEW>|<!date\^\d+\^\{date_\w+\} [^<>|]*\|[^<>|]*>")
"""The markup that a message of ours may contain."""


def filled(data: Any, text: str) -> Any:
    """The same data with `text` wherever something comes from outside."""
    if isinstance(data, dict):
        return {key: filled(value, text) for key, value in data.items()}
    if isinstance(data, list):
        return [filled(value, text) for value in data]
    return text if data == OUTSIDE else data


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_message_lets_anything_from_outside_act(text: str, subtests: pytest.Subtests) -> None:
    """Slack takes each one, and what comes from outside links, calls, styles and hides nothing."""
    for kind in MessageKind:
        with subtests.test(str(kind)):
            assert_harmless(kind, text)


def assert_harmless(kind: MessageKind, text: str) -> None:
    """A message of this kind, with `text` wherever something comes from outside."""
    names = {text: text, "ULEAD1": text}
    for data in DATA[kind]:
        for confirmed in (None, NOW):
            asker = replace(COMPANY, name=text or "x", reminders_off_at=confirmed)
            made = notice(kind, Given(filled(data, text), names, asker))
            assert lint({"text": made.text, "blocks": made.blocks}, "message") == []
            shown = OURS.sub("", made.text)
            assert "<" not in shown
            assert not re.search(r"\w\.example|:fire:|https?://", shown)
            assert not hides(shown.replace("\u2060", "")), "only what breaks links"
            assert shown.strip()


def test_each_kind_has_its_words_and_a_place_where_it_is_said() -> None:
    """The table and the kinds agree, and no kind is left that nothing says."""
    root = Path(__file__).parents[3]
    files = [p for part in ("jobs", "bot/slack") for p in (root / part).rglob("*.py")]
    said = {
        node.attr
        for path in files
        if path.name != "outbox.py" or "bot" in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "MessageKind"
    }
    assert said == {kind.name for kind in MessageKind}
    assert set(WORDS) == set(MessageKind) == set(DATA)
    assert json.loads(json.dumps(DATA)) == DATA


def test_people_are_named_and_called_only_where_they_have_to_act() -> None:
    """A name notifies nobody; an id that is no id is not even printed."""
    names = {"ULEAD1": "Lena Lead"}
    paused = notice(MessageKind.PAUSED, Given({"by": "ULEAD1"}, names)).text
    assert "Lena Lead has paused sending" in paused
    assert "<@ULEAD2> has paused" in notice(MessageKind.PAUSED, Given({"by": "ULEAD2"}, {})).text
    assert "somebody has paused" in notice(MessageKind.PAUSED, Given({"by": "<!here>"}, {})).text
    voided = notice(MessageKind.VOIDED, Given({"called": ["ULEAD1"], "reason": "Paid."}, names))
    assert voided.text == "<@ULEAD1>: nothing was sent. Paid."
    alone = notice(MessageKind.VOIDED, Given({"called": [], "reason": "Paid."}, names))
    assert alone.text == "Nothing was sent. Paid."


def test_each_list_of_the_digest_says_how_many_it_leaves_out() -> None:
    """In the blocks and in the plain text."""
    full = notice(MessageKind.DIGEST, Given(FULL_MORNING, {}))
    lists = len(FULL_MORNING["more"])
    assert full.text.count("and 7 more") == str(full.blocks).count("and 7 more") == lists


def test_the_first_look_leads_to_going_live() -> None:
    """Its button asks once more, and is gone when the company is live."""
    offered = notice(MessageKind.FIRST_LOOK, Given(FULL_LOOK, {}, replace(COMPANY, live=False)))
    (row,) = [block for block in offered.blocks if block["type"] == "actions"]
    assert row["elements"][-1]["action_id"] == "go_live"
    assert "approved messages go to customers" in row["elements"][-1]["confirm"]["text"]["text"]
    live = notice(MessageKind.FIRST_LOOK, Given(FULL_LOOK, {}, replace(COMPANY, live=True)))
    assert not [block for block in live.blocks if block["type"] == "actions"]
