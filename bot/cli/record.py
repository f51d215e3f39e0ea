"""Commands that look at the record: cases and the log."""

from __future__ import annotations

import json
import sys

import click

from bot.cli import story
from bot.cli.entry import CommandParts, Group, entry
from jobs.store import cases, log


def register(main: click.Group) -> None:
    """Add them to `overdue`."""
    for command in (case, record):
        main.add_command(command)


@click.command()
@click.argument("number")
@entry
def case(entry: CommandParts, number: str) -> None:
    """Tell the story of case NUMBER: where it stands, who decided what, what was sent."""
    try:
        with entry.recorded().database.reading() as conn:
            lines = list(story.of(conn, cases.get(conn, number)))
    except cases.Missing as missing:
        raise click.ClickException(f"{missing}.".capitalize()) from missing
    click.echo("\n".join(lines))


@click.group("log", cls=Group)
def record() -> None:
    """The decision log: who did what, chained so that every change to a line shows."""


@record.command()
@click.option("--head", default="", metavar="HASH", help="A fingerprint posted in a channel.")
@entry
def verify(entry: CommandParts, head: str) -> None:
    """Check every line of the log against its chain, and the chain against what was posted of it.

    Whoever can write to the database could also change our record of what was posted. So take a
    fingerprint from the channel itself, or from the process log, and give it as --head.
    """
    with entry.recorded().database.reading() as conn:
        good, broken = log.verify(conn)
        known = log.find(conn, head.strip("` ").lower()) if head else None
    click.echo(f"{good} lines are as they were written.")
    for bad in broken:
        click.echo(f"BROKEN at line {bad.seq} of {_whose(bad.company)}: {bad.reason}.", err=True)
    if known:
        click.echo(f"The fingerprint is that of line {known.seq} of {_whose(known.company)}.")
    elif head:
        click.echo(NOT_THERE, err=True)
    if broken or (head and not known):
        sys.exit(1)


NOT_THERE = (
    "BROKEN: no line has this fingerprint. If it was copied whole from a channel of this "
    f"installation, {log.CUT} since."
)


def _whose(company: str) -> str:
    return f"company {company}" if company else "no company"


@record.command()
@click.option("--case", "number", default=None, metavar="N", help="Only the lines of this case.")
@entry
def export(entry: CommandParts, number: str | None) -> None:
    """Print the log, one JSON object per line, in order.

    Words that somebody typed are not in the log: they stand beside it as "typed", or "pruned".
    """
    try:
        with entry.recorded().database.reading() as conn:
            only = cases.get(conn, number).id if number is not None else None
            for line in log.lines(conn, case=only):
                told = {**line.fields, "hash": line.hash, **story.typed(conn, line)}
                click.echo(json.dumps(told, ensure_ascii=False))
    except cases.Missing as missing:
        raise click.ClickException(f"{missing}.".capitalize()) from missing
