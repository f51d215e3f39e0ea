"""The company's own wording in a terminal: what is proposed, every version, and the way back."""

from __future__ import annotations

from collections.abc import Iterator

import click
from sqlalchemy import Connection

from bot.blockkit.escaping import clean
from bot.cli.entry import CommandParts, Group, entry
from bot.surfaces import answers, learning
from jobs.decide.access import VerbRefused
from jobs.decide.wording import WordingAnswer, WordingClick, take_back
from jobs.rules.letters.company_texts import TextKind, instructions_in
from jobs.store import companies, wordings
from jobs.store.companies import ConnectedCompany
from jobs.store.wordings import ProposedWording, WordingVersion

SHORT = 12
"""Characters of a fingerprint that tell two proposals apart."""


def register(main: click.Group) -> None:
    """Add it to `overdue`."""
    main.add_command(wording)


@click.group("wording", cls=Group, invoke_without_command=True)
@click.option("--company", "realm", default="", metavar="REALM", help="Only this company.")
@click.pass_context
def wording(context: click.Context, realm: str) -> None:
    """Print what the reviews proposed to change in your texts, and each version of them."""
    if context.invoked_subcommand:
        return
    parts: CommandParts = context.find_object(CommandParts) or CommandParts()
    with parts.recorded().database.reading() as conn:
        theirs = [one for one in companies.all_of_them(conn) if realm in ("", one.realm)]
        if not theirs:
            raise click.ClickException(f"There is no company {realm}.".replace(" .", "."))
        for company in theirs:
            click.echo("\n".join(_told(conn, company)))


def _told(conn: Connection, company: ConnectedCompany) -> Iterator[str]:
    yield f"{clean(company.name)} ({company.realm})"
    for one in wordings.all_proposed(conn, company.realm):
        change, state = one.change, one.state.value.replace("_", " ")
        by = f" by {one.answered_by}" if one.answered_by else ""
        called = learning.text_called(change.text)
        yield f"  {one.fingerprint[:SHORT]}  {called}, week of {one.week}: {state}{by}"
        yield f"    {len(change.cases)} cases: {' '.join(change.cases)}"
        yield from (f"    - {line}" for line in filter(None, change.before.split("\n")))
        yield from (f"    + {line}" for line in filter(None, change.after.split("\n")))
    for version in wordings.versions(conn, company.realm):
        kind, called = version.text_name.kind.value, learning.text_called(version.text_name)
        at = f"{version.taken_at:%Y-%m-%d %H:%M} UTC by {version.taken_by}"
        what = "" if version.text else ", the standard text again"
        yield f"  {kind} of the {called}, version {version.version}: {at}{what}"


@wording.command("show")
@click.argument("fingerprint")
@entry
def show(entry: CommandParts, fingerprint: str) -> None:
    """Print the whole text as it was once the change with this FINGERPRINT was taken."""
    with entry.recorded().database.reading() as conn:
        company, one = _named(conn, fingerprint)
        for version in wordings.versions_of(conn, company.realm, one.change.text):
            if version.proposal == one.fingerprint and version.text:
                click.echo("\n".join(_shown(version)))
                return
    raise click.ClickException("This change was never taken, so no text was made from it.")


def _shown(version: WordingVersion) -> Iterator[str]:
    """A template as it is; of instructions what the model leaves out (-) and writes instead (+)."""
    if version.text_name.kind is TextKind.TEMPLATE:
        yield version.text
        return
    for one in instructions_in(version.text):
        yield from (f"- {line}" for line in filter(None, one.leave_out.split("\n")))
        yield from (f"+ {line}" for line in filter(None, one.write.split("\n")))


@wording.command("take-back")
@click.argument("fingerprint")
@click.option("--as", "person", required=True, metavar="U…", help="Slack id of a finance lead.")
@entry
def return_to(entry: CommandParts, fingerprint: str, person: str) -> None:
    """Return to the text from before the change with this FINGERPRINT."""
    process = entry.recorded()
    try:
        with process.database.writing() as conn:
            company, one = _named(conn, fingerprint)
            click_ = WordingClick(company, person, one.fingerprint)
            policy = process.policy.for_company(company.realm)
            said = take_back(conn, policy, click_, process.now())
    except VerbRefused as refused:
        raise click.ClickException(answers.reply(refused.said)) from refused
    if said.answer is not WordingAnswer.TAKEN_BACK:
        raise click.ClickException(learning.reply(said))
    click.echo(learning.reply(said))


def _named(conn: Connection, fingerprint: str) -> tuple[ConnectedCompany, ProposedWording]:
    """The one proposal whose fingerprint begins so. Raises click.ClickException."""
    found = [
        (company, one)
        for company in companies.all_of_them(conn)
        for one in wordings.all_proposed(conn, company.realm)
        if one.fingerprint.startswith(fingerprint)
    ]
    if len(found) != 1:
        how = "No change has" if not found else "Several changes have"
        raise click.ClickException(f"{how} this fingerprint. `overdue wording` lists them.")
    return found[0]
