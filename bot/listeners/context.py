"""Where clicks and commands land: what a handler needs, and how it answers in private."""

from __future__ import annotations

import time
from collections.abc import Callable
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

from jobs.companies.disconnect import Broker
from jobs.engine.queues import Queues
from jobs.rules.policy import Policy
from jobs.store.engine import Database

P = ParamSpec("P")
T = TypeVar("T")
slog = structlog.get_logger()
PRIVATE_SECONDS = 10
"""How long a private answer may take; the click itself is answered already."""


class Pool(ThreadPoolExecutor):
    """Threads for what clicks leave to be done, and a way to wait for it without refusing more.

    Nobody looks at what comes of it, so an error that was not foreseen is told to the log.
    """

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._left: set[Future[Any]] = set()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """As of any executor."""
        future = super().submit(fn, *args, **kwargs)
        self._left.add(future)
        future.add_done_callback(self._done)
        return future

    def _done(self, future: Future[Any]) -> None:
        if error := future.exception():
            slog.error("answer.failed", exc_info=error)
        self._left.discard(future)

    def settle(self, seconds: float) -> bool:
        """Whether all of it, also what it has led to, was done within `seconds`."""
        end = time.monotonic() + seconds
        while (left := list(self._left)) and time.monotonic() < end:
            wait(left, max(0, end - time.monotonic()))
        return not left


@dataclass(frozen=True)
class Backend:
    """Built once per web process."""

    database: Database
    ruling: Callable[[], Policy]
    """The policy that rules now; its file may change at any time."""
    queues: Queues
    clock: Callable[[], datetime]
    client: WebClient
    team: str
    """The id of our workspace; nobody else's people may act."""
    app_id: str
    """Our app's id, or empty where Slack did not tell it."""
    workspace: str
    """Where links to cards begin."""
    response_hosts: frozenset[str]
    """Hosts a response_url may have: Slack's, or the one that stands in for it."""
    public_url: str
    """Where links to our own pages begin."""
    channel: str
    """Where a company's cards go for which nobody has chosen a channel; may be empty."""
    broker: Broker
    """For disconnecting a company."""
    pool: Executor
    """For private answers, filling modals and wake-ups: small, and nothing in it may raise."""
    drawing: dict[str, object] = field(default_factory=dict)
    """Person → the latest drawing of their Home tab: an earlier one gives way to it."""

    @property
    def policy(self) -> Policy:
        """By which this click is judged."""
        return self.ruling()

    def tell(self, response_url: str, text: str, *, instead: bool = False) -> None:
        """Answer in private, soon, without holding up the click; or `instead` of what was pressed.

        Only what is private itself is replaced so.
        """
        self.pool.submit(self._tell, response_url, text, instead)

    def _tell(self, response_url: str, text: str, instead: bool) -> None:
        if urlsplit(response_url).hostname not in self.response_hosts:
            slog.warning("answer.elsewhere")
            return
        try:
            WebhookClient(response_url, timeout=PRIVATE_SECONDS).send(
                text=text, response_type="ephemeral", replace_original=instead
            )
        except (SlackClientError, OSError) as error:
            # The decision stands whether or not its private answer arrives; the card shows it.
            slog.warning("answer.lost", error=type(error).__name__)

    def later(self, seconds: float, act: Callable[..., None], *given: Any) -> None:
        """Call `act` in so many seconds; until then it takes no place in the pool."""
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
