"""What handlers of clicks and commands need, and how they answer in private."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime
from threading import Timer
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackClientError
from slack_sdk.webhook import WebhookClient

from bot.blockkit.blocks import Block
from bot.slack import api
from jobs.companies.disconnect import Broker
from jobs.engine.queues import Queues
from jobs.rules.policy.policy import Policy
from jobs.store.database.engine import Database

P = ParamSpec("P")
T = TypeVar("T")
slog = structlog.get_logger()
PRIVATE_SECONDS = 10
"""How many seconds a private answer may take; the click itself has already been answered."""


class Pool(ThreadPoolExecutor):
    """Threads for what clicks leave to be done, and a way to wait for it while accepting more.

    Nobody looks at the results, so unforeseen errors are logged.
    """

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._left: set[Future[Any]] = set()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """As in any executor."""
        future = super().submit(fn, *args, **kwargs)
        self._left.add(future)
        future.add_done_callback(self._done)
        return future

    def _done(self, future: Future[Any]) -> None:
        if error := future.exception():
            slog.error("answer.failed", exc_info=error)
        self._left.discard(future)

    def settle(self, seconds: float) -> bool:
        """Whether everything, including work submitted meanwhile, was done within `seconds`."""
        end = time.monotonic() + seconds
        while (left := list(self._left)) and time.monotonic() < end:
            wait(left, max(0, end - time.monotonic()))
        return not left


@dataclass(frozen=True)
class Backend:
    """Built once per web process."""

    database: Database
    ruling: Callable[[], Policy]
    """Returns the policy in force now; its file may change at any time."""
    queues: Queues
    clock: Callable[[], datetime]
    client: WebClient
    team: str
    """The id of our workspace; nobody else's people may act."""
    app_id: str
    """Our app's id, or empty if Slack did not give it."""
    workspace: str
    """The base URL of links to cards."""
    response_hosts: frozenset[str]
    """The hosts that a response_url may have: Slack's, or the one that stands in for it."""
    public_url: str
    """The base URL of our own pages."""
    books: str
    """The base URL of QuickBooks' own pages, or empty."""
    channel: str
    """The channel for cards of a company for which nobody has chosen one; may be empty."""
    broker: Broker
    """For disconnecting a company."""
    pool: Executor
    """For private answers, filling modals and wake-ups: small, and nothing in it may raise."""
    enterprise: str = ""
    """The id of the organisation that our workspace belongs to (Enterprise Grid), or empty."""
    drawing: dict[str, object] = field(default_factory=dict)
    """Person → the latest drawing of their Home tab; earlier ones are dropped."""

    @property
    def policy(self) -> Policy:
        """The policy by which this click is judged."""
        return self.ruling()

    def tell(
        self, response_url: str, text: str, blocks: Sequence[Block] = (), *, instead: bool = False
    ) -> None:
        """Answer in private, soon, without holding up the click.

        `instead` replaces the message with the button, which must be a private one itself.
        """
        self.pool.submit(self._tell, response_url, text, blocks, instead)

    def _tell(self, response_url: str, text: str, blocks: Sequence[Block], instead: bool) -> None:
        if urlsplit(response_url).hostname not in self.response_hosts:
            slog.warning("answer.elsewhere")
            return
        try:
            client = WebhookClient(response_url, timeout=PRIVATE_SECONDS, ssl=api.certificates())
            client.send(
                text=text,
                blocks=list(blocks) or None,
                response_type="ephemeral",
                replace_original=instead,
            )
        except (SlackClientError, OSError) as error:
            # The decision is recorded whether or not its answer arrives, and the card shows it.
            slog.warning("answer.lost", error=type(error).__name__)

    def later(self, seconds: float, act: Callable[..., None], *given: Any) -> None:
        """Call `act` after `seconds`; until then it takes no thread of the pool."""
        timer = Timer(seconds, self.pool.submit, (act, *given))
        timer.daemon = True
        timer.start()

    def wake(self, *steps: str, case: str = "") -> None:
        """Wake the steps that follow from a decision; the clock finds whatever is missed.

        In the background, not in the click: if Redis hangs, each wake-up takes its full timeout.
        """
        self.pool.submit(self._wake, steps, case)

    def _wake(self, steps: tuple[str, ...], case: str) -> None:
        for step in steps:
            self.queues.wake(step, case)
