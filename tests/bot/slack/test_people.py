"""Who people are in Slack: looked up ahead, refused where anything speaks against them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from bot.slack import api
from bot.slack import people as looking_up
from jobs.rules.policy import policy
from jobs.store import people, work
from jobs.store.customers import managers
from jobs.store.database.tables import cases, messages, schedule
from tests.bot.harness import POLICY, REALM, START, BotHarness, add_case, bot_harness, name_owner
from tests.sandbox.slack.people import CAST, TEAM, Person, as_user

HOME = {"team_id": TEAM}
CORA = as_user(CAST[0])


@pytest.fixture
def on() -> Iterator[BotHarness]:
    """A Slack with a scheduled look-up."""
    with bot_harness() as found:
        with found.database.writing() as conn:
            work.ensure(conn, work.EVERYBODY, "people", found.clock())
        yield found


def trouble_of(on: BotHarness, user: str) -> str | None:
    """What is known of somebody; None where nothing is."""
    with on.database.reading() as conn:
        found = people.person(conn, user)
    return found.trouble if found else None


def ask(on: BotHarness, user: str) -> None:
    """Want somebody looked up, as a click does."""
    with on.database.writing() as conn:
        looking_up.ask(conn, user, on.clock())


def due(on: BotHarness) -> Any:
    """When the next look is."""
    with on.database.reading() as conn:
        ours = schedule.c.kind == looking_up.KIND
        return conn.execute(select(schedule.c.due_at).where(ours)).scalar_one()


def test_everybody_the_policy_names_is_looked_up(on: BotHarness) -> None:
    """Names and standing are there before the first click, and the next look is in 5 minutes."""
    on.look_up()
    with on.database.reading() as conn:
        assert people.names(conn) == {
            "UCOLLECT": "Cora Lindqvist",
            "UMANAGER": "Marc Oduya",
            "ULEAD1": "Lena Brandt",
            "ULEAD2": "Louis Tan",
        }
    assert trouble_of(on, "UCOLLECT") == ""
    assert due(on) == START + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("user", "why"),
    [("UGUEST", "guest"), ("USTRANGER", "stranger"), ("UOVERDUE", "bot"), ("UNOBODY", "gone")],
)
def test_who_may_never_act(on: BotHarness, user: str, why: str) -> None:
    """Somebody who pressed without being named is looked up too, with what speaks against them."""
    on.look_up()
    on.clock.forward(seconds=1)
    ask(on, user)
    on.look_up()
    assert trouble_of(on, user) == why


def test_a_right_that_is_gone_is_noticed(on: BotHarness) -> None:
    """Five minutes after somebody was made a guest they may not act any more."""
    on.look_up()
    everybody = on.slack.space.people
    everybody["UCOLLECT"] = replace(everybody["UCOLLECT"], is_guest=True)
    on.clock.forward(minutes=5)
    on.look_up()
    assert trouble_of(on, "UCOLLECT") == "guest"


def test_members_of_a_group_count(on: BotHarness) -> None:
    """A group's members are read; one who was looked up before is kept fresh with it."""
    on.slack.set_group("SFINANCE", ["UGUEST", "ULEAD2"])
    on.policy = policy.load(POLICY.replace('"UCOLLECT"', '"SFINANCE"'))
    ask(on, "UGUEST")
    on.look_up()
    on.clock.forward(minutes=5)
    on.look_up()
    with on.database.reading() as conn:
        assert people.groups(conn, on.clock()) == {"SFINANCE": frozenset({"UGUEST", "ULEAD2"})}
        guest = people.person(conn, "UGUEST")
    assert guest is not None
    assert guest.read_at == on.clock()


def test_an_unknown_group_is_empty(on: BotHarness) -> None:
    """Nobody has rights through a group that Slack does not know."""
    on.policy = policy.load(POLICY.replace('"UCOLLECT"', '"SNOBODY"'))
    on.look_up()
    with on.database.reading() as conn:
        assert people.groups(conn, on.clock()) == {"SNOBODY": frozenset()}


