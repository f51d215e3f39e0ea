"""People's own decisions as cases for `make eval`, and the model that is at work."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import SystemRandom

import click

from bot.blockkit.escaping import clean
from bot.cli.entry import CommandParts, Group, entry
from bot.cli.record import DAY
from jobs.decide import access
from jobs.decide.access import VerbRefused
from jobs.reports.evaluation import export as evaluation
from jobs.reports.evaluation.export import Exported
from jobs.store import companies
from jobs.store.companies import ConnectedCompany
from jobs.store.services import model_versions

SINCE = timedelta(days=90)
"""Texts are kept for about so long."""


def register(main: click.Group) -> None:
    """Add them to `overdue`."""
    for command in (evaluate, model):
        main.add_command(command)


@click.group("eval", cls=Group)
def evaluate() -> None:
    """Measure how well texts are read and drafts are proposed."""


@evaluate.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--company", "realm", default="", metavar="REALM", help="Only this company.")
@click.option("--since", type=DAY, metavar="DAY", help="Decisions since this day (UTC); 90 days.")
@entry
def export(entry: CommandParts, folder: Path, realm: str, since: datetime | None) -> None:
    """Write people's decisions to FOLDER as cases for `make eval`, without personal data.

    Names, addresses, numbers and ids are made up, amounts scaled and days shifted; of the texts
    only ordinary words stay. A case whose texts cannot be cleaned is left out and counted.
    """
    process = entry.recorded()
    now, done = process.now(), Exported()
    begin = since.replace(tzinfo=UTC) if since else now - SINCE
    if any(folder.glob("*.json")):
        raise click.ClickException(
            f"{folder} has cases already. Name an empty folder: together, they would count twice."
        )
    with process.database.reading() as conn:
        theirs = [one for one in companies.all_of_them(conn) if realm in ("", one.realm)]
        if not theirs:
            raise click.ClickException(f"There is no company {realm}.".replace(" .", "."))
        folder.mkdir(parents=True, exist_ok=True)
        for company in theirs:
            click.echo(f"Reading {clean(company.name)} …", err=True)
            for one in evaluation.export(conn, company, begin, now, SystemRandom(), done):
                text = json.dumps(one.content, ensure_ascii=False, indent=1)
                (folder / f"{one.name}.json").write_text(f"{text}\n", encoding="utf-8")
    click.echo(f"{done.cases.total():,} cases written to {folder}:")
    _counted(done.cases)
    if done.left_out:
        click.echo(f"{done.left_out.total():,} left out:")
        _counted(done.left_out)


def _counted(some: Counter[str]) -> None:
    for name, count in some.most_common():
        click.echo(f"  {name:<60} {count:>6,}")


@click.group(cls=Group)
def model() -> None:
    """The model that each company has accepted, and one that waits for it."""


@model.command("list")
@entry
def listed(entry: CommandParts) -> None:
    """Say for each company which model it uses, and which the settings offer instead."""
    with entry.recorded().database.reading() as conn:
        for one in companies.all_of_them(conn):
            waits = f"; {one.model_offered} waits" if one.model_offered else ""
            used = one.model or "none noted yet"
            click.echo(f"{clean(one.name)} ({one.realm}): {clean(used + waits)}")


@model.command()
@click.option("--as", "person", required=True, metavar="U…", help="Slack id of a finance lead.")
@click.option("--company", "realm", default="", metavar="REALM", help="Only this company.")
@entry
def accept(entry: CommandParts, person: str, realm: str) -> None:
    """Use the model that waits, as a finance lead does with *Use it* in Slack."""
    process = entry.recorded()
    with process.database.writing() as conn:
        theirs = [o for o in companies.all_of_them(conn) if realm in ("", o.realm)]
        used: list[ConnectedCompany] = []
        for one in (one for one in theirs if one.model_offered):
            policy = process.policy.for_company(one.realm)
            try:
                access.lead(conn, policy, person, process.now())
            except VerbRefused as refused:
                raise click.ClickException(_not_a_lead(person, one)) from refused
            seen = model_versions.fingerprint(one.model_offered)
            if model_versions.accept(conn, one, seen, person, process.now()):
                used.append(one)
    for one in used:
        click.echo(f"{clean(one.name)} ({one.realm}) uses {clean(one.model_offered)} from now on.")
    if not used:
        click.echo("No model waits.")


def _not_a_lead(person: str, company: ConnectedCompany) -> str:
    return (
        f"{person} is not known as a finance lead of {clean(company.name)}, so nothing was "
        "changed. Name them under [people] in the policy file; the workers must have read their "
        "names from Slack."
    )
