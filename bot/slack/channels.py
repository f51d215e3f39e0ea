"""Whether a Slack channel can be used for a company's cards, and what to do if it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slack_sdk import WebClient

from bot.slack import api
from bot.slack.api import NotOk, Trouble

INVITE = "type there: /invite @overdue"


@dataclass(frozen=True)
class Channel:
    """A channel as Slack describes it. `trouble` says why cards cannot go there, or is empty."""

    name: str = ""
    trouble: str = ""
    public: bool = False
    shared: bool = False
    """Whether people of other organisations read it, or are about to."""
    unseen: Trouble | None = None
    """Why Slack has not said anything about it."""


def look(client: WebClient, channel: str) -> Channel:
    """Ask Slack about a channel. Never raises for anything Slack does."""
    answer = api.call(client, "conversations.info", channel=channel)
    if isinstance(answer, Trouble):
        return Channel(trouble=_unseen(answer), unseen=answer)
    found = answer["channel"]
    name, public = str(found.get("name") or ""), not found.get("is_private")
    return Channel(name, _trouble(found), public, _shared(found))


def _unseen(answer: Trouble) -> str:
    if answer == NotOk("channel_not_found"):
        return f"there is no such channel, or the bot is not in it; {INVITE}"
    if isinstance(answer, NotOk):
        return f"Slack says {answer.error}; check the id, and {INVITE}"
    return "Slack does not answer just now; please try again in a minute"


def _trouble(found: Mapping[str, Any]) -> str:
    if not found.get("is_member"):
        return f"the bot is not in it; {INVITE}"
    if found.get("is_archived"):
        return "is archived; choose another one"
    return "is shared with other organisations, who would read the cards" if _shared(found) else ""


def _shared(found: Mapping[str, Any]) -> bool:
    return any(found.get(f"is_{how}shared") for how in ("ext_", "pending_ext_", "org_"))
