"""The evaluation set in a terminal: people's own decisions as cases for `make eval`."""

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
from jobs.reports.evaluation import export as evaluation
from jobs.reports.evaluation.export import Exported
from jobs.store import companies

SINCE = timedelta(days=90)
"""Texts are kept for about so long."""


def register(main: click.Group) -> None:
    """Add it to `overdue`."""
    main.add_command(evaluate)


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
    folder.mkdir(parents=True, exist_ok=True)
    with process.database.reading() as conn:
        theirs = [one for one in companies.all_of_them(conn) if realm in ("", one.realm)]
        if not theirs:
            raise click.ClickException(f"There is no company {realm}.".replace(" .", "."))
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
