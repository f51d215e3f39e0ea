"""What each process cannot work without, and which settings belong together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from jobs.settings import WAYS_TO_SEND, Problem, Settings, SettingsError, env_names

Part = Literal[
    "db", "doctor", "connect", "disconnect", "web", "intake", "triage", "act", "work", "clock"
]

ANY_WAY_TO_SEND = "|".join(WAYS_TO_SEND)
LEDGER = ("token_keys", "qbo_client_id", "qbo_client_secret")
CHAT = ("slack_bot_token", "slack_channel")
INTAKE = ("redis_url", *LEDGER)
TRIAGE = (*INTAKE, "mail_from")  # the sender's address is part of every draft
ACT = (*TRIAGE, *CHAT, ANY_WAY_TO_SEND)

NEEDS: Mapping[Part, tuple[str, ...]] = {
    "db": (),
    "doctor": (),  # it reports what is missing instead
    "clock": ("redis_url",),
    "connect": ("public_url", "qbo_client_id"),
    "disconnect": LEDGER,
    "web": (
        *("redis_url", "public_url", *LEDGER, "qbo_webhook_tokens|slack_app_token", *CHAT),
        "slack_signing_secret|slack_app_token",
    ),
    "intake": INTAKE,
    "triage": TRIAGE,
    "act": ACT,
    "work": ACT,
}
"""What each process cannot work without; `a|b` is either."""

READERS: frozenset[Part] = frozenset({"triage", "act", "work"})
"""The processes that read the sources besides the ledger, or send mail."""


@dataclass(frozen=True)
class SettingsGroup:
    """Settings that are `needed` as soon as one of them, or of the `others`, is set."""

    needed: tuple[str, ...]
    hint: str
    others: tuple[str, ...] = ()

    def begun(self, settings: Settings) -> bool:
        """Whether any of them is set to anything of its own."""
        names = (name for need in (*self.needed, *self.others) for name in need.split("|"))
        return any(getattr(settings, n) != Settings.model_fields[n].default for n in names)


HUBSPOT = SettingsGroup(
    needed=("hubspot_token",),
    others=("hubspot_api_url",),
    hint="the access token of a private app in HubSpot",
)
ZENDESK = SettingsGroup(
    needed=("zendesk_subdomain|zendesk_api_url", "zendesk_client_id", "zendesk_client_secret"),
    hint="the help desk needs all of it: see OAuth clients in the Admin Center, under APIs",
)
MAIL_OAUTH = SettingsGroup(
    needed=("mail_oauth_client_id", "mail_oauth_refresh_token", "mail_oauth_url"),
    others=("mail_oauth_client_secret",),
    hint="a mailbox without a password needs all of it; only some providers give a client secret",
)
BELONG_TOGETHER = (HUBSPOT, ZENDESK, MAIL_OAUTH)
"""What is set up wholly or not at all: half of it would count as not configured."""
HINTS = {
    "database_url": "set it, or leave it out for a SQLite file",
    "policy_file": "says who may do what; without it nobody may act. overdue init writes one",
    "redis_url": "where Redis or Valkey listens; only overdue start can run its own instead",
    "token_keys": "make one with: python -c 'from cryptography.fernet import Fernet; "
    "print(Fernet.generate_key().decode())'",
    "public_url": "the address at which Slack, QuickBooks and people reach this service",
    "slack_bot_token": "xoxb-…, under OAuth & Permissions of the Slack app",
    "slack_channel": "the id of the finance channel",
    "slack_signing_secret|slack_app_token": "under Basic Information of the Slack app",
    "qbo_client_id": "under Keys & credentials of the app at developer.intuit.com",
    "qbo_client_secret": "beside the client id at developer.intuit.com",
    "qbo_webhook_tokens|slack_app_token": "the verifier token, under Webhooks of the app at "
    "developer.intuit.com; a machine without a public address has none and uses Socket Mode",
    "mail_from": "the address of the finance mailbox",
    "smtp_url|resend_api_key|mail_folder": "the server that sends; for a trial, a folder is enough",
    **{need: group.hint for group in BELONG_TOGETHER for need in group.needed},
}
"""Where each setting that a process needs comes from."""


def needed(*parts: Part) -> tuple[str, ...]:
    """What these processes cannot work without, each once; `a|b` is either."""
    return tuple(dict.fromkeys(need for part in parts for need in NEEDS[part]))


def missing(settings: Settings, *parts: Part) -> tuple[Problem, ...]:
    """What these processes would lack, each setting once."""
    return tuple(
        Problem(env_names(need.split("|"), "or"), f"is missing ({HINTS[need]})")
        for need in (*needed(*parts), *_half(settings, parts))
        if not _is_set(settings, need)
    )


def _half(settings: Settings, parts: Iterable[Part]) -> tuple[str, ...]:
    """What goes with settings of which only some are set."""
    if READERS.isdisjoint(parts):
        return ()
    return tuple(n for each in BELONG_TOGETHER if each.begun(settings) for n in each.needed)


def _is_set(settings: Settings, need: str) -> bool:
    return any(getattr(settings, name) for name in need.split("|"))


def require(settings: Settings, *parts: Part) -> None:
    """Refuse to start a process without what it needs.

    "work" is all three queues together; name the queue to ask for less. Raises SettingsError.
    """
    if lacking := missing(settings, *parts):
        raise SettingsError(lacking)
