"""Commands about QuickBooks companies: connect, disconnect, list, their customers, and a sweep."""

from __future__ import annotations

from collections.abc import Mapping

import click
from sqlalchemy import Connection

from bot.blockkit.escaping import one_line
from bot.cli import story
from bot.cli.entry import CommandParts, Group, entry
from bot.process import Process
from jobs.companies import connect as connecting
from jobs.companies import disconnect as disconnecting
from jobs.rules.policy.policy import Policy
from jobs.rules.policy.rights import may_run
from jobs.store import companies, people, work
from jobs.store.companies import ConnectedCompany
from jobs.store.customers import families


def register(main: click.Group) -> None:
    """Add them to `overdue`."""
    for command in (connect, disconnect, company, customers, sweep):
        main.add_command(command)


@click.command()
@click.option(
    "--as", "person", default="", metavar="U…", help="Slack id of the person who opens it."
)
@click.option("--channel", default="", metavar="C…", help="Where the company's cards go.")
@entry
def connect(entry: CommandParts, person: str, channel: str) -> None:
    """Print a link that connects a QuickBooks company. It works once, within ten minutes."""
    process = entry.recorded("connect")
    with process.database.reading() as conn:
        holder = companies.in_channel(conn, process.settings.slack_channel)
        if why := unfit(process, conn, person, channel):
            raise click.ClickException(why)
    with process.database.writing() as conn:
        state = connecting.open_link(conn, person, channel, process.now())
    click.echo("Open this link in a browser, as an administrator of the company in QuickBooks.")
    click.echo("It works once, within ten minutes:")
    click.echo(f"{process.settings.public_url}/quickbooks/connect?state={state}")
    if holder and not channel:
        click.echo(
            f"The channel {holder.channel} already has the cards of {holder.name}: for a new "
            "company name another one with --channel C…"
        )


@click.command()
@click.argument("realm")
@click.option(
    "--as", "person", default="", metavar="U…", help="Slack id of the person who wants it."
)
@entry
def disconnect(entry: CommandParts, realm: str, person: str) -> None:
    """End access to the company REALM. Cases stay on record; running it again does no harm."""
    from bot.surfaces.answers import ended

    process = entry.process("disconnect")
    broker = disconnecting.Broker(process.oauth, process.seal)
    how = disconnecting.disconnect(process.database, broker, realm, person, process.now())
    if how in (disconnecting.Ended.UNKNOWN_COMPANY, disconnecting.Ended.NOT_REVOKED):
        raise click.ClickException(ended(how))
    click.echo(ended(how))


def unfit(process: Process, conn: Connection, person: str, channel: str) -> str:
    """Why no link may be printed, as a sentence, or empty. An empty argument is not checked."""
    return (person and _no_lead(process, conn, person)) or (
        channel and _no_room(process, conn, channel)
    )


def _no_lead(process: Process, conn: Connection, person: str) -> str:
    groups = people.groups(conn, process.now())
    if _leads(process.policy, person, groups) or _unread(process.policy, groups):
        return ""
    return (
        f"{person} is not a finance lead in the policy, so they cannot connect a company. Name "
        "them under [people], or leave out --as."
    )


def _leads(policy: Policy, person: str, groups: Mapping[str, frozenset[str]]) -> bool:
    """Whether they are a lead in the file or in any company's section: which is not yet known."""
    everywhere = (policy, *policy.by_company.values())
    return any(may_run(each.roles(person, groups)) for each in everywhere)


def _unread(policy: Policy, groups: Mapping[str, frozenset[str]]) -> bool:
    """Whether the members of some user group are unknown yet; they are checked when connecting."""
    return bool(policy.named_groups() - groups.keys())


def _no_room(process: Process, conn: Connection, channel: str) -> str:
    if holder := companies.in_channel(conn, channel):
        return (
            f"The channel {channel} already has the cards of {holder.name}: a new company needs "
            f"its own. To connect {holder.name} again, leave out --channel."
        )
    from bot.slack import channels  # loads Slack's library, which only this command needs

    if not process.settings.slack_bot_token.get_secret_value():
        return ""  # printing a link may need no more than QuickBooks' keys
    trouble = channels.look(process.slack, channel).trouble
    return f"The channel {channel} cannot be used: {trouble}." if trouble else ""


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
            known = families.customer_names(conn, each.realm)
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
            work.hurry(conn, each.realm, "sweep", process.now())
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
