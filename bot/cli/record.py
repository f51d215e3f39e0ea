"""Commands that look at the record: cases, pages to hand over, the log, and who may approve."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable
from datetime import datetime
from typing import Any, TextIO

import click
from sqlalchemy import Connection

from bot.blockkit.escaping import clean, csv_cell
from bot.cli import companies, story
from bot.cli.entry import CommandParts, Group, entry
from bot.surfaces.handover import page
from jobs.reports.audit import access, handover
from jobs.reports.audit.access import Right
from jobs.store import cases, log
from jobs.store import companies as company_store
from jobs.store.companies import ConnectedCompany
from jobs.store.customers import families
from jobs.store.customers.record import customers_with_cases

DAY = click.DateTime(["%Y-%m-%d"])
PAGE = click.File("w", encoding="utf-8", lazy=True)
"""Opened once there is something to write, so that a mistyped number leaves the file alone."""


def register(main: click.Group) -> None:
    """Add them to `overdue`."""
    for command in (case, customer, record, access_review):
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
@click.option("--company", "realm", default=None, metavar="REALM", help="Only this company's.")
@click.option("--since", type=DAY, metavar="DAY", help="Only from this day (UTC) on.")
@click.option("--until", type=DAY, metavar="DAY", help="Only up to the end of this day (UTC).")
@click.option("--csv", "sheet", type=PAGE, help="Write it to this file as a table instead.")
@entry
def export(
    entry: CommandParts,
    number: str | None,
    realm: str | None,
    since: datetime | None,
    until: datetime | None,
    sheet: TextIO | None,
) -> None:
    """Print the log, one JSON object per line, in order.

    Words that somebody typed are not in the log: they stand beside it as "typed", or "pruned".
    """
    first = f"{since:%Y-%m-%d}" if since else ""
    last = f"{until:%Y-%m-%d}" if until else "9999"
    try:
        with entry.recorded().database.reading() as conn:
            only = cases.get(conn, number).id if number is not None else None
            of = _company(conn, realm).realm if realm is not None else None
            found = (
                {**line.fields, "hash": line.hash, **story.typed(conn, line)}
                for line in log.lines(conn, of, only)
                if first <= line.fields["at"][:10] <= last
            )
            _write_log(found, sheet)
    except cases.Missing as missing:
        raise click.ClickException(f"{missing}.".capitalize()) from missing


def _write_log(found: Iterable[dict[str, Any]], sheet: TextIO | None) -> None:
    if sheet is None:
        for line in found:
            click.echo(json.dumps(line, ensure_ascii=False))
        return
    table = csv.DictWriter(sheet, LOG_COLUMNS)
    table.writeheader()
    for line in found:
        data = json.dumps(line["data"], ensure_ascii=False) if line["data"] else ""
        row = {**line, "data": data, "typed": line.get("typed", "")}
        table.writerow({name: csv_cell(clean(str(row[name] or ""))) for name in LOG_COLUMNS})


LOG_COLUMNS = ("company", "seq", "at", "actor", "action", "case", "data", "typed", "hash")


@click.command("access")
@click.option("--company", "realm", default="", metavar="REALM", help="If there are several.")
@click.option("--csv", "sheet", type=PAGE, help="Write it to this file as a table, too.")
@entry
def access_review(entry: CommandParts, realm: str, sheet: TextIO | None) -> None:
    """Print who may approve what, since when, and what each of them decided last.

    Members of user groups are those that Slack named when it was last asked.
    """
    process = entry.recorded()
    with process.database.reading() as conn:
        company = _company(conn, realm)
        policy = process.policy.for_company(company.realm)
        found = access.of_company(conn, policy, company, process.now())
    rows = [_right(one) for one in found]
    click.echo(f"{clean(company.name)} ({company.realm}), policy {policy.sha256[:12]}")
    for currency, limits in sorted(policy.limits_by_currency.items()):
        name = company.home_currency if currency == "home" else currency
        click.echo(
            f"  {name}: two people from {limits.second_approver:,} for a customer; nothing from "
            f"{limits.stop_invoice:,} for an invoice or {limits.stop_total:,} in all"
        )
    for row in rows:
        click.echo("  ".join([f"  {row['person']:<24}", *filter(None, [*row.values()][1:])]))
    if not rows:
        click.echo("  Nobody may act: the policy names nobody.")
    if sheet:
        table = csv.DictWriter(sheet, ["person", "role", "may", "through", "since", "last"])
        table.writeheader()
        table.writerows({k: csv_cell(v) for k, v in row.items()} for row in rows)


def _right(one: Right) -> dict[str, str]:
    name = f"{clean(one.name)} ({one.person})" if one.name else one.person
    since = f"{one.since:%Y-%m-%d}" if one.since else ""
    last = f"{one.last.kind} on {one.last.at:%Y-%m-%d}" if one.last else "nothing decided yet"
    return {
        "person": name,
        "role": one.role.replace("_", " ") + (" (deputy)" if one.deputy else ""),
        "may": one.may,
        "through": one.through,
        "since": f"since {since} (policy {one.policy[:12]})" if since else "",
        "last": last,
    }
