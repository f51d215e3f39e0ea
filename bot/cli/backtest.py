"""`overdue backtest`: what the bot would have done with past invoices, by policy."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TextIO

import click

from bot.blockkit.escaping import clean
from bot.cli.entry import policy_in
from jobs.reports.backtest import plot, table
from jobs.reports.backtest.figures import HORIZONS, BacktestFigures, ByWay, figures
from jobs.reports.backtest.play import play
from jobs.reports.backtest.table import InvoiceTable
from jobs.rules.policy import policy as policies
from jobs.rules.states import STAGE_WORDS, Stage

NOTHING = "-"
MOST_NAMED = 100
"""Mistakes that are named one by one."""
Row = tuple[str, Sequence[str]]
"""A label, and a cell for each policy."""


def register(main: click.Group) -> None:
    """Add it to `overdue`."""
    main.add_command(backtest)


@click.command()
@click.argument("file", type=click.File(encoding="utf-8-sig"))
@click.option(
    "--policy",
    "files",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="A policy file; several are compared. The defaults without one.",
)
@click.option(
    "--days-saved",
    type=click.IntRange(0, 365),
    default=5,
    show_default=True,
    help="How many days sooner each message brings the money.",
)
@click.option(
    "--plot",
    "picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw messages by week, and what came beside the outlook, into this file (.svg).",
)
def backtest(file: TextIO, files: tuple[Path, ...], days_saved: int, picture: Path | None) -> None:
    """Play the past invoices of FILE day by day, and show what would have happened.

    FILE is a table (CSV) with the columns customer, number, issued, due, amount, currency, settled
    and disputed; dates as 2024-03-31, settled empty while open, disputed yes or no; cells parted by
    commas, semicolons or tabs. Everything runs
    in this process: no setting is read, nothing is sent, no model is asked. Exits with 1 if a line
    could not be read.
    """
    if picture and picture.suffix != ".svg":
        raise click.UsageError("--plot draws SVG: give it a name that ends in .svg.")
    chosen = {str(path): policy_in(path) for path in files} or {"defaults": policies.load("")}
    found = _read(file)
    if found.invoices:
        by_policy = {}
        for name, policy in chosen.items():
            click.echo(f"Playing {len(found.invoices):,} invoices with {clean(name)} …", err=True)
            by_policy[clean(name)] = figures(
                found.invoices, play(found.invoices, policy), days_saved
            )
        click.echo("\n".join(_table(by_policy, days_saved)))
        if picture:
            picture.write_text(plot.drawing(by_policy), encoding="utf-8")
    elif not found.wrong:
        raise click.ClickException(f"{file.name} has no invoices, only a header.")
    if found.wrong:
        _complain(found)
        sys.exit(1)


def _read(file: TextIO) -> InvoiceTable:
    try:
        return table.read(file)
    except UnicodeDecodeError as error:
        raise click.ClickException(
            f"{file.name} is not UTF-8 text. Save it as CSV in UTF-8 and try again."
        ) from error


def _complain(found: InvoiceTable) -> None:
    """Name the first mistakes with their line, count all by column, and say what was left out."""
    for wrong in found.wrong[:MOST_NAMED]:
        click.echo(f"line {wrong.line}, column {wrong.column}: {clean(wrong.what)}", err=True)
    if len(found.wrong) > MOST_NAMED:
        click.echo(f"… and {len(found.wrong) - MOST_NAMED:,} more.", err=True)
    columns = Counter(wrong.column for wrong in found.wrong).most_common()
    counts = ", ".join(f"{column} {count:,}" for column, count in columns)
    click.echo(
        f"{len(found.invoices):,} invoices could be read. Mistakes by column: {counts}. "
        "Lines with a mistake were left out.",
        err=True,
    )


def _table(by_policy: Mapping[str, BacktestFigures], days_saved: int) -> Iterator[str]:
    """A line for each figure, a column for each policy."""
    rows: list[Row] = [("", list(by_policy)), *_rows(list(by_policy.values()), days_saved)]
    label = max(len(name) for name, _ in rows)
    widths = [max(map(len, column)) for column in zip(*(cells for _, cells in rows), strict=True)]
    for name, cells in rows:
        shown = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        yield f"{name:<{label}}  {'  '.join(shown)}".rstrip()


def _rows(found: Sequence[BacktestFigures], days_saved: int) -> Iterator[Row]:
    yield "Messages", [f"{one.messages:,}" for one in found]
    for stage in Stage:
        yield f"  {STAGE_WORDS[stage]}", [f"{one.by_stage.get(stage, 0):,}" for one in found]
    yield "Paid, so the last check stopped the message", [f"{one.caught:,}" for one in found]
    yield "Paid before anybody approved", [f"{one.closed:,}" for one in found]
    yield "Messages that named a disputed invoice", [f"{one.disputed:,}" for one in found]
    yield "  after the objection was known (must be 0)", [f"{o.disputed_again:,}" for o in found]
    yield "Doubles (must be 0)", [f"{one.doubles:,}" for one in found]
    yield "Sooner than the policy's gap (must be 0)", [f"{one.too_soon:,}" for one in found]
    yield "Most messages to a customer in a week", [f"{one.most_a_week:,}" for one in found]
    yield "  mean over all customers and weeks", [f"{one.mean_a_week:.3f}" for one in found]
    for currency in sorted({name for one in found for name in one.brought_forward}):
        amounts = (one.brought_forward.get(currency, Decimal(0)) for one in found)
        label = f"Brought forward at {days_saved} days a message, {currency} × days"
        yield label, [f"{amount:,.0f}" for amount in amounts]
    yield "Outlook: expected days compared", [f"{one.outlook.compared:,}" for one in found]
    yield from _by_way("days off, mean", [one.outlook.days for one in found], "{:,.1f}")
    for currency, weeks in sorted({key for one in found for key in one.outlook.money}):
        span = "a week" if weeks == HORIZONS[0] else f"{weeks} weeks"
        means = [one.outlook.money.get((currency, weeks)) for one in found]
        yield from _by_way(f"{currency} off in {span}, mean", means, "{:,.0f}")


def _by_way(label: str, found: Sequence[ByWay | None], shown: str) -> Iterator[Row]:
    """Ours first, and the two that it is measured against below it."""
    names = (f"Outlook: {label}", *(f"  {name}" for name in plot.WAYS[1:]))
    for way, name in zip(ByWay._fields, names, strict=True):
        yield name, [shown.format(getattr(one, way)) if one else NOTHING for one in found]
