"""What `overdue doctor` says about Slack: the token, its scopes, the channels and the people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.cli.findings import MISSING, OK, UNTRIED, WARNING, WRONG, Finding
from bot.process import Process
from bot.slack import api
from bot.slack import channels as slack_channels
from bot.slack.api import NotOk, RateLimited, Trouble
from bot.slack.people import trouble
from jobs.rules.policy.policy import Policy

SCOPES = (
    *("chat:write", "commands", "users:read", "users:read.email", "usergroups:read"),
    *("channels:read", "groups:read", "im:write"),
    *("channels:history", "groups:history", "im:history", "files:write"),
)
"""The scopes in manifest.yml; a test makes sure that the two agree."""
STANDING = {
    "gone": "is deactivated and may not act",
    "bot": "is a bot and may not act",
    "guest": "is a guest and may not act",
    "stranger": "belongs to another organisation and may not act",
}


def examine(
    process: Process, why_not: str, no_socket: str, channels: Sequence[str], policy: Policy | None
) -> Iterator[Finding]:
    """All rows about Slack.

    `why_not` says what keeps us from calling Slack, or is empty; `no_socket` the same for the
    socket.
    """
    yield _socket(process, no_socket)
    if why_not:
        yield Finding("slack", UNTRIED, why_not)
        yield from _untried(why_not, policy)
        return
    home, headers = api.call_with_headers(process.slack, "auth.test")
    if isinstance(home, Trouble):
        yield Finding("slack", WRONG, _silent(home))
        yield from _untried("needs an answer from Slack", policy)
        return
    yield Finding("slack", OK, f"{home.get('team')}, as {home.get('user')}")
    yield from _scopes(headers)
    yield from _channels(process, channels)
    yield from _people(process, policy, home)


def _socket(process: Process, why_not: str) -> Finding:
    """Whether Socket Mode has a token that can open a socket. None is opened here."""
    part, token = "slack socket", process.settings.slack_app_token.get_secret_value()
    if why_not:
        return Finding(part, UNTRIED, why_not)
    if not token:
        return Finding(part, OK, "not used: without SLACK_APP_TOKEN Slack calls PUBLIC_URL")
    found = api.socket_url(api.client(token, process.settings.slack_api_url))
    if isinstance(found, RateLimited):
        return Finding(part, WARNING, f"apps.connections.open: {api.said(found)}")
    if isinstance(found, NotOk):
        words = (
            f"apps.connections.open: {found.error}; SLACK_APP_TOKEN must be an app-level token "
            "(xapp-) of this app with connections:write"
        )
        return Finding(part, WRONG, words)
    if isinstance(found, Trouble):
        return Finding(part, WRONG, _silent(found))
    return Finding(part, OK, "SLACK_APP_TOKEN opens one")


def _silent(answer: Trouble) -> str:
    if isinstance(answer, NotOk):
        return f"Slack refuses the token ({answer.error}); check SLACK_BOT_TOKEN"
    return f"Slack cannot be reached ({api.said(answer)}); check SLACK_API_URL and the network"


def _untried(why: str, policy: Policy | None) -> Iterator[Finding]:
    yield Finding("slack scopes", UNTRIED, why)
    yield Finding("slack channel", UNTRIED, why)
    yield from _roles(policy)
    yield Finding("people", UNTRIED, why)


def _roles(policy: Policy | None) -> Iterator[Finding]:
    """Whether the policy names somebody for each role; who they are only Slack knows."""
    if policy is None:
        return
    if not policy.finance_leads + policy.deputies:
        yield Finding("people", MISSING, "no finance lead: name one under [people] in the policy")
    if not policy.collectors:
        words = "no collector: finance leads have to approve everything"
        yield Finding("people", WARNING, words)
    if not policy.managers:
        words = (
            "no [[account_manager]]: where no CRM names an owner either, a finance lead presses "
            "Looks good in their place"
        )
        yield Finding("people", WARNING, words)
    if len(set(policy.finance_leads + policy.deputies)) == 1 and not policy.named_groups():
        words = "only one finance lead: name a deputy, or two-person cases wait during holidays"
        yield Finding("people", WARNING, words)


def _scopes(headers: Mapping[str, str]) -> Iterator[Finding]:
    lowered = {name.lower(): value for name, value in headers.items()}
    given = {scope.strip() for scope in lowered.get("x-oauth-scopes", "").split(",")}
    if lacking := [scope for scope in SCOPES if scope not in given]:
        words = f"missing {', '.join(lacking)}; add them (manifest.yml) and reinstall the app"
        yield Finding("slack scopes", MISSING, words)
    else:
        yield Finding("slack scopes", OK, f"all {len(SCOPES)}")


def _channels(process: Process, channels: Sequence[str]) -> Iterator[Finding]:
    """The default channel, and those of the companies."""
    if not channels:
        yield Finding("slack channel", UNTRIED, "needs SLACK_CHANNEL")
    for channel in channels:
        found = slack_channels.look(process.slack, channel)
        state, words = OK, f"#{found.name}"
        if found.trouble:
            state, words = WRONG, found.trouble
        elif found.public:
            state, words = WARNING, f"#{found.name} is public: everyone here can read the cards"
        yield Finding("slack channel", state, f"{channel}: {words}")


def _people(process: Process, policy: Policy | None, home: Mapping[str, Any]) -> Iterator[Finding]:
    """Whether the people in the policy exist and may act."""
    if policy is None:
        yield Finding("people", UNTRIED, "needs the policy, which names them")
        return
    yield from _roles(policy)
    bad = list(_in_trouble(process, policy, home))
    yield from bad
    if policy.named_users() and not bad:
        yield Finding("people", OK, f"{len(policy.named_users())} named, all in good standing")


def _in_trouble(process: Process, policy: Policy, home: Mapping[str, Any]) -> Iterator[Finding]:
    for id in sorted(policy.named_users()):
        answer = api.call(process.slack, "users.info", user=id)
        if isinstance(answer, Trouble):
            yield _unseen(id, "is not known to Slack", answer)
        elif why := trouble(answer["user"], home):
            yield _unfit(f"{id} {STANDING[why]}")
    for id in sorted(policy.named_groups()):
        answer = api.call(process.slack, "usergroups.users.list", usergroup=id)
        if isinstance(answer, Trouble):
            yield _unseen(id, "is not known to Slack as a user group", answer)
        elif not answer["users"]:
            yield _unfit(f"{id} is a user group without members")


def _unseen(id: str, unknown: str, answer: Trouble) -> Finding:
    if isinstance(answer, NotOk):
        return _unfit(f"{id} {unknown} ({answer.error})")
    words = f"Slack cannot say just now who {id} is ({api.said(answer)}); try again in a minute"
    return Finding("people", UNTRIED, words)


def _unfit(words: str) -> Finding:
    return Finding("people", WRONG, f"{words}; correct the policy file")
