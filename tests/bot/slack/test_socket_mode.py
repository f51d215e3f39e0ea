"""Socket Mode: whatever ends a socket, another is opened, and no click is lost or done twice."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from slack_bolt import BoltResponse
from slack_bolt.request import BoltRequest
from structlog.testing import capture_logs

from bot.slack import api as slack
from bot.slack.socket_mode import Socket
from bot.surfaces import answers
from bot.web.slack import ANSWERERS
from jobs.store import log, people
from jobs.store.database import engine
from jobs.store.database.engine import Database
from qbo.pacing import utc_now
from tests.bot.harness import add_company
from tests.bot.web_process import Place, place
from tests.sandbox.faults import fault_from
from tests.sandbox.processes import free_port
from tests.sandbox.product import Product, running
from tests.sandbox.slack.stand_in import Slack
from tests.sandbox.world import World, serve

SECONDS = 60.0


@dataclass
class Bot:
    """One process's socket, what came over it, and how it waited."""

    taken: list[str] = field(default_factory=list)
    free: threading.Event = field(default_factory=threading.Event)
    """Until it is set, whatever is called "slow" is in flight."""
    pauses: list[tuple[float, str]] = field(default_factory=list)
    """How long it waited before it tried again, and what it said of itself meanwhile."""

    def connect(self, url: str, token: str) -> Socket:
        client = slack.client(token, f"{url}/slack/api")
        self.socket = Socket(client, self._answer, utc_now, self._wait)
        return self.socket

    def _answer(self, request: BoltRequest) -> BoltResponse:
        text = str(request.body.get("text"))
        self.taken.append(text)
        if text == "broken":
            raise RuntimeError(text)
        if text == "slow":
            self.free.wait(SECONDS)
        if text == "unknown":
            return BoltResponse(status=404, body={"error": "unhandled request"})
        said = f"heard {text}"
        return BoltResponse(status=200, body=said if text == "hello" else {"text": said})

    def _wait(self, seconds: float) -> None:
        self.pauses.append((seconds, self.socket.trouble()))


@dataclass
class Services:
    """Slack, and the bots that listen to it."""

    slack: Slack
    url: str
    client: httpx.Client
    pool: ThreadPoolExecutor
    bots: list[Bot] = field(default_factory=list)

    def listen(self, *, at_once: bool = True) -> Bot:
        """Start one more process's socket, and wait until it is open."""
        bot = Bot()
        socket = bot.connect(self.url, self.slack.keys.app_token)
        threading.Thread(target=socket.run, daemon=True).start()
        self.bots.append(bot)
        if at_once:
            self.until(lambda: not socket.trouble())
        return bot

    def say(self, text: str) -> dict[str, Any]:
        """Type `/overdue TEXT`; the answer's status and text, status 0 where none came."""
        body = {"user": "UCOLLECT", "text": text}
        return dict(self.client.post("/_/slack/command", json=body).json())

    def order(self, **what: Any) -> None:
        """Have Slack tell sockets to go, or end them."""
        self.client.post("/_/slack/sockets", json=what).raise_for_status()

    def until(self, condition: Callable[[], object]) -> None:
        """Wait for the world, or for the bot, to get there."""
        self.slack.world.changed.until(condition)

    def asked(self, method: str) -> int:
        """How often a method of the Web API was called."""
        return sum(seen.path.endswith(method) for seen in self.slack.world.requests)

    def numbers(self) -> list[int]:
        """The sockets that are open, by the order in which they were opened."""
        return [line.number for line in self.slack.sockets.lines]


@contextmanager
def services() -> Iterator[Services]:
    """A Slack whose app is in Socket Mode."""
    world = World()
    stand_in = Slack(world)
    stand_in.sockets.enabled = True
    stand_in.add_channel("CFINANCE", "finance")
    world.add(stand_in)
    with serve(world.app()) as url, around(stand_in, url) as found:
        try:
            yield found
        finally:
            for bot in found.bots:
                bot.free.set()
                bot.socket.close(SECONDS)


