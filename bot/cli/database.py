"""Commands about the database and what is sealed in it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import click
from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError

from bot.blockkit.blocks import utc
from bot.blockkit.escaping import one_line
from bot.cli.entry import CommandParts, Group, entry
from bot.process import Process
from jobs.rules.figures import listed
from jobs.store import companies

if TYPE_CHECKING:
    from jobs.restored import Restored


def register(main: click.Group) -> None:
    """Add them to `overdue`."""
    main.add_command(db)


@click.group(cls=Group)
def db() -> None:
    """The database: SQLite or PostgreSQL (DATABASE_URL)."""


@db.command()
@entry
def upgrade(entry: CommandParts) -> None:
    """Bring the tables to this version. Running it again does nothing."""
    from jobs.store.database import schema

    process = entry.process("db")
    try:
        schema.upgrade(process.database)
    except SQLAlchemyError as error:
        raise click.ClickException(
            f"The tables could not be created ({type(error).__name__}). Check that DATABASE_URL "
            "names a database that can be reached and written to."
        ) from error
    click.echo("The database is up to date.")


@db.command()
@click.option("--force", is_flag=True, help="Do it although processes may still be running.")
@entry
def restored(entry: CommandParts, force: bool) -> None:
    """Say that the database was brought back from a backup, before anything is started again.

    What was approved then may have been sent since. So sending pauses, a person is asked about
    each such message on its card, and notes and Slack messages that may exist already are looked
    for before they are made. Running it again does nothing.
    """
    from jobs.restored import restored as doubt

    process = entry.recorded()
    if not force and (why := _may_run(process)):
        raise click.ClickException(
            f"{why} Stop web, workers and clock on every machine, then run this again; with "
            "--force it is done all the same."
        )
    with process.database.reading() as conn:
        known = companies.all_of_them(conn)
    for each in known:
        with process.database.writing() as conn:
            found = doubt(conn, each, process.now())
        click.echo("\n".join(_doubts(found)))
    click.echo(AFTERWARDS if known else "No company is on record, so there is nothing to do.")


AFTERWARDS = (
    "Now start the processes. Settle what the channel lists; then a finance lead resumes sending "
    "with /overdue resume. If QuickBooks refuses the tokens of the backup, connect again."
)


def _may_run(process: Process) -> str:
    """Why processes may be running, as a sentence; empty if no worker is registered."""
    from jobs.engine import worker  # loads RQ

    if not process.settings.redis_url.get_secret_value():
        return "REDIS_URL is empty, so it cannot be seen whether overdue start is still running."
    try:
        queues = worker.registered(process.redis)
    except RedisError as error:
        told = type(error).__name__
        return f"Redis cannot be reached ({told}), so it cannot be seen whether workers still run."
    if not queues:
        return ""
    return (
        f"Workers of {listed(queues)} are registered in Redis; after a kill that lasts up to ten "
        "minutes."
    )


def _doubts(found: Restored) -> Iterator[str]:
    """What a person has to look after in one company, line by line."""
    whose = f"{one_line(found.company.name)} ({found.company.realm})"
    if found.before:
        yield f"{whose}: this was done before, and nothing has happened since."
        return
    yield f"{whose}: sending is paused. The last entry on record is of {utc(found.last)}."
    for case, name in found.doubtful:
        yield f"  Perhaps sent: case {case}, {one_line(name)}"
    if found.waiting:
        yield f"  Waiting for approval, and perhaps approved and sent since: {found.waiting}"


@db.command("rotate-keys")
@entry
def rotate_keys(entry: CommandParts) -> None:
    """Seal all QuickBooks tokens with the newest of TOKEN_KEYS; safe while processes run.

    First put the new key before the old one and restart every process. Then run this. Then
    remove the old key.
    """
    from jobs.store.services import tokens

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
