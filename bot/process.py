"""What each process works with, built from its settings, each part on first use.

Only plain values are made before a worker forks; connections are made in the fork that uses them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from jobs.companies.connect import Intuit
from jobs.engine.policy_file import PolicyFile
from jobs.engine.queues import Queues
from jobs.engine.services import Services
from jobs.engine.step import Step
from jobs.mail.addresses import named
from jobs.mail.results import Mailer
from jobs.pipeline import STEPS
from jobs.reasoning.model import Model
from jobs.rules.policy.policy import Policy
from jobs.settings import Settings
from jobs.sources.source import Source
from jobs.store.database import engine
from jobs.store.database.engine import WORKER_PATIENCE, Database, SharedTime
from jobs.store.sends import still_ours
from jobs.store.services.budget import SqlBudget
from jobs.store.services.model_costs import ModelCosts
from jobs.store.services.tokens import Seal, SqlTokenStore
from qbo import BearerAuth, OAuth, QuickBooks, ReauthRequired, Tokens

if TYPE_CHECKING:
    from slack_sdk import WebClient

    from bot.slack.outbox import Drawing
    from jobs.sources.sent_folder import SentFolder

REDIS_SECONDS = 2.0
"""How many seconds connecting to Redis may take."""
WAKE_SECONDS = 0.3
"""How many seconds a wake-up may take: it is never worth waiting for."""

Now = Callable[[], datetime]


@dataclass
class Process:
    """The parts of one process. A simulation passes its own `clock`."""

    settings: Settings
    clock: Now | None = None
    patience: timedelta = WORKER_PATIENCE

    @cached_property
    def now(self) -> Now:
        """The clock for all decisions: the database's, which all processes share."""
        return self.clock or SharedTime(lambda: self.database)

    @cached_property
    def policies(self) -> PolicyFile:
        """POLICY_FILE, read again when it changes; without one, the defaults, which name nobody.

        Raises PolicyError, which says what is wrong in it, OSError or UnicodeDecodeError.
        """
        return PolicyFile(self.settings.policy_file)

    @property
    def policy(self) -> Policy:
        """The policy now in force. Raises what `policies` raises."""
        return self.policies()

    @cached_property
    def database(self) -> Database:
        return engine.connect(self.settings.database_url.get_secret_value(), self.patience)

    @cached_property
    def redis(self) -> Redis:
        """A connection that fails at once while Redis is away: waking a step never waits."""
        return redis(self.settings, socket_timeout=WAKE_SECONDS, connect=WAKE_SECONDS)

    @cached_property
    def queues(self) -> Queues:
        return Queues(self.redis)

    @cached_property
    def slack(self) -> WebClient:
        from bot.slack import api  # loads Slack's library, which only web and act need

        token = self.settings.slack_bot_token.get_secret_value()
        return api.client(token, self.settings.slack_api_url)

    @cached_property
    def drawing(self) -> Drawing:
        """What cards are drawn with; Slack is asked once whether it takes containers."""
        from bot.slack.outbox import Containers, Drawing

        return Drawing(Containers(lambda: self.slack), self.settings.qbo_app_url)

    @cached_property
    def oauth(self) -> OAuth:
        settings = self.settings
        return OAuth(
            settings.qbo_client_id,
            settings.qbo_client_secret,
            token_url=settings.qbo_oauth_url,
            authorize_url=settings.qbo_authorize_url,
            revoke_url=settings.qbo_revoke_url,
            redirect_uri=f"{settings.public_url}/quickbooks/callback",
        )

    @cached_property
    def seal(self) -> Seal:
        return Seal(self.settings.token_keys)

    @cached_property
    def token_store(self) -> SqlTokenStore:
        return SqlTokenStore(self.database, self.seal)

    @cached_property
    def budget(self) -> SqlBudget:
        """The request budget of each company, shared with all other processes."""
        return SqlBudget(self.database)

    @cached_property
    def ledgers(self) -> Ledgers:
        return Ledgers(self)

    @cached_property
    def intuit(self) -> Intuit:
        """What connecting a company needs."""
        return Intuit(self.oauth, self.seal, self._open, self.settings.slack_channel)

    @cached_property
    def mailer(self) -> Mailer | None:
        """The mailer that the settings name, if any."""
        from jobs.mail.folder import Folder  # each of these loads libraries that few processes need
        from jobs.mail.resend import Resend
        from jobs.mail.smtp import Smtp
        from jobs.sources.mailbox import access_tokens

        if url := self.settings.smtp_url.get_secret_value():
            return replace(Smtp.from_url(url), tokens=access_tokens(self.settings))
        if key := self.settings.resend_api_key.get_secret_value():
            return Resend(key, self.settings.resend_api_url)
        return Folder(self.settings.mail_folder) if self.settings.mail_folder else None

    @cached_property
    def model(self) -> Model | None:
        """The model, if there is a key for one."""
        settings = self.settings
        if not (key := settings.openai_api_key.get_secret_value()):
            return None
        return Model(key, settings.openai_base_url, settings.openai_model, settings.openai_api)

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """The sources besides the ledger that the settings name."""
        from jobs.sources.configured import configured  # loads every client, for two queues

        return configured(self.settings)

    @cached_property
    def sent_folder(self) -> SentFolder | None:
        """Where copies of what was sent go; a folder of files needs none."""
        from jobs.sources.sent_folder import SentFolder

        if self.settings.mail_folder:
            return None
        sends_by = urlsplit(self.settings.smtp_url.get_secret_value()).hostname or ""
        return SentFolder.of_settings(self.settings, sends_by)

    @cached_property
    def services(self) -> Services:
        """What the steps work with. Without MAIL_FROM its addresses are empty."""
        sender = named(self.settings.mail_from).addr_spec if self.settings.mail_from else ""
        return Services(
            ruling=self.policies,
            policy=self.policy,
            sender=sender,
            reply_to=sender,
            channel=self.settings.slack_channel,
            still_ours=lambda case, token: still_ours(self.database, case, token, self.now),
            quickbooks=self.ledgers.of,
            costs=ModelCosts(self.database, self.now),
            mailer=self.mailer,
            sent_folder=self.sent_folder,
            model=self.model,
            sources=self.sources,
        )

    def steps(self, queue: str = "") -> list[Step]:
        """The steps of one queue, or all of them, in the order in which they are run."""
        return [_step(self, name) for name, place in STEPS.items() if queue in ("", place.queue)]

    def _open(self, realm: str, tokens: Tokens) -> QuickBooks:
        auth = BearerAuth(realm, _Given(tokens), self.oauth, budget=self.budget, clock=self.now)
        return _client(self, realm, auth)

    def close(self) -> None:
        """Close the connections of the parts that were used."""
        for source in self.__dict__.get("sources", ()):
            source.close()
        for part in ("ledgers", "oauth", "model", "redis", "database"):
            if self.__dict__.get(part) is not None:
                getattr(self, part).close()


