"""Who people are in Slack: looked up every few minutes, and when somebody is asked for.

No click waits for it. Whoever is unknown, or was read too long ago, may do nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from slack_sdk import WebClient
from sqlalchemy import Connection

from bot.slack import api
from bot.slack.api import Lost, NotOk, RateLimited, Trouble
from jobs.engine.step import Round, Step, scheduled, tries_again
from jobs.rules.policy.policy import Policy
from jobs.store import people, work
from jobs.store.customers import managers
from jobs.store.work import Claim

KIND = "people"
SOON = timedelta(seconds=30)
"""When to ask again if Slack did not answer, or not about everybody."""
GONE = frozenset({"user_not_found", "users_not_found", "user_not_visible"})
UNKNOWN_GROUP = frozenset({"no_such_subteam", "subteam_not_found", "plan_upgrade_required"})
SLACKBOT = "USLACKBOT"
ADDRESSES = 40
"""How many addresses one run asks about: Slack allows about 50 such calls a minute."""
A_MINUTE = timedelta(minutes=1)


def step(ruling: Callable[[], Policy], client: Callable[[], WebClient]) -> Step:
    """The people step: one row for the whole workspace."""
    return scheduled(
        KIND,
        lambda conn, _claim, now: _load(ruling(), client(), conn, now),
        tries_again(after=people.REFRESH),
    )


def ask(conn: Connection, user: str, now: datetime) -> None:
    """Have somebody looked up at once; wake "people" after the commit."""
    people.want(conn, [user], "user", now)
    work.hurry(conn, work.EVERYBODY, KIND, now)


def _load(policy: Policy, client: WebClient, conn: Connection, now: datetime) -> Round:
    wanted = people.wanted(conn)
    users = policy.named_users() | managers.everybody_named_in_slack(conn)
    users |= {id for id, kind in wanted if kind == "user"}
    groups = policy.named_groups() | {id for id, kind in wanted if kind == "group"}
    addresses = managers.unread(conn, now)[:ADDRESSES]
    return LookUp(client, users, groups, frozenset(people.names(conn)), frozenset(addresses))


@dataclass(frozen=True)
class SlackPeople:
    """What Slack said. People and groups that it said nothing about are left out."""

    users: Mapping[str, tuple[str, str]]
    """User → display name, and why that account may never act."""
    groups: Mapping[str, tuple[str, ...]]
    addresses: Mapping[str, str] = field(default_factory=dict)
    """E-mail address → the user it belongs to, or empty if that is no full member."""
    failed: str = ""
    wait: int = 0
    """Seconds that Slack asked to wait."""


@dataclass(frozen=True)
class LookUp:
    """Ask about each user, each group and each address."""

    client: WebClient
    users: frozenset[str]
    groups: frozenset[str]
    acquainted: frozenset[str]
    """People looked up before: among the members of a group, only they are kept fresh."""
    addresses: frozenset[str] = frozenset()

    def act(self) -> SlackPeople:
        """Ask, and stop at the first sign that Slack is unreachable; what is known then counts."""
        home = api.call(self.client, "auth.test")
        if isinstance(home, Trouble):
            return _cut({}, {}, home)
        found = self._named(home)
        return found if found.failed else self._with_addresses(found, home)

    def _named(self, home: Mapping[str, Any]) -> SlackPeople:
        groups: dict[str, tuple[str, ...]] = {}
        for id in sorted(self.groups):
            members = _members(api.call(self.client, "usergroups.users.list", usergroup=id))
            if isinstance(members, RateLimited | Lost):
                return _cut({}, groups, members)
            groups |= {} if isinstance(members, NotOk) else {id: members}
        users: dict[str, tuple[str, str]] = {}
        for id in sorted(self.users | self._familiar(groups)):
            answer = api.call(self.client, "users.info", user=id)
            if isinstance(answer, RateLimited | Lost):
                return _cut(users, groups, answer)
            users |= _read(id, answer, home)
        return SlackPeople(users, groups)

    def _with_addresses(self, found: SlackPeople, home: Mapping[str, Any]) -> SlackPeople:
        """Whoever has an address is also a user that was just read; a refusal is nobody."""
        users, belongs = dict(found.users), dict[str, str]()
        for email in sorted(self.addresses):
            answer = api.call(self.client, "users.lookupByEmail", email=email)
            if isinstance(answer, RateLimited | Lost):
                return replace(_cut(users, found.groups, answer), addresses=belongs)
            id = "" if isinstance(answer, NotOk) else str(answer["user"]["id"])
            users |= _read(id, answer, home) if id else {}
            belongs[email] = "" if not id or users[id][1] else id
        return SlackPeople(users, found.groups, belongs)

    def _familiar(self, groups: Mapping[str, Iterable[str]]) -> frozenset[str]:
        return self.acquainted & {user for members in groups.values() for user in members}

    def settle(self, conn: Connection, claim: Claim, outcome: SlackPeople, now: datetime) -> None:
        """Store what Slack said; people asked for meanwhile are looked up at once.

        The cards of a customer whose account manager is somebody else now are drawn again.
        """
        for id, (name, trouble) in outcome.users.items():
            people.put_user(conn, id, name, trouble, now)
        for id, members in outcome.groups.items():
            people.put_group(conn, id, members, now)
        addresses = outcome.addresses.items()
        news = [email for email, id in addresses if people.put_address(conn, email, id, now)]
        managers.redraw(conn, news, now)
        work.settle(conn, claim, self._next(conn, outcome, now), last_error=outcome.failed)

    def _next(self, conn: Connection, outcome: SlackPeople, now: datetime) -> datetime:
        if outcome.failed:
            return now + max(SOON, timedelta(seconds=outcome.wait))
        asked = {id for id, _ in people.wanted(conn)} - self.users - self.groups
        if asked:
            return now
        return now + (A_MINUTE if managers.unread(conn, now) else people.REFRESH)


def _cut(
    users: Mapping[str, tuple[str, str]], groups: Mapping[str, tuple[str, ...]], why: Trouble
) -> SlackPeople:
    wait = why.seconds if isinstance(why, RateLimited) else 0
    word = "ratelimited" if isinstance(why, RateLimited) else why.error
    told = f"Slack did not answer about everybody: {word}"
    return SlackPeople(users, groups, failed=told, wait=wait)


def _members(answer: Mapping[str, Any] | Trouble) -> tuple[str, ...] | Trouble:
    """The members of a group: nobody if Slack does not know it; other refusals prove nothing."""
    if isinstance(answer, NotOk):
        return () if answer.error in UNKNOWN_GROUP else answer
    return answer if isinstance(answer, Trouble) else tuple(str(id) for id in answer["users"])


def _read(
    id: str, answer: Mapping[str, Any] | NotOk, home: Mapping[str, Any]
) -> dict[str, tuple[str, str]]:
    if isinstance(answer, NotOk):
        return {id: ("", "gone")} if answer.error in GONE else {}
    return {id: (_name(answer["user"]), trouble(answer["user"], home))}


def _name(user: Mapping[str, Any]) -> str:
    profile = user.get("profile") or {}
    named: Iterator[Any] = iter(
        (profile.get("display_name"), profile.get("real_name"), user.get("name"))
    )
    return next((str(name) for name in named if name), "")


def trouble(user: Mapping[str, Any], home: Mapping[str, Any]) -> str:
    """Why this account may never act ("gone", "bot", "stranger", "guest"), or empty.

    `user` is from users.info, `home` from auth.test. A missing flag counts against the account.
    """
    if user.get("deleted", True):
        return "gone"
    if user.get("is_bot", True) or user.get("id") == SLACKBOT:
        return "bot"
    if user.get("is_stranger", False) or not _at_home(user, home):
        return "stranger"
    if user.get("is_restricted", True) or user.get("is_ultra_restricted", True):
        return "guest"
    return ""


def _at_home(user: Mapping[str, Any], home: Mapping[str, Any]) -> bool:
    """Whether they belong to our workspace or, on Enterprise Grid, to our organisation."""
    if user.get("team_id") and user["team_id"] == home.get("team_id"):
        return True
    organisation = (user.get("enterprise_user") or {}).get("enterprise_id")
    return bool(organisation) and organisation == home.get("enterprise_id")
