"""`overdue replay`: past judgements made again, to change a rule or a model without fear."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TextIO

import click

from bot.blockkit.escaping import clean, csv_cell
from bot.cli.entry import CommandParts, entry, policy_in
from bot.process import Process
from bot.surfaces import replay as words
from jobs.reports import replay as replays
from jobs.reports.replay import JudgedAgain, ModelOf, NotOnRecord, PastPolicies, Replay
from jobs.rules.policy.policy import Policy
from jobs.store import cases, companies
from jobs.store.reports import replaying
from jobs.store.reports.replaying import AlteredRow, PastAssessment

DAY = click.DateTime(["%Y-%m-%d"])
THEN, NOW = "then", "now"
LATEST = datetime(9999, 1, 1, tzinfo=UTC)


def register(main: click.Group) -> None:
    """Add it to `overdue`."""
    main.add_command(replay)


@dataclass(frozen=True)
class ReplayOptions:
    """With what a judgement is made again."""

    policy: str
    model: ModelOf
    sure: bool

    @property
    def as_then(self) -> bool:
        """Whether the result has to equal what is on record."""
        return self.policy == THEN and self.model is ModelOf.THEN

    def replay(self, process: Process, ids: list[str]) -> Replay:
        """Raises click.ClickException; click.Abort if somebody does not want the model asked."""
        model = process.model if self.model is ModelOf.NOW else None
        if self.model is ModelOf.NOW and model is None:
            raise click.ClickException("No model is configured: set OPENAI_API_KEY.")
        policy = self._policy(process)
        if model:
            most = replays.most_questions(process.database, ids)
            about = f"{model.name} is asked up to {most:,} times, outside the month's budget."
            click.echo(about, err=True)
            if not self.sure:
                click.confirm("Go on?", abort=True, err=True)
        return Replay(policy, self.model, model)

    def _policy(self, process: Process) -> Callable[[PastAssessment], Policy]:
        if self.policy == THEN:
            return PastPolicies(process.database)
        chosen = process.policy if self.policy == NOW else policy_in(Path(self.policy))
        return lambda _: chosen


@click.command()
@click.argument("number", required=False, metavar="[CASE]")
@click.option("--assessment", "nth", type=click.IntRange(1), help="Which of the case's; the last.")
@click.option("--since", type=DAY, metavar="DAY", help="Every case judged from this day (UTC) on.")
@click.option("--until", type=DAY, metavar="DAY", help="Up to the end of this day (UTC).")
@click.option("--company", "realm", default="", metavar="REALM", help="Only this company.")
@click.option(
    "--policy", default=THEN, show_default=True, metavar="then|now|FILE", help="Whose rules decide."
)
@click.option(
    "--model",
    type=click.Choice([*map(str, ModelOf)]),
    default=str(ModelOf.THEN),
    show_default=True,
    help="The answers on record, the configured model asked again, or phrases and rules alone.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one case as JSON.")
@click.option("--csv", "sheet", type=click.File("w", encoding="utf-8", lazy=True), help="A table.")
@click.option("--yes", "sure", is_flag=True, help="Ask the model without confirming.")
@entry
def replay(
    entry: CommandParts,
    number: str | None,
    nth: int | None,
    since: datetime | None,
    until: datetime | None,
    realm: str,
    policy: str,
    model: str,
    as_json: bool,
    sheet: TextIO | None,
    sure: bool,
) -> None:
    """Judge CASE again from what was known then, and show both judgements side by side.

    With --since, judge the last assessment of every case again, and list those that would end
    otherwise. Nothing is written or sent. With the policy and the answers of then, the default,
    everything has to come out equal to the byte; if it does not, the exit code is 1.
    """
    if (number is None) == (since is None):
        raise click.UsageError("Name a case, or give --since DAY for all of them.")
    _check_unused(number, {"--json": as_json, "--assessment": nth}, "with one CASE")
    _check_unused(since, {"--until": until, "--company": realm, "--csv": sheet}, "with --since")
    process, options = entry.recorded(), ReplayOptions(policy, ModelOf(model), sure)
    try:
        if number is not None:
            good = _one(process, options, number, nth, as_json)
        else:
            assert since is not None
            end = until.replace(tzinfo=UTC) + timedelta(days=1) if until else LATEST
            good = _many(process, options, since.replace(tzinfo=UTC), end, realm, sheet)
    except AlteredRow as altered:
        raise click.ClickException(words.unreadable(altered.case)) from altered
    if not good:
        sys.exit(1)


def _check_unused(wanted: object, given: dict[str, object], where: str) -> None:
    """Raises click.UsageError for options that would be passed over in silence."""
    unused = [name for name, value in given.items() if value]
    if wanted is None and unused:
        raise click.UsageError(f"{', '.join(unused)}: only {where}.")


def _one(
    process: Process, options: ReplayOptions, number: str, nth: int | None, as_json: bool
) -> bool:
    """Whether nothing is wrong. Raises click.ClickException."""
    with process.database.reading() as conn:
        try:
            ids = replaying.of_case(conn, cases.get(conn, number).id)
        except cases.Missing as missing:
            raise click.ClickException(f"{missing}.".capitalize()) from missing
        if not ids or (nth or 1) > len(ids):
            raise click.ClickException(f"Case {number} has {len(ids)} judgements to make again.")
        nth = nth or len(ids)
        (past,) = replaying.load(conn, [ids[nth - 1]])
    try:
        found = options.replay(process, [ids[nth - 1]])(past)
    except NotOnRecord as missing:
        raise click.ClickException(words.lost(past, missing)) from missing
    if as_json:
        click.echo(json.dumps(words.as_json(found), indent=2, ensure_ascii=False))
    else:
        click.echo(words.heading(found, nth, len(ids)))
        click.echo("\n".join(words.of_case(found)))
    troubles = list(words.troubles(found, as_then=options.as_then))
    for trouble in troubles:
        click.echo(trouble, err=True)
    return not troubles


def _many(
    process: Process,
    options: ReplayOptions,
    since: datetime,
    until: datetime,
    realm: str,
    sheet: TextIO | None,
) -> bool:
    """Whether nothing is wrong. Raises click.ClickException."""
    with process.database.reading() as conn:
        if realm and companies.get(conn, realm) is None:
            raise click.ClickException(
                f"There is no company {clean(realm)}. `overdue company list` shows them."
            )
        ids, pruned = replaying.last_of_each(conn, since, until, realm)
    made = options.replay(process, ids)
    troubles: list[str] = []
    wanted = (one for one in _played(process, ids, made, options, troubles))
    kept = _written(wanted, sheet) if sheet else wanted
    click.echo("\n".join(words.of_many(kept, len(ids))))
    if pruned:
        click.echo(f"{pruned:,} more are left out: their words have been deleted.", err=True)
    for trouble in troubles:
        click.echo(trouble, err=True)
    return not troubles


def _played(
    process: Process, ids: list[str], made: Replay, options: ReplayOptions, troubles: list[str]
) -> Iterator[JudgedAgain]:
    """Each one judged again; what is wrong with one is added to `troubles`."""

    def say(done: int) -> None:
        click.echo(f"{done:,} of {len(ids):,}", err=True)

    for past, found in replays.each(process.database, ids, made, say):
        if isinstance(found, NotOnRecord):
            troubles.append(words.lost(past, found))
            continue
        said = words.troubles(found, as_then=options.as_then)
        troubles += [f"Case {past.case.id}: {trouble}" for trouble in said]
        yield found


def _written(found: Iterator[JudgedAgain], sheet: TextIO) -> Iterator[JudgedAgain]:
    """The same, each case that would end otherwise written to the sheet as it passes."""
    table = csv.DictWriter(sheet, words.COLUMNS)
    table.writeheader()
    for one in found:
        if one.effects:
            row = words.as_row(one)
            table.writerow({name: csv_cell(clean(value)) for name, value in row.items()})
        yield one
