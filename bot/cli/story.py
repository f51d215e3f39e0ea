"""A case, and a company, as plain text for a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection

from bot.blockkit.escaping import clean
from bot.surfaces.wording import CLASS_WORDS
from jobs.store import assessments, cases, drafts, log, sends
from jobs.store.cases import Case
from jobs.store.companies import ConnectedCompany
from jobs.store.customers import families
from jobs.store.log import LogRow


def company(of: ConnectedCompany) -> str:
    """One line about a company."""
    mode = "live" if of.live else "shadow"
    state = mode if of.connected else "not connected"
    paused = f", paused by {of.paused_by}" if of.paused_at else ""
    swept = f"read in full {_at(of.swept_at)}" if of.swept_at else "not read yet"
    return f"{of.realm}  {clean(of.name)}  {state}{paused}  {of.channel}  {swept}"


def of(conn: Connection, case: Case) -> Iterator[str]:
    """The story of a case, line by line: where it stands, then everything in order."""
    yield f"Case {case.id}: {_customer(conn, case)}, {case.currency}, company {case.company}"
    yield f"  state     {case.state} (version {case.version}){' · shadow' if case.shadow else ''}"
    yield f"  stage     {int(case.stage)}"
    judged = assessments.present(conn, case)
    if judged.class_:
        yield f"  class     {CLASS_WORDS[judged.class_]}"
    yield f"  opened    {_at(case.opened_at)} by {case.row.trigger}"
    yield from _if("ended", case.row.end_reason)
    yield from _if("trouble", case.last_error)
    for ruling in judged.rulings:
        yield f"  {ruling.kind:<9} {ruling.rule}: {clean(ruling.reason)}"
    yield from _section("Assessments", _assessments(conn, case))
    yield from _section("Decisions", _decisions(conn, case))
    yield from _section("E-mails", _sends(conn, case))
    yield from _section("QuickBooks note", _note(conn, case))
    yield from _section("Log", _log(conn, case))


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield f"{title}:"
        yield from (f"  {line}" for line in found)


def _customer(conn: Connection, case: Case) -> str:
    name = families.names(conn, case.company, [case.customer]).get(case.customer)
    return f"{clean(name)} (customer {case.customer})" if name else f"customer {case.customer}"


def _assessments(conn: Connection, case: Case) -> Iterator[str]:
    for one in assessments.of_case(conn, case.id):
        by = f" by {clean(one.author)}"
        class_ = f"{CLASS_WORDS[one.class_]}{by}" if one.class_ else "nothing proposed"
        rules = ", ".join(ruling.rule for ruling in one.rulings)
        yield f"{_at(one.made_at)}  {one.id}: {class_}{_because(rules)}"


def _decisions(conn: Connection, case: Case) -> Iterator[str]:
    for one in drafts.decided(conn, case.id):
        why = _because(one.reason) + _because(one.comment)
        yield f"{_at(one.at)}  {one.kind} by {one.actor}{why}"


def _sends(conn: Connection, case: Case) -> Iterator[str]:
    for row in sends.of_case(conn, case.id):
        yield f"{_at(row.began_at)}  {row.state} to {clean(row.recipient)}{_because(row.detail)}"
        yield f"  {row.message_id}"


def _note(conn: Connection, case: Case) -> Iterator[str]:
    note = cases.note_of(conn, case.id)
    if note is not None:
        where = f" as {note.attachable}" if note.attachable else ""
        yield f"{_at(note.at)}  {note.state}{where}{_because(note.detail)}"
        yield f"  {clean(note.text)}"


def _log(conn: Connection, case: Case) -> Iterator[str]:
    for line in log.lines(conn, case=case.id):
        fields = line.fields
        data = json.dumps(fields["data"], ensure_ascii=False) if fields["data"] else ""
        yield f"{line.seq:>5}  {fields['at'][:19]}  {fields['action']} by {fields['actor']}  {data}"
        yield from (f"       “{clean(text)}”" for text in typed(conn, line).values())


def typed(conn: Connection, line: LogRow) -> dict[str, str]:
    """The words whose hash a log line names, under "typed", or "pruned" if they are gone."""
    sha256 = line.fields["data"].get("words")
    return {"typed": log.read_words(conn, [sha256])[sha256]} if sha256 else {}


def _if(word: str, text: str) -> Iterator[str]:
    if text:
        yield f"  {word:<9} {clean(text)}"


def _because(reason: str) -> str:
    return f": {clean(reason)}" if reason else ""


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