@pytest.mark.parametrize("match", ["auth.test", "users.info", "usergroups.users.list"])
@pytest.mark.parametrize("kind", ["refuse", "html", "garbage"])
def test_silence_makes_nobody_trusted(on: BotHarness, match: str, kind: str) -> None:
    """What Slack did not say is not guessed: old knowledge ages, and one looks again soon."""
    on.slack.set_group("SFINANCE", ["UCOLLECT"])
    on.policy = policy.load(POLICY.replace('"UCOLLECT"', '"UCOLLECT", "SFINANCE"'))
    on.fault(match, kind)
    on.look_up()
    assert trouble_of(on, "ULEAD2") is None
    assert due(on) == START + timedelta(seconds=30)
    on.clock.forward(seconds=30)
    on.look_up()
    assert trouble_of(on, "ULEAD2") == ""


def test_slack_asks_to_wait(on: BotHarness) -> None:
    """A 429 is obeyed."""
    on.fault("users.info", "status", status=429)
    on.look_up()
    assert due(on) == START + timedelta(seconds=30)


def test_somebody_wanted_during_a_look_is_looked_up_next(on: BotHarness) -> None:
    """A click in the middle of a round does not wait five minutes."""
    read, clicks = api.call, ["UGUEST"]

    def asking(*given: Any, **named: Any) -> Any:
        if named.get("user") == "UCOLLECT" and clicks:
            ask(on, clicks.pop())
        return read(*given, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "call", asking)
        on.look_up()
    assert trouble_of(on, "UGUEST") == "guest"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, ""),
        ({"deleted": True}, "gone"),
        ({"is_bot": True}, "bot"),
        ({"id": "USLACKBOT"}, "bot"),
        ({"is_restricted": True}, "guest"),
        ({"is_ultra_restricted": True}, "guest"),
        ({"is_stranger": True}, "stranger"),
        ({"team_id": "TOTHER"}, "stranger"),
        ({"team_id": None}, "stranger"),
    ],
)
def test_trouble(change: dict[str, Any], why: str) -> None:
    """Deleted, robots, guests and other organisations, by Slack's own flags."""
    assert looking_up.trouble(CORA | change, HOME) == why


@pytest.mark.parametrize(
    "flag", ["deleted", "is_bot", "is_restricted", "is_ultra_restricted", "team_id"]
)
def test_a_missing_flag_counts_against(flag: str) -> None:
    """Half an answer trusts nobody."""
    assert looking_up.trouble({k: v for k, v in CORA.items() if k != flag}, HOME)


def test_one_organisation_of_several_workspaces() -> None:
    """On Enterprise Grid the organisation counts, not the workspace."""
    away = CORA | {"team_id": "TSECOND", "enterprise_user": {"enterprise_id": "E1"}}
    assert looking_up.trouble(away, HOME | {"enterprise_id": "E1"}) == ""
    assert looking_up.trouble(away, HOME | {"enterprise_id": "E2"}) == "stranger"
    assert looking_up.trouble(away, HOME) == "stranger"


def test_a_person_without_a_display_name(on: BotHarness) -> None:
    """The real name stands in for it."""
    nameless = Person("UCOLLECT", "", "Cora Lindqvist", "Collector")
    on.slack.space.people["UCOLLECT"] = nameless
    on.look_up()
    with on.database.reading() as conn:
        assert people.names(conn)["UCOLLECT"] == "Cora Lindqvist"


def owned_by(on: BotHarness, email: str) -> None:
    """The CRM says at this moment that this address looks after the customer of case 1."""
    with on.database.writing() as conn:
        managers.look_for(conn, name_owner(conn, "1", email, on.clock()), on.clock())


def at(on: BotHarness, email: str) -> str:
    """The full member who has this address, as far as is known."""
    with on.database.reading() as conn:
        return people.at_address(conn, email, on.clock())


