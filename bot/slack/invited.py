"""Whether `overdue connect` may print a link: for this person, into this channel."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from bot.process import Process
from bot.slack import channels
from jobs.rules.policy import Policy
from jobs.rules.rights import may_run
from jobs.store import companies, people


def unfit(process: Process, conn: Connection, person: str, channel: str) -> str:
    """Why no link may be printed, as a sentence, or empty. An empty argument is not checked."""
    return (person and _no_lead(process, conn, person)) or (
        channel and _no_room(process, conn, channel)
    )


def _no_lead(process: Process, conn: Connection, person: str) -> str:
    groups = people.groups(conn, process.now())
    if _leads(process.policy, person, groups) or _unread(process.policy, groups):
        return ""
    return (
        f"{person} is not a finance lead in the policy, so they cannot connect a company. Name "
        "them under [people], or leave out --as."
    )


def _leads(policy: Policy, person: str, groups: Mapping[str, frozenset[str]]) -> bool:
    """Whether they are a lead in the file or in any company's section: which is not yet known."""
    everywhere = (policy, *policy.by_company.values())
    return any(may_run(each.roles(person, groups)) for each in everywhere)


def _unread(policy: Policy, groups: Mapping[str, frozenset[str]]) -> bool:
    """Whether the members of some user group are unknown yet; they are checked when connecting."""
    return bool(policy.named_groups() - groups.keys())


def _no_room(process: Process, conn: Connection, channel: str) -> str:
    if holder := companies.in_channel(conn, channel):
        return (
            f"The channel {channel} already has the cards of {holder.name}: a new company needs "
            f"its own. To connect {holder.name} again, leave out --channel."
        )
    if not process.settings.slack_bot_token.get_secret_value():
        return ""  # printing a link may need no more than QuickBooks' keys
    trouble = channels.look(process.slack, channel).trouble
    return f"The channel {channel} cannot be used: {trouble}." if trouble else ""
