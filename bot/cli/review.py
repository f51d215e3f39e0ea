"""The weekly review in a terminal, for each company and for all; and how shadow mode went."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import BinaryIO

import click
from sqlalchemy import Connection

from bot.blockkit.escaping import clean
from bot.cli.entry import CommandParts, Group, entry
from bot.process import Process
from bot.surfaces import review as words
from jobs.companies import shadow as mode
from jobs.reports import shadow
from jobs.reports.cash import cash
from jobs.reports.review import counting, review
from jobs.reports.review.review import Review, ReviewFigure
from jobs.reports.shadow import ShadowScore
from jobs.rules.figures import listed
from jobs.store import companies

MOST_CASES = 12
"""Numbers of cases on a line; the table has them all."""


def register(main: click.Group) -> None:
    """Add them to `overdue`."""
    for command in (weekly, in_shadow):
        main.add_command(command)


@click.command("review")
@click.option("--company", "realm", default="", metavar="REALM", help="Only this company.")
@click.option(
    "--week",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DAY",
    help="The week of this day; the last whole week without it.",
)
@click.option("--csv", "sheet", type=click.File("wb"), help="Write every case to this file.")
@entry
def weekly(entry: CommandParts, realm: str, week: datetime | None, sheet: BinaryIO | None) -> None:
    """Print how a week's cases ended and what went wrong, each figure with its cases.

    It is counted anew from the record, so it takes in what has come to light since.
    """
    process = entry.recorded()
    now, made = process.now(), []
    with process.database.reading() as conn:
        theirs = [one for one in companies.all_of_them(conn) if realm in ("", one.realm)]
        if not theirs:
            raise click.ClickException(f"There is no company {realm}.".replace(" .", "."))
        for company in theirs:
            monday = cash.monday(week.date()) if week else review.last_week(company, now)
            click.echo(f"Counting {clean(company.name)} …", err=True)
            made.append(counting.made(conn, company, monday, now))
        tables = [_table(conn, one) for one in made]
    click.echo("\n\n".join("\n".join(_told(one)) for one in made))
    if len(made) > 1:
        click.echo("\n".join(["", *_together(made)]))
    if sheet:
        head, *_ = tables[0].partition(b"\n")
        sheet.write(b"\n".join([head, *(one.partition(b"\n")[2].rstrip() for one in tables), b""]))


def _table(conn: Connection, one: Review) -> bytes:
    return words.as_csv(one, *review.customers(conn, one, review.every_case(one)))


def _told(one: Review) -> Iterator[str]:
    yield f"{clean(one.company)} ({one.realm}), week of {words.week_of(one.week)}"
    for class_, by in one.outcomes.items():
        for outcome, cases in by.items():
            yield _row(f"{words.class_name(class_)}: {words.OUTCOMES[outcome]}", len(cases), cases)
    for name, figure in one.figures.items():
        if figure.size:
            yield _row(words.called(name), figure.size, figure.cases, figure)
    yield from (f"  {line}" for line in words.more(one))


def _row(name: str, count: int, cases: Iterable[str], figure: ReviewFigure | None = None) -> str:
    numbers = list(cases)
    shown = " ".join(numbers[:MOST_CASES]) + (" …" if len(numbers) > MOST_CASES else "")
    value = words.amounts(figure) if figure else ""
    return f"  {name:<46} {count:>6,}  {value:<16} {shown}".rstrip()


def _together(made: Sequence[Review]) -> Iterator[str]:
    """The sums over all companies."""
    weeks = sorted({one.week for one in made})
    yield f"All companies, week of {' and '.join(map(words.week_of, weeks))}"
    for name, count, value in words.together(made):
        yield f"  {name:<46} {count:>6,}  {value}".rstrip()


@click.group("shadow", cls=Group)
def in_shadow() -> None:
    """Shadow mode: everything runs, and nothing is sent or written."""


@in_shadow.command("report")
@click.option("--company", "realm", default="", metavar="REALM", help="Only this company.")
@entry
def shadow_report(entry: CommandParts, realm: str) -> None:
    """Hold what would have been sent against what came to light, and say whether it is ready."""
    process = entry.recorded()
    with process.database.reading() as conn:
        theirs = [one for one in companies.all_of_them(conn) if realm in ("", one.realm)]
        if not theirs:
            raise click.ClickException(f"There is no company {realm}.".replace(" .", "."))
        for company in theirs:
            policy = process.policy.for_company(company.realm)
            mode = "live" if company.live else "in shadow mode"
            click.echo(f"{clean(company.name)} ({company.realm}), {mode}")
            click.echo("\n".join(_scored(shadow.score(conn, policy, company, process.now()))))


def _scored(one: ShadowScore) -> Iterator[str]:
    for name, cases in (
        ("Cases with a text", one.cases),
        ("Would have been sent", one.approved),
        ("Wait for a decision", one.waiting),
        ("Had paid", one.paid),
        ("Disputed or credited later", one.disputed),
        ("A colleague wrote, too", one.agreed),
    ):
        yield _row(name, len(cases), cases)
    yield f"  Not ready yet: {listed(one.lacking)}." if one.lacking else "  Ready to go live."


@in_shadow.command("channel")
@click.argument("realm")
@click.argument("channel", metavar="C…|none|own")
@click.option("--as", "person", default="", metavar="U…", help="Slack id of who wants it.")
@entry
def shadow_channel(entry: CommandParts, realm: str, channel: str, person: str) -> None:
    """Have the shadow cards of company REALM posted in another channel, or kept in the record.

    `own` posts them in the company's channel again. Cards that are posted stay where they are, and
    going live posts none of them again: what is still due comes up anew.
    """
    process = entry.recorded()
    wanted = {"own": "", companies.NO_CHANNEL: companies.NO_CHANNEL}.get(channel, channel)
    with process.database.reading() as conn:
        holder = companies.in_channel(conn, channel)
    if wanted not in ("", companies.NO_CHANNEL):
        if holder and holder.realm != realm:
            raise click.ClickException(f"{channel} already has the cards of {clean(holder.name)}.")
        _look(process, channel)
    with process.database.writing() as conn:
        company = companies.get(conn, realm)
        if company is None:
            raise click.ClickException(f"There is no company {clean(realm)}.")
        by = person or COMMAND_LINE
        mode.choose_channel(conn, company, wanted, by, process.now())
    where = {"": "its own channel", companies.NO_CHANNEL: "the record only"}.get(wanted, wanted)
    click.echo(f"Shadow cards of {clean(company.name)} go to {clean(where)} from now on.")


COMMAND_LINE = "system:command"
"""Whoever did it on the command line and gave no name."""


def _look(process: Process, channel: str) -> None:
    """Raises click.ClickException if Slack does not let us post there, or others read it."""
    from bot.slack import channels  # loads Slack's library, which only this command needs

    if not process.settings.slack_bot_token.get_secret_value():
        raise click.ClickException("SLACK_BOT_TOKEN is needed to look at the channel.")
    if trouble := channels.look(process.slack, channel).trouble:
        raise click.ClickException(f"The channel {clean(channel)} cannot be used: {trouble}.")