def leave(on: BotHarness, user: str) -> None:
    """Somebody's account is deactivated."""
    everybody = on.slack.space.people
    everybody[user] = replace(everybody[user], is_deactivated=True)


@pytest.mark.parametrize(
    ("email", "user"),
    [
        ("marc@brassfern.example", "UMANAGER"),
        ("gus@brassfern.example", ""),
        ("sybil@contoso.example", ""),
        ("overdue@brassfern.example", ""),
        ("louis@brassfern.example", ""),
        ("nobody@brassfern.example", ""),
    ],
)
def test_an_owner_is_found_by_address(on: BotHarness, email: str, user: str) -> None:
    """Only a full member: no guest, stranger, robot, leaver or unknown address; asked at once."""
    add_case(on)
    leave(on, "ULEAD2")
    on.look_up()
    owned_by(on, email)
    assert due(on) == on.clock()
    on.look_up()
    assert at(on, email) == user
    with on.database.reading() as conn:
        theirs = managers.owned(conn, REALM, policy.load(""), user, on.clock())
        assert theirs == ({"58"} if user else set())
        assert people.addresses_read(conn) == {email: START}
    on.clock.forward(seconds=1)
    owned_by(on, email)
    assert due(on) > on.clock()


def test_an_owner_is_asked_about_again(on: BotHarness) -> None:
    """Every five minutes while a case is open; a leaver loses the right, and the card shows it."""
    add_case(on)
    owned_by(on, "marc@brassfern.example")
    on.look_up()
    with on.database.writing() as conn:
        conn.execute(update(messages).values(due_at=None))
    on.clock.forward(minutes=5)
    on.look_up()
    assert (on.calls("users.lookupByEmail"), on.message().due_at) == (2, None)
    leave(on, "UMANAGER")
    on.clock.forward(minutes=5)
    on.look_up()
    assert (at(on, "marc@brassfern.example"), on.message().due_at) == ("", on.clock())
    with on.database.writing() as conn:
        conn.execute(update(cases).values(state="done"))
    on.clock.forward(minutes=5)
    on.look_up()
    assert on.calls("users.lookupByEmail") == 3


@pytest.mark.parametrize("kind", ["refuse", "html", "garbage", "status"])
def test_silence_about_an_address_ages(on: BotHarness, kind: str) -> None:
    """Without an answer, or told to wait, what is known counts for 15 minutes; then it does not."""
    add_case(on)
    owned_by(on, "marc@brassfern.example")
    on.look_up()
    status = {"status": 429} if kind == "status" else {}
    for minutes, user in ((5, "UMANAGER"), (5, "UMANAGER"), (5, "")):
        on.clock.forward(minutes=minutes)
        on.fault("users.lookupByEmail", kind, **status)
        on.look_up()
        assert at(on, "marc@brassfern.example") == user
        assert due(on) == on.clock() + timedelta(seconds=30)
        assert trouble_of(on, "ULEAD2") == ""


def test_without_the_scope_nobody_is_an_owner(on: BotHarness) -> None:
    """The people of the policy are looked up all the same."""
    web = on.slack.web_api
    web.scopes = tuple(one for one in web.scopes if one != "users:read.email")
    add_case(on)
    owned_by(on, "marc@brassfern.example")
    on.look_up()
    assert (at(on, "marc@brassfern.example"), trouble_of(on, "ULEAD2")) == ("", "")
    assert due(on) == START + timedelta(minutes=5)


def test_many_owners_are_asked_about_in_turns(
    on: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slack allows about fifty such calls a minute: the rest follows a minute later."""
    add_case(on)
    owned_by(on, "marc@brassfern.example")
    with monkeypatch.context() as patch:
        patch.setattr(looking_up, "ADDRESSES", 0)
        on.look_up()
    assert (at(on, "marc@brassfern.example"), due(on)) == ("", START + timedelta(minutes=1))
    on.clock.forward(minutes=1)
    on.look_up()
    assert (at(on, "marc@brassfern.example"), due(on)) == ("UMANAGER", START + timedelta(minutes=6))
