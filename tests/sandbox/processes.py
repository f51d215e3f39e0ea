"""The whole sandbox: stand-ins, a queue, and the product's real processes between them."""

import contextlib
import json
import random
import re
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
from cryptography.fernet import Fernet
from sqlalchemy import inspect, text
from sqlalchemy.exc import OperationalError

from bot.cli.processes import PROCESSES, Begin, by_command
from jobs.rules.states import ConnectionStatus
from jobs.store import companies
from jobs.store.companies import ConnectedCompany
from jobs.store.database.engine import Database, connect
from tests.real_processes import PATIENCE, ready
from tests.sandbox import company
from tests.sandbox.policy_file import UNMARKED, Marks, policy_text
from tests.sandbox.product import ProcessFailed, Product, running
from tests.sandbox.stand_ins import CHANNEL, StandIns, stand_ins
from tests.sandbox.valkey import valkey
from tests.sandbox.world import TooLate

T = TypeVar("T")
World = dict[str, Any]

START_SECONDS = 120.0
WORK_TABLES = ("events", "cases", "messages", "schedule")
LEAD = "ULEAD1"
PAST = (sys.executable, "-m", "tests.sandbox.past")
REMINDERS_OFF = "reminders_off"
NOBODY = "nobody"
ASK_AGAIN = re.compile("looking you up|could not be recorded")


@dataclass(frozen=True)
class Sandbox:
    """A running product and its world. `client` speaks to the control calls."""

    outside: StandIns
    product: Product
    client: httpx.Client
    public_url: str

    @property
    def url(self) -> str:
        """The page, and the base of the control calls."""
        return self.outside.url

    def world(self) -> World:
        """The world as `GET /_/world` shows it."""
        return self.outside.world.snapshot()

    def until(self, condition: Callable[[World], T], seconds: float = PATIENCE) -> T:
        """The first truthy answer of `condition` to the world.

        Raises AssertionError after `seconds`, or when a process ends, with the world, the work
        rows and the logs.
        """

        def seen() -> T:
            if not (found := condition(self.world())):
                self._still_running()
            return found

        try:
            return self.outside.world.changed.until(seen, seconds)
        except TooLate as error:
            raise AssertionError(f"{error}\n{self.report()}") from None

    def click(self, user: str, ts: str, action_id: str) -> int:
        """Press a button of a message; the status the bot answered with."""
        body = {"user": user, "ts": ts, "action_id": action_id}
        return int(self._post("slack/click", body)["status"])

    def submit(self, user: str, values: Mapping[str, Any]) -> World:
        """Submit the modal that a person has open."""
        return self._post("slack/submit", {"user": user, "values": dict(values)})

    def command(self, user: str, words: str) -> World:
        """Type `/overdue words`; the answer's status and text."""
        return self._post("slack/command", {"user": user, "text": words})

    def quickbooks(self, call: str, **body: Any) -> World:
        """A control call of QuickBooks: pay, credit, void, edit."""
        return self._post(f"quickbooks/{call}", body)

    def fault(self, service: str, match: str, kind: str, **more: Any) -> None:
        """Order a fault of a stand-in."""
        self._post("faults", {"service": service, "match": match, "kind": kind} | more)

    def connect(self, *words: str, user: str = LEAD) -> None:
        """Connect the chosen company through OAuth, as `user`."""
        link = re.search(r"https?://\S+", self.product.run("connect", "--as", user, *words))
        if link is None:
            raise ProcessFailed("overdue connect printed no link")
        with httpx.Client(timeout=30, trust_env=False, follow_redirects=True) as browser:
            page = browser.get(link[0])
        if page.status_code != 200:
            raise ProcessFailed(f"{page.url} answered {page.status_code}: {page.text[:500]}")

    def order(self, words: str, user: str = LEAD) -> str:
        """`/overdue words`, again while the bot still looks up who that is; gives the answer."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            version = self.outside.world.changed.version
            answer = self.command(user, words)
            if answer["status"] != 200:
                raise ProcessFailed(f"/overdue {words} was answered {answer}\n{self.report()}")
            if not ASK_AGAIN.search(str(answer["text"])) or time.monotonic() > deadline:
                return str(answer["text"])
            self.outside.world.changed.wait(version, 0.5)

    def confirm_reminders(self, user: str = LEAD, channel: str = CHANNEL) -> None:
        """Press "QuickBooks' reminders are off", again while the bot still looks up who that is."""
        deadline = time.monotonic() + START_SECONDS
        while ts := self.until(lambda world: _asking(world, channel)):
            version = self.outside.world.changed.version
            if ts == NOBODY:
                return
            status = self.click(user, ts, REMINDERS_OFF)
            if status != 200 or time.monotonic() > deadline:
                raise ProcessFailed(f"the click was answered {status}\n{self.report()}")
            self.outside.world.changed.wait(version, 0.5)

    def report(self) -> str:
        """What one wants to see when something did not happen."""
        world = self.world()
        for message in world.get("messages", []):
            message.pop("blocks", None)
        world["requests"] = world["requests"][-40:]
        logs = [f"--- {name}\n{self.product.said(name)}" for name in PROCESSES]
        try:
            rows = [f"--- {table}\n{rows}" for table, rows in self._work_rows()]
        except OperationalError as error:
            rows = [f"--- the record cannot be read: {error.orig}"]
        return "\n".join([json.dumps(world, indent=1, default=str), *rows, *logs])

    def _work_rows(self) -> Iterator[tuple[str, str]]:
        database = connect(self.product.settings["DATABASE_URL"])
        with contextlib.closing(database), database.reading() as connection:
            for table in sorted({*WORK_TABLES} & {*inspect(connection).get_table_names()}):
                rows = connection.execute(text(f"SELECT * FROM {table}")).mappings()
                yield table, "\n".join(str(dict(row)) for row in rows)

    def _still_running(self) -> None:
        try:
            self.product.check()
        except ProcessFailed as error:
            raise AssertionError(f"{error}\n{self.report()}") from error

    def _post(self, call: str, body: Mapping[str, Any]) -> World:
        answer = self.client.post(f"/_/{call}", json=body)
        if answer.status_code != 200:
            raise AssertionError(f"/_/{call} was answered {answer.status_code}: {answer.text}")
        return dict(answer.json())


def _asking(world: World, channel: str) -> str:
    """The ts of the notice that asks about QuickBooks' reminders; NOBODY once it asks no more."""
    here = [m for m in world["messages"] if m["channel"] == channel and not m["deleted"]]
    asking = [m["ts"] for m in here if f'"{REMINDERS_OFF}"' in json.dumps(m["blocks"])]
    settled = [m for m in here if "Confirmed as off by" in m["text"]]
    return asking[-1] if asking else NOBODY if settled else ""


