"""Companies for tests that share one set of processes: each with its own books and channel."""

import contextlib
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

import httpx
import pytest

from jobs.companies.connect import open_link
from jobs.store import companies
from jobs.store.database.engine import Database, connect
from tests.sandbox import company
from tests.sandbox.processes import ASK_AGAIN, LEAD, Sandbox, World

COLLECTOR, OTHER_LEAD = "UCOLLECT", "ULEAD2"
ZONES = ("America/Los_Angeles", "Europe/Berlin", "Asia/Tokyo")
WAITING = "Waiting for approval"
SENT = "QuickBooks note written"
INVOICE = "11"
"""The ledger's id of what the first customer owes."""
NUMBERS = itertools.count(1)

Message = dict[str, Any]


@dataclass(frozen=True)
class Owing:
    """A customer with one invoice, so many `days` overdue (negative: due in so many days).

    `more` are fields of the customer in the ledger.
    """

    name: str
    amount: str = "480.00"
    days: int = 5
    number: str = "1011"
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Firm:
    """One connected company of a running product, and what its people and customers do."""

    running: Sandbox
    realm: str
    channel: str

    def order(self, words: str, user: str = LEAD) -> str:
        """`/overdue words` in this company's channel; the answer."""
        return self.running.until(lambda _: self._answer(words, user))

    def _answer(self, words: str, user: str) -> str:
        """Empty while the bot still looks up who that is."""
        body = {"user": user, "text": words, "channel": self.channel}
        answer = self.running.client.post("/_/slack/command", json=body).json()
        text = str(answer["text"])
        return "" if ASK_AGAIN.search(text) else text

    def card(self, *words: str) -> Message:
        """The message of this channel that says all these words, once there is one."""
        return self.running.until(lambda world: self._saying(world, words))

    def _saying(self, world: World, words: Sequence[str]) -> Message:
        """The newest one, or an empty message."""
        newest_first = reversed(self.messages(world))
        return next((m for m in newest_first if all(w in m["text"] for w in words)), {})

    def messages(self, world: World) -> list[Message]:
        """What stands in this company's channel."""
        return [m for m in world["messages"] if m["channel"] == self.channel and not m["deleted"]]

    def mails(self, world: World) -> list[dict[str, Any]]:
        """What this company's customers have received."""
        return [mail for mail in world["mails"] if mail["to"].endswith(domain(self.channel))]

    def notes(self, world: World) -> list[dict[str, Any]]:
        """What stands in this company's QuickBooks."""
        return [note for note in world["notes"] if note["realm"] == self.realm]

    def click(self, action: str, user: str = COLLECTOR, on: str = WAITING) -> None:
        """Press a button of the card that says `on`."""
        status = self.running.click(user, self.card(on)["ts"], action)
        assert status == 200, f"{action} by {user} was answered {status}"

    def told(self, words: str, user: str = COLLECTOR) -> str:
        """The private answer in this channel that says `words`."""
        return self.running.until(
            lambda world: next(
                (
                    one["text"]
                    for one in world["ephemerals"]
                    if (one["user"], one["channel"]) == (user, self.channel)
                    and words in one["text"]
                ),
                "",
            )
        )

    def ledger(self, call: str, **body: Any) -> None:
        """A change in this company's QuickBooks; see the control calls."""
        self.running.quickbooks(call, realm=self.realm, **body)


def actions(message: Message) -> list[str]:
    """The buttons of a card."""
    rows = (block["elements"] for block in message["blocks"] if block["type"] == "actions")
    return [button["action_id"] for row in rows for button in row]


def case_number(card: dict[str, object]) -> str:
    """The case of a card."""
    found = re.search(r"Case (\d+)", str(card["text"]))
    assert found is not None
    return found[1]


def one_mail_and_one_note(firm: Firm) -> None:
    """What an approval leads to, and no more than that."""
    firm.card(SENT)
    world = firm.running.world()
    assert len(firm.mails(world)) == 1
    assert len(firm.notes(world)) == 1


