"""Whole stories through the real web, workers and clock, with nobody in front of a browser."""

import contextlib
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import redis
from sqlalchemy import update

from jobs.rules.states import State
from jobs.store.database.tables import cases
from tests.flows.conftest import ORDINARY
from tests.flows.firms import (
    INVOICE,
    SENT,
    WAITING,
    Firm,
    Owing,
    actions,
    case_number,
    go_live,
    one_mail_and_one_note,
    record,
    shadowed,
)
from tests.flows.frozen_sender import THREE, sleeps_through_its_lease
from tests.real_processes import end, forks, tell
from tests.sandbox.processes import Sandbox, World
from tests.sandbox.product import ROOT

pytestmark = pytest.mark.processes
on_sqlite = pytest.mark.parametrize("running", ["sqlite"], indirect=True)

NOT_DUE = Owing("Kestrel Coffee Roasters", days=-10)


@on_sqlite
@pytest.mark.parametrize("firm", [(NOT_DUE,)], indirect=True, ids=["not due"])
def test_a_notification_of_the_ledger_becomes_a_card(firm: Firm) -> None:
    """An invoice that turns out to be overdue is carded without anybody asking."""
    due = {"DueDate": "2026-01-15", "TxnDate": "2025-12-16"}
    firm.ledger("edit", entity="Invoice", id=INVOICE, fields=due)
    firm.card("Kestrel Coffee Roasters", "follow-up", WAITING)


@on_sqlite
def test_a_payment_closes_a_card_that_waits(firm: Firm) -> None:
    """The notification of the payment is enough; the button that somebody still sees is refused."""
    waiting = firm.card(WAITING)
    firm.ledger("pay", invoice=INVOICE, amount="480.00")
    closed = firm.card("nothing to do")
    assert closed["ts"] == waiting["ts"]
    assert "was paid" in closed["text"]
    assert actions(closed) == []
    firm.running.click("UCOLLECT", waiting["ts"], "approve")
    firm.told("Nothing was changed")
    assert firm.mails(firm.running.world()) == []


@on_sqlite
def test_the_command_line_tells_what_was_approved_and_sent(firm: Firm) -> None:
    """The story of the case, its lines of the log, and a chain that nobody has touched."""
    case = case_number(firm.card(WAITING))
    firm.click("approve")
    one_mail_and_one_note(firm)
    run = firm.running.product.run
    story = run("case", case)
    assert "approve by UCOLLECT" in story
    assert "sent to pay1@" in story
    assert "lines are as they were written" in run("log", "verify")
    exported = [json.loads(line) for line in run("log", "export", "--case", case).splitlines()]
    acts = [line["action"] for line in exported]
    assert acts.index("approval.given") < acts.index("send.begun") < acts.index("send.sent")


@on_sqlite
def test_an_emptied_queue_loses_nothing(firm: Firm) -> None:
    """Redis is emptied between the click and the mail; the clock finds what is due."""
    firm.card(WAITING)
    firm.click("approve")
    with contextlib.closing(redis.Redis.from_url(firm.running.product.settings["REDIS_URL"])) as r:
        r.flushall()
    one_mail_and_one_note(firm)


@on_sqlite
def test_two_clocks_do_no_harm(firm: Firm) -> None:
    """Both wake the same work; the mail and the note are still one each."""
    with second_clock(firm.running):
        firm.card(WAITING)
        firm.click("approve")
        one_mail_and_one_note(firm)
    told = "\n".join(m["text"] for m in firm.messages(firm.running.world()) if m["blocks"])
    shown = re.findall(r"^Case (\d+),", told, flags=re.MULTILINE)
    assert shown
    assert len(shown) == len(set(shown)), "a case has two cards"


@contextlib.contextmanager
def second_clock(running: Sandbox) -> Iterator[None]:
    """Another clock beside the first."""
    first = running.product.running.pop("clock")
    running.product.start("clock")
    second = running.product.running.pop("clock")
    running.product.running["clock"] = first
    try:
        yield
        assert second.poll() is None, running.product.said("clock")
    finally:
        end(second)


