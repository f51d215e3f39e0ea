"""`overdue`: the processes, and what an administrator asks on the command line.

This is where a process begins: it holds the parent_pipe, reads its settings, and knows the time.
"""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import closing
from dataclasses import dataclass
from importlib import import_module

import click
from sqlalchemy.exc import SQLAlchemyError

from bot import logs
from bot.cli import record, start
from bot.cli.entry import CommandParts, Group, entry
from bot.cli.findings import LACKING
from bot.process import Process, redis
from jobs import pipeline, settings
from jobs.companies import connect as connecting
from jobs.companies import disconnect as disconnecting
from jobs.engine import loop, parent_pipe
from jobs.settings import Part
from jobs.store import companies
from jobs.store.engine import WEB_PATIENCE
from qbo.oauth import certificates

PRELOADED = {"triage": ("openai",), "act": ("slack_sdk",)}
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
    from bot.web import server as front

    front.run(entry.process("web", patience=WEB_PATIENCE))


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
    # fork: if only forks read it, a mistake in it would bring back the policy of the start.
    certificates()
    jobs = {step.name: Job(process, queue, step.name) for step in process.steps(queue)}
    worker.run(redis(process.settings), queue, jobs, before_job=process.policies)


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
    ticking = clocks.Clock(
        process.database, process.steps(), process.queues, process.now, process.policies
    )
    clocks.run(ticking, threading.Event().wait)


@main.command()
def doctor() -> None:
    """Check everything Overdue needs; say what is missing or wrong, and what to do about it.

    Each row is ok, warning, missing, wrong, or not tried because it waits for another row. Exits
    with 1 while something is missing or wrong.
    """
    from bot.cli import doctor as doctors

    found, wrong = settings.load_what_can_be()
    with closing(Process(found)) as process:
        findings = doctors.examine(process, wrong)
    click.echo(doctors.table(findings))
    if any(finding.state in LACKING for finding in findings):
        sys.exit(1)


@main.command()
@click.option(
    "--as", "person", default="", metavar="U…", help="Slack id of the person who opens it."
)
@click.option("--channel", default="", metavar="C…", help="Where the company's cards go.")
@entry
def connect(entry: CommandParts, person: str, channel: str) -> None:
    """Print a link that connects a QuickBooks company. It works once, within ten minutes."""
    from bot.slack.invited import unfit

    process = entry.recorded("connect")
    with process.database.reading() as conn:
        holder = companies.in_channel(conn, process.settings.slack_channel)
        if why := unfit(process, conn, person, channel):
            raise click.ClickException(why)
    with process.database.writing() as conn:
        state = connecting.open_link(conn, person, channel, process.now())
    click.echo("Open this link in a browser, as an administrator of the company in QuickBooks.")
    click.echo("It works once, within ten minutes:")
    click.echo(f"{process.settings.public_url}/quickbooks/connect?state={state}")
    if holder and not channel:
        click.echo(
            f"The channel {holder.channel} already has the cards of {holder.name}: for a new "
            "company name another one with --channel C…"
        )


@main.command()
@click.argument("realm")
@click.option(
    "--as", "person", default="", metavar="U…", help="Slack id of the person who wants it."
)
@entry
def disconnect(entry: CommandParts, realm: str, person: str) -> None:
    """End access to the company REALM. Cases stay on record; running it again does no harm."""
    from bot.surfaces.answers import ended

    process = entry.process("disconnect")
    broker = disconnecting.Broker(process.oauth, process.seal)
    how = disconnecting.disconnect(process.database, broker, realm, person, process.now())
    if how in (disconnecting.Ended.UNKNOWN_COMPANY, disconnecting.Ended.NOT_REVOKED):
        raise click.ClickException(ended(how))
    click.echo(ended(how))


@main.group(cls=Group)
def db() -> None:
    """The database: SQLite or PostgreSQL (DATABASE_URL)."""


@db.command()
@entry
def upgrade(entry: CommandParts) -> None:
    """Bring the tables to this version. Running it again does nothing."""
    from jobs.store import schema

    process = entry.process("db")
    try:
        schema.upgrade(process.database)
    except SQLAlchemyError as error:
        raise click.ClickException(
            f"The tables could not be created ({type(error).__name__}). Check that DATABASE_URL "
            "names a database that can be reached and written to."
        ) from error
    click.echo("The database is up to date.")


@db.command("rotate-keys")
@entry
def rotate_keys(entry: CommandParts) -> None:
    """Seal all QuickBooks tokens with the newest of TOKEN_KEYS; safe while processes run.

    First put the new key before the old one and restart every process. Then run this. Then
    remove the old key.
    """
    from jobs.store import tokens

    with closing(entry.process("connect")) as process:
        sealed, stuck = tokens.rotate(process.database, process.seal)
    what = "1 company's tokens are" if sealed == 1 else f"{sealed} companies' tokens are"
    click.echo(f"{what} sealed with the newest key.")
    for realm in stuck:
        click.echo(
            f"None of TOKEN_KEYS opens the tokens of {realm}, so they were left as they are: put "
            "back the key that sealed them, or connect the company again.",
            err=True,
        )
    if stuck:
        sys.exit(1)


record.register(main)
start.register(main)
