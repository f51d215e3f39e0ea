"""Mails, notifications and memory of the real processes on loopback, bounded in count and time."""

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

import httpx

from tests.bench import memory
from tests.bench.load import Answer, Post, steadily
from tests.flows.firms import COLLECTOR, INVOICE, Firm, Owing, domain, firms
from tests.sandbox.processes import Sandbox, sandbox
from tests.sandbox.product import ROOT
from tests.sandbox.quickbooks import webhooks
from tests.sandbox.quickbooks.books import Change

SECONDS = 15
WEBHOOKS_PER_SECOND = 200
FIRMS, CARDS = 4, 5
MAIL_SECONDS = 30.0


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    name: str
    measured: str
    target: str
    good: bool
    peer: str = ""
    """The same of what ours is measured against, in the same run; or empty."""
    ratio: float | None = None
    """Ours by theirs: below 1 where ours takes less."""


def say(what: str) -> None:
    """Tell whoever waits what is going on."""
    print(what, file=sys.stderr, flush=True)


@contextlib.contextmanager
def product() -> Iterator[list[Firm]]:
    """The real processes without an undo window or other sources, and companies with cards."""
    ordinary = [Owing(f"Ordinary {n}", number=f"10{n}") for n in range(CARDS)]
    with sandbox(company_file=None, undo_seconds=0, sources=False) as running:
        made = list(firms(running, {str(n): ordinary for n in range(FIRMS)}).values())
        for firm in made:
            for number in range(CARDS):
                firm.card(f" {number} · $")
        yield made


def webhook(made: Sequence[Firm]) -> list[Figure]:
    """Signed notifications of QuickBooks, each of a change of its own."""
    posts = [_notification(made[0]) for _ in range(WEBHOOKS_PER_SECOND * SECONDS)]
    answers = steadily(posts, WEBHOOKS_PER_SECOND)
    name = f"webhook, {WEBHOOKS_PER_SECOND}/s for {SECONDS} s"
    return [*answered(name, answers, 0.100), lost(name, answers)]


def _notification(firm: Firm) -> Post:
    running = firm.running
    stand_in = running.outside.quickbooks.webhooks
    change = Change("Invoice", INVOICE, "updated")
    body = json.dumps(webhooks.cloud_events(firm.realm, [change], stand_in.clock())).encode()
    signed = {"intuit-signature": webhooks.signature(body, stand_in.verifier_token)}
    return Post(f"{running.public_url}/quickbooks/webhook", body, signed)


def mail(made: Sequence[Firm]) -> list[Figure]:
    """From the click on Approve to the mail server's 250, one card after the other."""
    took = [_sent(firm, number) for firm in made for number in range(CARDS)]
    return [
        in_time(f"approve to mail, median of {len(took)}", median(took), 1.0),
        in_time(f"approve to mail, worst of {len(took)}", max(took), 1.0),
    ]


def _sent(firm: Firm, number: int) -> float:
    running, card = firm.running, firm.card(f"Ordinary {number} ")
    begin = time.perf_counter()
    assert running.click(COLLECTOR, card["ts"], "approve") == 200
    _wait_for_mail(running, f"pay{number + 1}{domain(firm.channel)}")
    return time.perf_counter() - begin


def _wait_for_mail(running: Sandbox, to: str) -> None:
    """Ask the mailbox itself: the whole world takes too long to draw to be asked often."""
    changed, deadline = running.outside.world.changed, time.monotonic() + MAIL_SECONDS
    while not any(mail.recipient == to for mail in running.outside.mailbox.mails):
        if time.monotonic() > deadline:
            raise AssertionError(f"no mail to {to} in {MAIL_SECONDS:.0f} s\n{running.report()}")
        changed.wait(changed.version, 0.005)


def demo() -> list[Figure]:
    """The memory of `python -m tests.sandbox` with its lifelike company, while cards are made."""
    with _demo() as (url, pid):
        peak, quiet = _while_cards_come(url, pid), memory.pss(pid)
    return [_held("demo, PSS at its highest", peak), _held("demo, PSS once it is quiet", quiet)]


def _held(name: str, held: Mapping[str, float]) -> Figure:
    for process, megabytes in sorted(held.items(), key=lambda one: -one[1]):
        say(f"    {megabytes:6.1f} MB  {process}")
    total = sum(held.values())
    return Figure(f"{name}, {len(held)} processes", f"{total:.0f} MB", "600 MB", total < 600)


@contextlib.contextmanager
def _demo() -> Iterator[tuple[str, int]]:
    command = [sys.executable, "-m", "tests.sandbox", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), process.pid
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def _while_cards_come(url: str, pid: int, more: int = 20) -> dict[str, float]:
    """The highest of many looks until so many messages more stand there."""
    peak: dict[str, float] = {}
    version, deadline = 0, time.monotonic() + 90
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
        wanted = len(client.get("/_/world").json()["messages"]) + more
        while len(client.get("/_/world").json()["messages"]) < wanted:
            if time.monotonic() > deadline:
                raise AssertionError(f"there were no {more} new messages in 90 s")
            peak = max(peak, memory.pss(pid), key=lambda held: sum(held.values()))
            version = client.get("/_/changes", params={"after": version}).json()["version"]
    return peak


def answered(name: str, answers: Sequence[Answer], target: float) -> list[Figure]:
    """Half and nearly all of the answers came within so many seconds."""
    took = quantiles([answer.seconds for answer in answers], n=100)
    return [in_time(f"{name}, p50", took[49], target), in_time(f"{name}, p99", took[98], target)]


def lost(name: str, answers: Sequence[Answer]) -> Figure:
    """How many were not answered 200, by status; 0 is no answer at all."""
    bad = Counter(answer.status for answer in answers if answer.status != 200)
    told = ", ".join(f"{count} × {status}" for status, count in bad.items()) or "0"
    return Figure(f"{name}, not answered 200", told, "0", not bad)


def in_time(name: str, seconds: float, target: float) -> Figure:
    """A time beside the most that it may be."""
    return Figure(name, f"{seconds * 1000:.0f} ms", f"{target * 1000:.0f} ms", seconds < target)
