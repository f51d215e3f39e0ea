"""The words of `/overdue`: one table for what is understood, listed and hinted at, and who may."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from bot.listeners.commands import FOUND, OFFERED, WORDS
from tests.bot.listeners.test_forms import app_of, backend_in, checked, signed
from tests.jobs import fixtures
from tests.jobs.fixtures import opener
from tests.jobs.harness import MANAGER, CompanyHarness, SharedStandIns, books, customer, invoice
from tests.sandbox.slack.payloads import command_form

shared = fixtures.shared
ROOT = Path(__file__).parents[3]
TWO = books(
    customer("1"),
    customer("2"),
    invoice("71", "1", "840.00", 12),
    invoice("72", "2", "90.00", 12),
)


@pytest.fixture
def harness(shared: SharedStandIns, tmp_path: Path) -> Iterator[CompanyHarness]:
    """A live company; one of its two customers has an account manager."""
    policy = {"account_manager": [{**MANAGER, "customers": ["1"]}]}
    with ExitStack() as stack:
        made: CompanyHarness = opener(stack, shared, shared.home, tmp_path)(TWO, policy)
        made.sweep()
        made.greet()
        yield made


def test_the_list_and_the_hint_name_every_word() -> None:
    """Nothing can be typed that they do not offer, but that one is sure of what was asked."""
    listed = [word for word, _ in OFFERED]
    sure = {word for word in WORDS if word.endswith(" confirm")}
    assert sure == {"resume confirm", "live confirm", "shadow confirm"}
    assert set(listed) == {*WORDS, FOUND.typed, "412", "help"} - sure
    manifest = yaml.safe_load((ROOT / "manifest.yml").read_text(encoding="utf-8"))
    (command,) = manifest["features"]["slash_commands"]
    hinted = ["name or number", *(word for word in listed[1:] if word not in (FOUND.typed, "412"))]
    assert command["usage_hint"] == f"[{' | '.join(hinted)}]"


THE_TEAM = ("UCOLLECT", "UMANAGER", "ULEAD1")
SWITCHES = {word for word in WORDS if word.split(" ")[0] in {"pause", "resume", "live", "shadow"}}
NEVER = {
    "UGUEST": "Guests can read the cards but cannot act on them.",
    "USTRANGER": "Only members of this organisation can act on these cards.",
    "UNEWCOMER": "One moment, I am looking you up",
}


def test_each_word_is_for_those_who_may(harness: CompanyHarness) -> None:
    """Switches are for finance leads, a customer for its manager; refused, nothing changes."""
    space, app = harness.outside.slack.space, app_of(harness, backend_in(harness))
    space.people["UNEWCOMER"] = replace(space.people["UCOLLECT"], id="UNEWCOMER")

    def told(words: str, user: str) -> str:
        fields = command_form(space, space.people[user], space.channels["CFINANCE"], words)
        body = checked(app.dispatch(signed(harness, fields))).body
        return str(json.loads(body)["text"]) if body.startswith("{") else body

    def standing() -> object:
        return harness.company, harness.cases(), harness.said(), harness.logged("sweep.asked")

    mine, others = harness.case("1").id, harness.case("2").id
    before = standing()
    for words in [*WORDS, "Customer B", f"case {mine}", "171"]:
        for user, said in NEVER.items():
            assert told(words, user).startswith(said), (words, user)
    for user, said in NEVER.items():
        assert told("case 9999", user).startswith(said), user
    for words in SWITCHES:
        for user in ("UCOLLECT", "UMANAGER"):
            assert told(words, user).startswith("This needs a finance lead."), (words, user)
    assert told(f"case {others}", "UMANAGER").startswith("This needs a collector")
    for words in ("Customer C", "172"):
        assert told(words, "UMANAGER").startswith("No customer, invoice or case matches")
    assert standing() == before
    for user in THE_TEAM:
        for words in [*(WORDS.keys() - SWITCHES), "Customer B", f"case {mine}", "171"]:
            refused = told(words, user).startswith(("This needs", "No "))
            whole = words in ("review", "review all")
            assert refused == (whole and user == "UMANAGER"), (words, user)
    assert {user: told("case 9999", user) for user in THE_TEAM} == dict.fromkeys(
        THE_TEAM, "There is no case 9999."
    )
    assert not [words for words in SWITCHES if told(words, "ULEAD1").startswith("This needs")]
