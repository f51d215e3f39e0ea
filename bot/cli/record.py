"""Commands that look at the record: cases and the log."""

from __future__ import annotations

import json
import sys
from typing import TextIO

import click
from sqlalchemy import Connection

from bot.blockkit.escaping import clean
from bot.cli import companies, story
from bot.cli.entry import CommandParts, Group, entry
from bot.surfaces.handover import page
from jobs.reports import handover
from jobs.store import cases, log
from jobs.store import companies as company_store
from jobs.store.companies import ConnectedCompany
from jobs.store.customers import families
from jobs.store.customers.record import customers_with_cases

PAGE = click.File("w", encoding="utf-8", lazy=True)
"""Opened once there is something to write, so that a mistyped number leaves the file alone."""


def register(main: click.Group) -> None:
    """Add them to `overdue`."""
    for command in (case, customer, record):
        main.add_command(command)


@click.command()
@click.argument("number")
@click.option("--html", "file", type=PAGE, help="Write it to this file as a page to hand over.")
@entry
def case(entry: CommandParts, number: str, file: TextIO | None) -> None:
    """Tell the story of case NUMBER: where it stands, who decided what, what was sent."""
    process = entry.recorded()
    try:
        with process.database.reading() as conn:
            if file:
                about = handover.of_case(conn, process.policy, number, process.now())
                file.writelines(page(f"Case {number}", about))
                return
            lines = list(story.of(conn, cases.get(conn, number)))
    except cases.Missing as missing:
        raise click.ClickException(f"{missing}.".capitalize()) from missing
    click.echo("\n".join(lines))


@click.command()
@click.argument("id")
@click.option("--company", "realm", default="", metavar="REALM", help="If there are several.")
@click.option("--html", "file", type=PAGE, required=True, help="The file to write.")
@entry
def customer(entry: CommandParts, id: str, realm: str, file: TextIO) -> None:
    """Write customer ID with all its cases as a page to hand over.

    `overdue customers WORDS` lists the ids.
    """
    process = entry.recorded()
    with process.database.reading() as conn:
        company = _company(conn, realm)
        name = families.names(conn, company.realm, [id]).get(id)
        if name is None:
            raise click.ClickException(
                f"{clean(company.name)} has no customer {clean(id)}. `overdue customers WORDS` "
                "lists the ids."
            )
        about = handover.of_customers(conn, process.policy, company.realm, [id], process.now())
        file.writelines(page(name, about))


@companies.company.command("page")
@click.argument("realm", default="")
@click.option("--html", "file", type=PAGE, required=True, help="The file to write.")
@entry
def company_page(entry: CommandParts, realm: str, file: TextIO) -> None:
    """Write every customer of company REALM who ever had a case as a page to hand over."""
    process = entry.recorded()
    with process.database.reading() as conn:
        company = _company(conn, realm)
        ids = customers_with_cases(conn, company.realm)
        about = handover.of_customers(conn, process.policy, company.realm, ids, process.now())
        file.writelines(page(company.name, about))


def _company(conn: Connection, realm: str) -> ConnectedCompany:
    """The company REALM, or the only one. Raises click.ClickException."""
    known = [one for one in company_store.all_of_them(conn) if realm in ("", one.realm)]
    if len(known) == 1:
        return known[0]
    which = "There are several companies: name one" if known else f"There is no company {realm}"
    raise click.ClickException(f"{which.strip()}. `overdue company list` shows them.")


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
