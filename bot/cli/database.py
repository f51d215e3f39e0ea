"""Commands about the database and what is sealed in it."""

from __future__ import annotations

import sys
from contextlib import closing

import click
from sqlalchemy.exc import SQLAlchemyError

from bot.cli.entry import CommandParts, Group, entry


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
