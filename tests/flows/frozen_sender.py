"""A real sender that stands still for longer than its lease, at each moment of sending."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import select, update

from bot.cli.processes import by_command
from jobs.decide.sent import UNDER_WAY
from jobs.store.database.tables import cases, decisions, sends
from tests.flows.firms import SENT, WAITING, Firm, Owing, domain, record
from tests.real_processes import end, forks, state_of, tell
from tests.sandbox.processes import World

BEFORE_SMTP, BEFORE_DATA, AFTER_DATA = "Amber Lane Café", "Birchwood Sons", "Cobalt Cycles"
THREE = (
    Owing(BEFORE_SMTP),
    Owing(BEFORE_DATA, number="1021"),
    Owing(AFTER_DATA, number="1031"),
)
"""Customers, by the moment at which the mail to them is held up."""
ASKING = "was it sent?"


def sleeps_through_its_lease(firm: Firm) -> None:
    """Before SMTP and before DATA it finds out; what it had handed over is written and told."""
    with frozen(firm) as sleeper:
        for name in (BEFORE_SMTP, BEFORE_DATA, AFTER_DATA):
            asking = firm.card(name, ASKING, "The sender stopped while handing over")
            assert "connection" not in asking["text"]
        firm.running.client.delete("/_/faults").raise_for_status()  # the mail server goes on
        press(firm, "did_not_go", BEFORE_SMTP, ASKING)
        firm.told("may still be sent")
        half_an_hour_passes(firm)
        again(firm, BEFORE_SMTP)
        firm.card(BEFORE_SMTP, SENT)
        firm.order("pause")
        again(firm, AFTER_DATA)
        firm.card(AFTER_DATA, "Approved", "paused")
        os.kill(sleeper, signal.SIGCONT)
        firm.card(BEFORE_DATA, WAITING)
        firm.card(AFTER_DATA, SENT)
    assert outcomes(firm) == {
        BEFORE_SMTP: ["not_sent", "sent"],
        BEFORE_DATA: ["not_sent"],
        AFTER_DATA: ["accepted_late"],
    }
    world = firm.running.world()
    assert sorted(mail["to"] for mail in firm.mails(world)) == [address(firm, 1), address(firm, 3)]
    assert len(firm.notes(world)) == 2
    firm.card("<@UCOLLECT>: nothing was sent", "held up")
    firm.card("<@UCOLLECT>: the mail server did accept the earlier message")


@contextlib.contextmanager
def frozen(firm: Firm) -> Iterator[int]:
    """A sender that holds a mail at each moment and then stands still; another one works on.

    Gives the pid of the sleeper. At the end it has woken, and has written what it knows.
    """
    running, product = firm.running, firm.running.product
    end(product.running.pop("act"))
    stopping = (sys.executable, "-m", "tests.sandbox.stopping", address(firm, 1))
    product.begin = by_command(stopping)
    product.start("act")
    product.begin = product.forks.begin
    worker = product.running.pop("act")
    try:
        hold_at(firm, "RCPT", BEFORE_DATA)
        hold_at(firm, "END", AFTER_DATA)
        press(firm, "approve", BEFORE_SMTP)
        sleeper = running.until(lambda _: asleep(worker.pid))
        product.start("act")
        yield sleeper
    finally:
        firm.running.client.delete("/_/faults").raise_for_status()  # or it would never end
        tell(forks(worker.pid), signal.SIGCONT)
        end(worker)
        if "act" not in product.running:
            product.start("act")  # for the tests that follow


def hold_at(firm: Firm, command: str, name: str) -> None:
    """Approve the message to `name`, and wait until the mail server keeps it waiting there."""
    firm.running.fault("mail", f"SMTP {command}", "stall")
    press(firm, "approve", name)
    firm.running.until(lambda world: heard(world)[-1:] == [command])


def heard(world: World) -> list[str]:
    """What senders have said to the mail server."""
    return [one["path"] for one in world["requests"] if one["service"] == "mail"]


def press(firm: Firm, action: str, name: str, state: str = WAITING) -> None:
    """Press a button on the card of this customer."""
    status = firm.running.click("UCOLLECT", firm.card(name, state)["ts"], action)
    assert status == 200


def asleep(worker: int) -> int:
    """The fork of this worker that has stopped, or 0."""
    stopped = [pid for pid in forks(worker) if state_of(pid) == "T"]
    return stopped[0] if stopped else 0


def address(firm: Firm, number: int) -> str:
    """Where this customer of the firm has its mail."""
    return f"pay{number}{domain(firm.channel)}"


def half_an_hour_passes(firm: Firm) -> None:
    """By the record, for every attempt of this company and its approval."""
    ours = select(cases.c.id).where(cases.c.company == firm.realm)
    earlier = datetime.now(UTC) - UNDER_WAY
    approved = decisions.c.case_id.in_(ours) & (decisions.c.kind == "approve")
    with record(firm.running) as database, database.writing() as conn:
        conn.execute(update(sends).where(sends.c.case_id.in_(ours)).values(began_at=earlier))
        conn.execute(update(decisions).where(approved).values(at=earlier))


def again(firm: Firm, name: str) -> None:
    """Say that it did not go, and approve the message once more."""
    press(firm, "did_not_go", name, ASKING)
    press(firm, "approve", name)


def outcomes(firm: Firm) -> dict[str, list[str]]:
    """What the record says of each attempt, by customer."""
    attempts = (
        select(sends.c.recipient, sends.c.state)
        .join(cases, cases.c.id == sends.c.case_id)
        .where(cases.c.company == firm.realm)
        .order_by(sends.c.id)
    )
    names = {address(firm, number): one.name for number, one in enumerate(THREE, 1)}
    found: dict[str, list[str]] = {}
    with record(firm.running) as database, database.reading() as conn:
        for to, state in conn.execute(attempts):
            found.setdefault(names[to], []).append(state)
    return found