def nothing(_: str) -> None:
    """Say nothing."""


@contextlib.contextmanager
def sandbox(
    database_url: str = "",
    *,
    company_file: Path | None = company.LIFELIKE,
    marks: Marks = UNMARKED,
    undo_seconds: int = 0,
    port: int = 0,
    begin: Begin | None = None,
    past: bool = False,
    socket_mode: bool = False,
    sources: bool = True,
    say: Callable[[str], None] = nothing,
) -> Iterator[Sandbox]:
    """Start everything and wait until it answers; no company is connected yet.

    With `past` the company is, and has some weeks behind it. With `socket_mode` Slack's side comes
    over a socket, as without a public address. Without `sources` no CRM, help desk or mailbox is
    configured. Without `database_url` it is a SQLite file. `say` hears in plain words what goes on.
    Raises OSError for a port that is taken, ProcessFailed, NoQueue.
    """
    with contextlib.ExitStack() as stack:
        outside = stack.enter_context(stand_ins(company_file, port))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="overdue-")))
        say("Starting the queue …")
        redis_url = stack.enter_context(valkey())
        public_url = f"http://127.0.0.1:{free_port()}"
        outside.reach(public_url)
        outside.slack.sockets.enabled = socket_mode
        (folder / "policy.toml").write_text(policy_text(undo_seconds, marks), encoding="utf-8")
        settings = outside.settings(sources=sources) | {
            "DATABASE_URL": database_url or f"sqlite:///{folder}/overdue.sqlite3",
            "REDIS_URL": redis_url,
            **own_settings(folder, public_url),
        }
        product = stack.enter_context(running(Product(settings, folder, begin)))
        client = stack.enter_context(
            httpx.Client(base_url=outside.url, timeout=30, trust_env=False)
        )
        found = Sandbox(outside, product, client, public_url)
        say("Making the tables …")
        product.run("db", "upgrade")
        if past:
            say("Living through some mornings of the last weeks …")
            with running(Product(settings, folder, by_command(PAST))) as child:
                child.run(outside.url)
        database = stack.enter_context(contextlib.closing(connect(settings["DATABASE_URL"])))
        outside.page.product = lambda: _modes(database)
        start(found, say)
        yield found


def _modes(database: Database) -> list[dict[str, str]]:
    """How each company is run, for the head of the page."""
    with database.reading() as conn:
        return [{"name": one.name, **_mode(one)} for one in companies.all_of_them(conn)]


def _mode(one: ConnectedCompany) -> dict[str, str]:
    if one.status is not ConnectionStatus.CONNECTED:
        return {"mode": "off", "words": "Not connected to QuickBooks"}
    if one.paused_at:
        return {"mode": "paused", "words": "Paused"}
    if one.live:
        return {"mode": "live", "words": "Live"}
    return {"mode": "shadow", "words": "Shadow mode: nothing is sent"}


def own_settings(folder: Path, public_url: str) -> dict[str, str]:
    """The settings that no stand-in decides."""
    return {
        "TOKEN_KEYS": Fernet.generate_key().decode(),
        "POLICY_FILE": str(folder / "policy.toml"),
        "PUBLIC_URL": public_url,
        "HOST": "127.0.0.1",
        "PORT": public_url.rpartition(":")[2],
    }


def start(found: Sandbox, say: Callable[[str], None]) -> None:
    """Start the processes, wait until the web process answers."""
    say(f"Starting {', '.join(PROCESSES)} …")
    for name in PROCESSES:
        found.product.start(name)
    deadline = time.monotonic() + START_SECONDS
    while not ready(found.public_url):
        found.product.check()
        if time.monotonic() > deadline:
            raise ProcessFailed(f"web does not answer:\n{found.product.said('web')}")
        time.sleep(0.05)


def free_port() -> int:
    """A port nobody listens on, below those that outgoing connections take."""
    for port in random.sample(range(20_000, 32_000), 50):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise OSError("no free port was found")
