"""Commands that look at the record: companies, customers, sweeps, cases, the log."""

from __future__ import annotations

import json
import sys

import click
from sqlalchemy import Connection

from bot.blockkit.escaping import one_line
from bot.cli import story
from bot.cli.entry import CommandParts, Group, entry
from jobs.store import agenda, cases, companies, ledger, log
from jobs.store.companies import ConnectedCompany


def register(main: click.Group) -> None:
    """Add them to `overdue`."""
    for command in (company, customers, sweep, case, record):
        main.add_command(command)


@click.group(cls=Group)
def company() -> None:
    """The connected QuickBooks companies."""


@company.command("list")
@entry
def listed(entry: CommandParts) -> None:
    """List every company: realm, name, mode, channel, and when it was last read in full."""
    with entry.recorded().database.reading() as conn:
        known = companies.all_of_them(conn)
    for each in known:
        click.echo(story.company(each))
    if not known:
        click.echo("No company is connected yet. `overdue connect` connects one.")


@click.command()
@click.argument("words", nargs=-1)
@entry
def customers(entry: CommandParts, words: tuple[str, ...]) -> None:
    """List customers whose name contains all WORDS, with the ids for the policy file.

    Only customers that owed something at the last sweep of a connected company are known.
    """
    wanted = [word.casefold() for word in words]
    with entry.recorded().database.reading() as conn:
        for each in companies.all_of_them(conn):
            known = ledger.customer_names(conn, each.realm)
            found = [(id, name) for id, name in known if all(w in name.casefold() for w in wanted)]
            click.echo(f"{each.name} ({each.realm}): {len(found)} of {len(known)} customers")
            for id, name in found:
                click.echo(f"{id:>10}  {one_line(name)}")


@click.command()
@click.argument("realm", default="")
@entry
def sweep(entry: CommandParts, realm: str) -> None:
    """Have the next free worker read the whole ledger of REALM, or of every company."""
    process = entry.recorded()
    with process.database.writing() as conn:
        wanted = _wanted(conn, realm)
        for each in wanted:
            agenda.hurry(conn, each.realm, "sweep", process.now())
    if process.settings.redis_url.get_secret_value():
        process.queues.wake("sweep")
    for each in wanted:
        click.echo(f"{each.name} ({each.realm}) will be read as soon as a worker is free.")


def _wanted(conn: Connection, realm: str) -> list[ConnectedCompany]:
    known = [each for each in companies.all_of_them(conn) if realm in ("", each.realm)]
    if not known:
        which = f"No company {realm} is connected" if realm else "No company is connected yet"
        raise click.ClickException(f"{which}. `overdue company list` shows those that are.")
    return known


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