def domain(channel: str) -> str:
    """Where the customers of a channel's company have their mail."""
    return f"@{channel.lower()}.example"


def firms(running: Sandbox, wanted: Mapping[str, Sequence[Owing]]) -> dict[str, Firm]:
    """A live company for each entry, by its name; they get ready side by side."""
    made = {name: shadowed(running, *customers) for name, customers in wanted.items()}
    for each in made.values():
        go_live(each)
    return made


def firm(running: Sandbox, *customers: Owing) -> Firm:
    """One live company with these customers."""
    return firms(running, {"": customers})[""]


def shadowed(running: Sandbox, *customers: Owing) -> Firm:
    """Connect a company with these customers; it stays in shadow mode."""
    channel = f"CFIRM{next(NUMBERS)}"
    data = {
        "company": {"CompanyName": "Brass Fern Supply", "DefaultTimeZone": by_day()},
        "customers": [_customer(n, one, channel) for n, one in enumerate(customers, 1)],
        "invoices": [_invoice(n, one) for n, one in enumerate(customers, 1)],
    }
    realm = running.outside.quickbooks.add_company(company.build(data))
    place = {"id": channel, "name": f"finance-{channel[5:]}"}
    running.client.post("/_/slack/channel", json=place).raise_for_status()
    found = Firm(running, realm, channel)
    connect_by_link(found)
    return found


def connect_by_link(found: Firm) -> None:
    """Connect the company as a person with a link from `overdue connect` would."""
    running = found.running
    running.quickbooks("choose", realm=found.realm)
    with record(running) as database, database.writing() as conn:
        state = open_link(conn, LEAD, found.channel, datetime.now(UTC))
    with httpx.Client(timeout=30, trust_env=False, follow_redirects=True) as browser:
        page = browser.get(f"{running.public_url}/quickbooks/connect", params={"state": state})
    assert page.status_code == 200, page.text


def go_live(found: Firm) -> None:
    """A finance lead takes the company live once its ledger has been read."""
    with record(found.running) as database:
        found.running.until(lambda _: _is_read(database, found.realm))
    found.running.confirm_reminders(channel=found.channel)
    assert "Live" in found.order("live confirm")


def _is_read(database: Database, realm: str) -> bool:
    with database.reading() as conn:
        return companies.need(conn, realm).swept_at is not None


@contextlib.contextmanager
def record(running: Sandbox) -> Iterator[Database]:
    """The product's own database."""
    with contextlib.closing(connect(running.product.settings["DATABASE_URL"])) as database:
        yield database


def by_day() -> str:
    """A time zone in which no midnight is near: dates must not move under a test."""
    now = datetime.now(UTC)
    return next(zone for zone in ZONES if 3 <= now.astimezone(ZoneInfo(zone)).hour < 22)


def _customer(number: int, one: Owing, channel: str) -> dict[str, Any]:
    address = {"Address": f"pay{number}{domain(channel)}"}
    known = {"Id": str(number), "DisplayName": one.name, "PrimaryEmailAddr": address}
    return known | one.more


def _invoice(number: int, one: Owing) -> dict[str, Any]:
    return {
        "Id": f"{number}1",
        "DocNumber": one.number,
        "CustomerRef": {"value": str(number)},
        "TotalAmt": one.amount,
        "TxnDate": f"today-{one.days + 30}",
        "DueDate": f"today{-one.days:+d}",
    }


def owing(
    tests: Sequence[pytest.Item], fixture: str, engine: str, usual: Sequence[Owing]
) -> dict[str, Sequence[Owing]]:
    """Who owes in each test that asks for `fixture` on this engine: its parameter, or the usual."""
    found = {}
    for test in tests:
        if isinstance(test, pytest.Function) and fixture in test.fixturenames:
            given = test.callspec.params if hasattr(test, "callspec") else {}
            if given.get("running") == engine:
                found[test.nodeid] = cast("Sequence[Owing]", given.get(fixture, usual))
    return found
