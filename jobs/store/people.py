"""What Slack told us about the people in the policy: a cache whose age is known, never a guess."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, select

from jobs.store.database.tables import people
from jobs.store.database.upsert import insert_or_ignore, upsert

REFRESH = timedelta(minutes=5)
STALE = timedelta(minutes=15)
"""With older data a click is refused: rights may have changed since."""
_OF_KIND = select(people).where(people.c.kind == bindparam("kind"))
_USER = select(people).where(people.c.kind == "user", people.c.id == bindparam("one"))


@dataclass(frozen=True)
class Person:
    """A Slack user. `trouble` says why this account may never act, or is empty."""

    id: str
    name: str
    trouble: str
    read_at: datetime

    def known(self, now: datetime) -> bool:
        """Whether what we know is fresh enough to act on."""
        return now - self.read_at <= STALE


def person(conn: Connection, id: str) -> Person | None:
    """The cached user, or None if Slack has not been asked yet."""
    row = conn.execute(_USER, {"one": id}).first()
    if row is None or row.read_at is None:
        return None
    return Person(row.id, row.body["name"], row.body["trouble"], row.read_at)


def in_good_standing(conn: Connection, id: str) -> bool:
    """Whether this is a full member, as far as Slack has said."""
    found = person(conn, id) if id else None
    return found is not None and not found.trouble


def groups(conn: Connection, now: datetime) -> Mapping[str, frozenset[str]]:
    """User group → its members, for groups read recently; others count as empty."""
    rows = conn.execute(_OF_KIND, {"kind": "group"})
    fresh = (row for row in rows if row.read_at and now - row.read_at <= STALE)
    return {row.id: frozenset(row.body["members"]) for row in fresh}


def groups_as_read(conn: Connection) -> Mapping[str, tuple[frozenset[str], datetime]]:
    """User group → its members and when Slack was asked, however long ago: a report, no right."""
    rows = conn.execute(_OF_KIND, {"kind": "group"})
    return {row.id: (frozenset(row.body["members"]), row.read_at) for row in rows if row.read_at}


def at_address(conn: Connection, email: str, now: datetime) -> str:
    """The full member with this lower-case address; empty if nobody, or if not read recently."""
    return members(conn, now).get(email, "")


def addresses_of(conn: Connection, user: str, now: datetime) -> frozenset[str]:
    """The addresses, read recently, that belong to this full member."""
    found = members(conn, now).items()
    return frozenset(email for email, id in found if user and id == user)


def members(conn: Connection, now: datetime) -> dict[str, str]:
    """Lower-case address → the full member who has it (empty for nobody), as read recently."""
    recent = (people.c.kind == "email") & (people.c.read_at > now - STALE)
    return {row.id: row.body["user"] for row in conn.execute(select(people).where(recent))}


def addresses_read(conn: Connection) -> dict[str, datetime]:
    """When Slack was last asked about each address, whether or not anybody has it."""
    rows = conn.execute(select(people.c.id, people.c.read_at).where(people.c.kind == "email"))
    return {row.id: row.read_at for row in rows}


def known(conn: Connection, users: Iterable[str], groups: Iterable[str], now: datetime) -> bool:
    """Whether all of these were read recently enough to take a right away."""
    ids = {*users, *groups}
    read = select(people.c.read_at).where(people.c.id.in_(sorted(ids)))
    times = [at for at in conn.scalars(read) if at]
    return len(times) == len(ids) and all(now - at <= STALE for at in times)


def names(conn: Connection) -> dict[str, str]:
    """User id → display name, for everybody ever looked up."""
    rows = conn.execute(_OF_KIND, {"kind": "user"})
    return {row.id: row.body["name"] for row in rows if row.body}


def want(conn: Connection, ids: Iterable[str], kind: str, now: datetime) -> None:
    """Have the next run of the people step look up these ids."""
    for id in ids:
        if not insert_or_ignore(conn, people, {"id": id, "kind": kind, "wanted_at": now}):
            wanted = people.update().where(people.c.id == id).values(wanted_at=now)
            conn.execute(wanted)


def wanted(conn: Connection) -> list[tuple[str, str]]:
    """The (id, kind) pairs that somebody asked for."""
    rows = conn.execute(select(people.c.id, people.c.kind).where(people.c.wanted_at.is_not(None)))
    return [(row.id, row.kind) for row in rows]


def put_user(conn: Connection, id: str, name: str, trouble: str, now: datetime) -> None:
    """Store what Slack said about a user."""
    _put(conn, id, "user", {"name": name, "trouble": trouble}, now)


def put_address(conn: Connection, email: str, user: str, now: datetime) -> bool:
    """Store which full member has this address ("" for nobody); returns whether that is news."""
    row = conn.execute(select(people.c.body).where(people.c.id == email)).first()
    _put(conn, email, "email", {"user": user}, now)
    before = str(row.body["user"]) if row else ""
    return before != user


def put_group(conn: Connection, id: str, members: Iterable[str], now: datetime) -> None:
    """Store who is in a user group."""
    _put(conn, id, "group", {"members": sorted(members)}, now)


def _put(conn: Connection, id: str, kind: str, body: dict[str, object], now: datetime) -> None:
    row = {"id": id, "kind": kind, "body": body, "wanted_at": None, "read_at": now}
    upsert(conn, people, [row])