@contextmanager
def around(stand_in: Slack, url: str) -> Iterator[Services]:
    """The people of a Slack that is served at this address."""
    with (
        httpx.Client(base_url=url, trust_env=False, timeout=SECONDS) as client,
        ThreadPoolExecutor() as pool,
    ):
        yield Services(stand_in, url, client, pool)


@pytest.fixture
def slack_services() -> Iterator[Services]:
    with services() as found:
        yield found


def fault(there: Services, kind: str, **more: Any) -> None:
    """What the next apps.connections.open meets."""
    body = {"service": "slack", "match": "apps.connections.open", "kind": kind} | more
    there.slack.world.faults.add(fault_from(body))


def test_a_start_that_fails_is_tried_again(slack_services: Services) -> None:
    """As long as Slack asks, then longer each time; each failure is told, and it ends in order."""
    fault(slack_services, "status", status=429)
    fault(slack_services, "status", status=500)
    for kind in ("refuse", "garbage", "html"):
        fault(slack_services, kind)
    with capture_logs() as logs:
        bot = slack_services.listen()
        assert slack_services.say("hello") == {"status": 200, "text": "heard hello"}
    told = [line["why"] for line in logs if line["event"] == "socket.not_opened"]
    assert [why.removeprefix("apps.connections.open: ") for why in told][:2] == [
        "Slack asks to wait",
        "internal_error",
    ]
    assert len(told) == 5
    waits = [seconds for seconds, _ in bot.pauses]
    assert waits[0] == 1  # what the 429 said
    assert all(2**n / 2 <= wait <= 2**n for n, wait in enumerate(waits))
    assert all(said.startswith("closed since 20") for _, said in bot.pauses)
    assert told[1] in bot.pauses[1][1]
    assert bot.socket.trouble() == ""


@pytest.mark.parametrize("address", ["", "news:", "ws://127.0.0.1:1/", f"ws://{'a' * 64}.test/"])
def test_an_address_that_leads_nowhere_is_replaced(slack_services: Services, address: str) -> None:
    """Also one over which our own libraries stumble: the next attempt is another one."""
    slack_services.slack.sockets.next_address = address
    bot = slack_services.listen()
    assert slack_services.say("hello")["status"] == 200
    assert len(bot.pauses) == bool(address)
    assert not address or address not in bot.pauses[0][1]


@pytest.mark.parametrize("how", ["cut", "close"])
def test_a_socket_that_ends_is_replaced(slack_services: Services, how: str) -> None:
    """Whether Slack closes it or the line just ends; meanwhile it is not said to be open."""
    bot = slack_services.listen()
    slack_services.order(end=how)
    slack_services.until(lambda: slack_services.numbers() == [2])
    assert slack_services.say("again")["text"] == "heard again"
    (_, said) = bot.pauses[0]
    assert "the connection ended" in said


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
def test_a_socket_that_is_refreshed_loses_nothing(slack_services: Services, reason: str) -> None:
    """The next one is open before the old one ends, and what it brought is acked over it."""
    bot = slack_services.listen()
    slow = slack_services.pool.submit(slack_services.say, "slow")
    slack_services.until(lambda: bot.taken)
    slack_services.order(say=reason)
    slack_services.until(lambda: slack_services.numbers() == [1, 2])
    assert slack_services.say("over the next")["status"] == 200
    bot.free.set()
    assert slow.result()["text"] == "heard slow"
    slack_services.order(end="close", leaving=True)
    slack_services.until(lambda: slack_services.numbers() == [2])
    assert slack_services.slack.sockets.ended[0].unacked == 0
    assert [number for _, number in slack_services.slack.sockets.sent] == [1, 2]
    assert bot.socket.trouble() == ""


def test_a_click_is_done_though_its_line_is_cut(slack_services: Services) -> None:
    """What was taken is finished; only the ack has nowhere to go, and the next click is taken."""
    bot = slack_services.listen()
    slow = slack_services.pool.submit(slack_services.say, "slow")
    slack_services.until(lambda: bot.taken)
    slack_services.order(end="cut")
    slack_services.until(lambda: slack_services.numbers() == [2])
    assert slow.result()["status"] == 0
    with capture_logs() as logs:
        bot.free.set()
        slack_services.until(lambda: "socket.ack_lost" in [line["event"] for line in logs])
    assert slack_services.say("next")["text"] == "heard next"
    assert bot.taken == ["slow", "next"]


