"""`overdue`: the processes, and what an administrator asks on the command line.

A process begins here: it watches the pipe of its parent, reads its settings, and knows the time.
"""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import closing
from dataclasses import dataclass
from importlib import import_module

import click

from bot import logs
from bot.cli import (
    backtest,
    companies,
    database,
    evaluation,
    record,
    replay,
    review,
    start,
    wording,
)
from bot.cli.entry import CommandParts, Group, entry
from bot.cli.findings import LACKING, table
from bot.process import Process, redis
from jobs import pipeline, settings
from jobs.engine import loop, parent_pipe
from jobs.needs import Part
from jobs.store.database.engine import WEB_PATIENCE
from qbo.oauth import certificates

PRELOADED = {"triage": ("openai", "httpcore2"), "act": ("slack_sdk",)}
"""Queue → large libraries that its worker loads once, before it forks for each job."""


@click.group(cls=Group)
@click.pass_context
def main(context: click.Context) -> None:
    """Overdue turns overdue QuickBooks invoices into follow-ups that a person has approved.

    Settings come from the environment or from .env in the current folder; .env.example explains
    each. `overdue doctor` says what is missing.
    """
    parent_pipe.hold()
    logs.configure()
    context.obj = CommandParts()


@main.command()
@entry
def web(entry: CommandParts) -> None:
    """Answer Slack and QuickBooks, and people who connect a company (HOST, PORT)."""
    from bot.web import server

    server.run(entry.process("web", patience=WEB_PATIENCE))


@main.command()
@click.argument("queue", type=click.Choice(sorted(set(pipeline.QUEUES.values()))))
@entry
def work(entry: CommandParts, queue: Part) -> None:
    """Do the work of one QUEUE: intake, triage or act. SIGTERM lets the current job finish."""
    from jobs.engine import worker

    process = entry.process(queue)
    for library in PRELOADED.get(queue, ()):
        import_module(library)
    # Settings, policy, certificates and steps are plain values, made before any fork; connections
    # are made by the fork that first uses them. A changed policy file is read before the next
    # fork: if only forks read it, a mistake in it would bring back the policy of the start. What
    # Slack takes is asked here too: a fork would forget it.
    certificates()
    jobs = {step.name: Job(process, queue, step.name) for step in process.steps(queue)}

    def before_job() -> None:
        process.policies()
        if "messages" in jobs:
            process.drawing.folds()

    worker.run(redis(process.settings), queue, jobs, before_job)


@dataclass(frozen=True)
class Job:
    """What runs, in a fork of its own, when a step is woken."""

    process: Process
    queue: str
    step: str

    def __call__(self, id: str = "") -> None:
        """Work on everything due in the queue, starting with this step and the row `id`."""
        process = self.process
        steps = sorted(process.steps(self.queue), key=lambda step: step.name != self.step)
        try:
            loop.run(process.database, steps, process.now, first=id or None)
        finally:
            process.close()


@main.command()
@entry
def clock(entry: CommandParts) -> None:
    """Look for due work once a second, and wake the workers. Running two does no harm."""
    from jobs.engine import clock as clocks

    process = entry.process("clock")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    model = process.model.label if process.model else ""
    ticking = clocks.Clock(
        process.database, process.steps(), process.queues, process.now, process.policies, model
    )
    clocks.run(ticking, threading.Event().wait)


@main.command()
def doctor() -> None:
    """Check everything Overdue needs; say what is missing or wrong, and what to do about it.

    Each row is ok, warning, missing, wrong, or not tried because it waits for another row. Exits
    with 1 while something is missing or wrong.
    """
    from bot.cli.doctor import examine

    found, wrong = settings.load_what_can_be()
    with closing(Process(found)) as process:
        findings = examine(process, wrong)
    click.echo(table(findings))
    if any(finding.state in LACKING for finding in findings):
        sys.exit(1)


backtest.register(main)
companies.register(main)
database.register(main)
evaluation.register(main)
record.register(main)
replay.register(main)
review.register(main)
start.register(main)
wording.register(main)