@on_sqlite
def test_a_worker_that_dies_in_the_middle_of_a_mail_asks_a_person(firm: Firm) -> None:
    """Nobody can tell whether it went: a person says that it did, and the note follows."""
    firm.card(WAITING)
    with stalling_mail(firm.running):
        firm.click("approve")
        firm.running.until(lambda world: _hangs(firm, world))
        kill(firm.running, "act")
    lease_ends(firm)
    asking = firm.card("was it sent?")
    assert actions(asking) == ["went", "did_not_go"]
    firm.click("went", on="was it sent?")
    firm.card(SENT)
    world = firm.running.world()
    assert len(firm.mails(world)) <= 1  # the server itself may have kept the first one
    assert len(firm.notes(world)) == 1


@contextlib.contextmanager
def stalling_mail(running: Sandbox) -> Iterator[None]:
    """The mail server takes the whole mail and then says nothing."""
    running.fault("mail", "SMTP END", "stall")
    try:
        yield
    finally:
        running.client.delete("/_/faults").raise_for_status()


def _hangs(firm: Firm, world: World) -> bool:
    """Whether the last thing the mail server heard is the end of a mail."""
    heard = [one["path"] for one in world["requests"] if one["service"] == "mail"]
    return bool(heard) and heard[-1] == "END" and "Sending" in firm.card("Case ")["text"]


def kill(running: Sandbox, name: str) -> None:
    """End a worker and what it has forked as a power cut would, and start it again."""
    left = forks(running.product.running[name].pid)
    running.product.kill(name)
    tell(left, signal.SIGKILL)
    running.product.start(name)


def lease_ends(firm: Firm) -> None:
    """Let the lease of the dead sender end now; really it takes half a minute."""
    sending = (cases.c.company == firm.realm) & (cases.c.state == State.SENDING)
    with record(firm.running) as database, database.writing() as conn:
        left = conn.execute(update(cases).where(sending).values(due_at=datetime.now(UTC)))
    assert left.rowcount == 1


@on_sqlite
@pytest.mark.parametrize("firm", [THREE], indirect=True, ids=["three"])
def test_a_sender_that_slept_through_its_lease_sends_nothing_more(firm: Firm) -> None:
    """Before SMTP and before DATA it finds out; what it had handed over is written and told."""
    sleeps_through_its_lease(firm)


@on_sqlite
def test_a_shadow_run_ends_before_the_mail(running: Sandbox) -> None:
    """Nothing is sent or written; once live, the same invoice is on a card again."""
    firm = shadowed(running, ORDINARY)
    assert "nothing will be sent" in firm.card(WAITING)["text"]
    firm.click("approve")
    firm.card("Shadow run finished")
    world = running.world()
    assert firm.mails(world) == []
    assert firm.notes(world) == []
    go_live(firm)
    assert "Shadow" not in firm.card(WAITING)["text"]
    firm.click("approve")
    one_mail_and_one_note(firm)


def test_a_first_run_stays_in_shadow_mode(tmp_path: Path) -> None:
    """`python -m tests.sandbox --first-run` shows cards and promises to send nothing."""
    books = tmp_path / "books.json"
    customer = {
        "Id": "1",
        "DisplayName": "Amber Lane",
        "PrimaryEmailAddr": {"Address": "a@b.example"},
    }
    invoice = {
        "Id": "11",
        "CustomerRef": {"value": "1"},
        "TotalAmt": "480.00",
        "DueDate": "today-5",
    }
    books.write_text(json.dumps({"customers": [customer], "invoices": [invoice]}))
    with launched("--first-run", "--company", str(books)) as url:
        assert "nothing will be sent" in first_card(url)


@contextlib.contextmanager
def launched(*options: str) -> Iterator[str]:
    """The launcher with these options; gives the page's address."""
    command = [sys.executable, "-m", "tests.sandbox", "--port", "0", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            end(process)


def first_card(url: str) -> str:
    """The text of the first card on a page, waiting for changes of its world."""
    version = 0
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
        for _ in range(60):
            world = client.get("/_/world").json()
            cards = [m["text"] for m in world["messages"] if "Amber Lane" in m["text"]]
            if cards:
                return str(cards[0])
            version = client.get("/_/changes", params={"after": version}).json()["version"]
    raise AssertionError("no card came")