def test_a_switch_that_is_off_is_named_until_it_is_on(slack_services: Services) -> None:
    """Socket Mode may be switched off and on in the app's settings while we run."""
    bot = slack_services.listen()
    slack_services.slack.sockets.enabled = False
    slack_services.order(say="link_disabled")
    slack_services.until(lambda: len(bot.pauses) > 3)
    assert "switched off in the app's settings" in bot.socket.trouble()
    slack_services.slack.sockets.enabled = True
    slack_services.until(lambda: slack_services.numbers() and not bot.socket.trouble())
    assert slack_services.say("on")["text"] == "heard on"


def test_where_there_are_too_many_sockets_it_waits_for_its_turn(slack_services: Services) -> None:
    """It opens none on top of the one it was told to give up, and tries less and less often."""
    bots = [slack_services.listen() for _ in range(10)]
    late = slack_services.listen(at_once=False)
    slack_services.until(lambda: len(late.pauses) > 4)
    assert late.pauses[4][0] >= 8
    assert "more sockets open than Slack allows" in late.pauses[4][1]
    bots[0].socket.close(SECONDS)
    slack_services.until(lambda: not late.socket.trouble())
    assert len(slack_services.numbers()) == 10


def test_two_processes_share_the_clicks(slack_services: Services) -> None:
    """Each is dealt with once, by whoever gets it; one that goes leaves the rest to the other."""
    first, second = slack_services.listen(), slack_services.listen()
    wanted = [str(n) for n in range(20)]
    answers = list(slack_services.pool.map(slack_services.say, wanted))
    assert [answer["text"] for answer in answers] == [f"heard {n}" for n in wanted]
    assert Counter(first.taken + second.taken) == Counter(wanted)
    assert first.taken
    assert second.taken
    first.socket.close(SECONDS)
    slack_services.until(lambda: len(slack_services.numbers()) == 1)
    assert slack_services.say("last")["text"] == "heard last"
    assert second.taken[-1] == "last"


def test_what_is_in_flight_at_the_end_is_acked_and_nothing_more_is_taken(
    slack_services: Services,
) -> None:
    """It ends with a close of its own once the last ack is out; a late click was never begun."""
    bot = slack_services.listen()
    slow = slack_services.pool.submit(slack_services.say, "slow")
    slack_services.until(lambda: bot.taken)
    closing: Future[None] = slack_services.pool.submit(bot.socket.close, SECONDS)
    slack_services.until(lambda: bot.socket.trouble() == "closing")
    late = slack_services.pool.submit(slack_services.say, "late")
    slack_services.until(lambda: len(slack_services.slack.sockets.sent) == 2)
    bot.free.set()
    assert slow.result()["text"] == "heard slow"
    assert late.result()["status"] == 0
    closing.result()
    assert bot.taken == ["slow"]
    (ended,) = slack_services.slack.sockets.ended
    assert (ended.code, ended.unacked) == (1000, 1)


def test_what_nobody_foresaw_is_not_acked_and_stops_nothing(slack_services: Services) -> None:
    """Slack tells the person; a message that is no envelope is left alone."""
    bot = slack_services.listen()
    with capture_logs() as logs:
        for raw in ("{", "[]", '{"type": "news"}', '{"envelope_id": "1", "payload": 7}'):
            slack_services.order(raw=raw)
        answers = list(slack_services.pool.map(slack_services.say, ("broken", "unknown")))
    assert [answer["status"] for answer in answers] == [0, 0]
    told = Counter(line["event"] for line in logs)
    expected = {"socket.unreadable": 3, "socket.failed": 1, "socket.not_acked": 1}
    assert {event: told[event] for event in told if event.startswith("socket.")} == expected
    assert told["slack.odd_request"] == 1
    assert slack_services.say("fine")["status"] == 200
    assert sorted(bot.taken) == ["broken", "fine", "unknown"]