@dataclass(frozen=True)
class _Given:
    """A TokenStore for tokens that are not stored yet, used for the first look at a company."""

    tokens: Tokens

    def load(self, realm: str) -> Tokens:
        return self.tokens

    def lease(self, realm: str, now: datetime) -> str | None:
        raise ReauthRequired("QuickBooks does not accept the tokens that it gave a moment ago")

    def save(self, realm: str, new: Tokens, replaces: Tokens) -> None:
        """Fresh tokens need no refresh."""

    def hold(self, realm: str, lease: str, now: datetime) -> bool:
        """No lease is given."""
        return False

    def release(self, realm: str, lease: str) -> None:
        """No lease is given."""


class Ledgers:
    """A QuickBooks client per company, made once per process; safe to use from threads."""

    def __init__(self, process: Process) -> None:
        self._process, self._lock = process, threading.Lock()
        self._clients: dict[str, QuickBooks] = {}

    def of(self, realm: str) -> QuickBooks:
        """The client of this company; it raises ReauthRequired only when it is used."""
        with self._lock:
            if realm not in self._clients:
                self._clients[realm] = _client(self._process, realm, self.auth(realm))
            return self._clients[realm]

    def auth(self, realm: str) -> BearerAuth:
        """Signs requests for this company; whatever ends its connection pauses the company."""
        process = self._process

        def lost(tokens: Tokens, error: ReauthRequired) -> None:
            process.token_store.lose(realm, tokens, error, process.now())

        return BearerAuth(
            realm,
            process.token_store,
            process.oauth,
            on_lost=lost,
            budget=process.budget,
            clock=process.now,
        )

    def renew(self, realm: str) -> Tokens:
        """New tokens for this company, already stored. Raises QuickBooksError."""
        return self.auth(realm).refresh()

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


def _client(process: Process, realm: str, auth: BearerAuth) -> QuickBooks:
    url = process.settings.qbo_api_url
    return QuickBooks(realm, auth, base_url=url, budget=process.budget, clock=process.now)


def redis(
    settings: Settings, socket_timeout: float | None = None, connect: float = REDIS_SECONDS
) -> Redis:
    """A client for REDIS_URL that tries each command once."""
    return Redis.from_url(
        settings.redis_url.get_secret_value(),
        socket_connect_timeout=connect,
        socket_timeout=socket_timeout,
        retry=Retry(NoBackoff(), 0),
    )


GIVEN: Mapping[str, Callable[[Process], tuple[Any, ...]]] = {
    "messages": lambda process: (process.policies, lambda: process.slack, process.drawing),
    "draft_copies": lambda process: (process.services, lambda: process.slack),
    "people": lambda process: (process.policies, lambda: process.slack),
    "upkeep": lambda process: (process.ledgers.renew, process.services.quickbooks),
}
"""What a step is made with, by its name; all others are made with the services alone."""


def _step(process: Process, name: str) -> Step:
    """One step. A process loads only what its own steps need."""
    given = GIVEN[name](process) if name in GIVEN else (process.services,)
    made: Step = import_module(STEPS[name].module).step(*given)
    return made