@pytest.fixture
def premises(tmp_path: Path, valkey_url: str) -> Iterator[Place]:
    """A connected company, a collector whom Slack was asked about already, and Socket Mode."""
    with place(tmp_path, valkey_url) as found:
        found.outside.slack.sockets.enabled = True
        with record(found) as database:
            add_company(database)
            with database.writing() as conn:
                people.put_user(conn, "UCOLLECT", "Cora", "", utc_now())
        yield found


@contextmanager
def record(found: Place) -> Iterator[Database]:
    """The record of these premises."""
    database = engine.connect(found.values["DATABASE_URL"])
    yield database
    database.close()


@contextmanager
def web(found: Place, name: str) -> Iterator[Product]:
    """A real web process that Slack cannot reach, started and ended by signals."""
    (folder := found.folder / name).mkdir()
    port, token = str(free_port()), found.outside.slack.keys.app_token
    own = {"PORT": port, "PUBLIC_URL": f"http://127.0.0.1:{port}"}
    own["METRICS_PORT"] = str(free_port())
    own |= {"SLACK_APP_TOKEN": token, "SLACK_SIGNING_SECRET": ""}
    with running(Product(found.values | own, folder)) as product:
        product.start("web")
        yield product


def ready(product: Product) -> tuple[int, str]:
    """What it answers to its operators' /readyz; status 0 where nobody listens yet."""
    url = f"http://127.0.0.1:{product.settings['METRICS_PORT']}/readyz"
    try:
        answer = httpx.get(url, trust_env=False, timeout=SECONDS)
    except httpx.TransportError:
        product.check()
        return 0, ""
    return answer.status_code, answer.text


@contextmanager
def commands(there: Services) -> Iterator[Counter[str]]:
    """Somebody asks for a look at the ledger, again and again; how often each answer came."""
    enough, answered = threading.Event(), Counter[str]()

    def ask() -> None:
        while not enough.is_set():
            said = there.say("run")
            answered[str(said["text"] if said["status"] else "")] += 1

    asking = [there.pool.submit(ask) for _ in range(3)]
    try:
        yield answered
    finally:
        enough.set()
        for each in asking:
            each.result()


@pytest.mark.processes
def test_real_processes_share_one_app_and_end_in_order(premises: Place) -> None:
    """They start while Slack is down, then both hear; what is on record as asked for is acked, and
    what an acked click has left to be done is done."""
    with ExitStack() as stack:
        there = stack.enter_context(around(premises.outside.slack, premises.outside.url))
        fault(there, "status", status=500, times=None)
        first, second = (stack.enter_context(web(premises, name)) for name in ("a", "b"))
        there.until(lambda: ready(first)[0] == ready(second)[0] == 503)
        there.until(lambda: "internal_error" in ready(first)[1])
        there.slack.world.faults.clear()
        there.until(lambda: len(there.numbers()) == 2)
        there.until(lambda: ready(first)[0] == ready(second)[0] == 200)
        with commands(there) as answered:
            there.until(lambda: len({number for _, number in there.slack.sockets.sent}) == 2)
            process = first.running["web"]
            process.terminate()
            process.wait(SECONDS)
            (ended,) = there.slack.sockets.ended
            assert ended.code == 1000
            sent = len(there.slack.sockets.sent)
            there.until(lambda: len(there.slack.sockets.sent) > sent + 5)
        fault(there, "stall", match="views.publish", times=ANSWERERS)
        people_at_home = ("UCOLLECT", "UMANAGER", "ULEAD1", "ULEAD2", "UGUEST")
        for user in people_at_home:  # one more than are drawn together
            assert there.client.post("/_/slack/home", json={"user": user}).json()["status"] == 200
        there.until(lambda: there.asked("views.publish") == ANSWERERS)
        process = second.running["web"]
        process.terminate()
        there.until(lambda: process.poll() is not None or "web.finishing" in second.said("web"))
        there.slack.world.faults.clear()
        process.wait(SECONDS)
        assert set(there.slack.snapshot()["homes"]) == set(people_at_home)
    with record(premises) as database, database.reading() as conn:
        recorded = sum(line.fields["action"] == "sweep.asked" for line in log.lines(conn))
    assert recorded == answered[answers.running(None)] > 0
