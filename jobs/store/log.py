"""The decision log: one chain of hashes per company. Append and read, nothing else.

Rows hold ids, rule names, hashes, amounts and actors, never words; words live in the other tables,
can be pruned, and leave their hash here. What people typed is stored by its hash, in `words`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, insert, or_, select, update

from jobs.store.database.tables import log, log_heads, messages, words
from jobs.store.database.upsert import insert_or_ignore

GENESIS = "0" * 64
TOLD = "log_head"
"""The key prefix of notices that published the end of a log, as `seq` and `hash` in their data."""

CUT = "rows were cut off or written anew"

_HEAD = update(log_heads).where(log_heads.c.company == bindparam("of"))
_LOCK = _HEAD.values(seq=log_heads.c.seq + bindparam("more")).returning(
    log_heads.c.seq, log_heads.c.hash
)
_APPEND, _END = insert(log), _HEAD.values(hash=bindparam("link"))


@dataclass(frozen=True)
class Entry:
    """One thing that happened. `actor` is a Slack user id or "system:<step>"."""

    company: str
    action: str
    actor: str
    at: datetime
    case: str | None = None
    data: dict[str, Any] | None = None

    def body(self, seq: int) -> str:
        """The text that is hashed and stored, byte for byte."""
        fields = {
            "seq": seq,
            "at": self.at.isoformat(),
            "actor": self.actor,
            "action": self.action,
            "company": self.company,
            "case": self.case,
            "data": self.data or {},
        }
        return json.dumps(fields, sort_keys=True, separators=(",", ":"), default=str)


def note(conn: Connection, entry: Entry) -> None:
    """Have `entry` appended at the end of `conn`'s transaction."""
    conn.info["noted"].append(entry)


def append_noted(conn: Connection) -> None:
    """Append what was noted. Last in the transaction, so that the head is locked only briefly."""
    noted: list[Entry] = conn.info.pop("noted", [])
    for company in sorted({entry.company for entry in noted}):
        _append(conn, company, [entry for entry in noted if entry.company == company])


def _append(conn: Connection, company: str, entries: list[Entry]) -> None:
    insert_or_ignore(conn, log_heads, {"company": company, "seq": 0, "hash": GENESIS})
    head = conn.execute(_LOCK, {"of": company, "more": len(entries)}).one()
    rows, link = [], head.hash
    for seq, entry in enumerate(entries, start=head.seq - len(entries) + 1):
        body = entry.body(seq)
        link = chain(link, body)
        rows.append(
            {"company": company, "seq": seq, "case_id": entry.case, "body": body, "hash": link}
        )
    conn.execute(_APPEND, rows)
    conn.execute(_END, {"of": company, "link": link})


def chain(previous: str, body: str) -> str:
    """The hash of a row: SHA-256 over the hash before it and exactly its own bytes."""
    return hashlib.sha256(previous.encode() + body.encode()).hexdigest()


@dataclass(frozen=True)
class LogRow:
    """One stored row."""

    company: str
    seq: int
    body: str
    hash: str
    case: str | None = None

    @property
    def fields(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed

    @property
    def consistent(self) -> bool:
        """Whether the columns, which are not hashed, agree with the hashed text."""
        try:
            said = self.fields
        except ValueError:
            return False
        columns = {"company": self.company, "seq": self.seq, "case": self.case}
        return columns == {name: said.get(name) for name in columns}


def lines(
    conn: Connection, company: str | None = None, case: str | None = None
) -> Iterator[LogRow]:
    """The log in order, of one company or case or all of it."""
    query = select(log).order_by(log.c.company, log.c.seq)
    if company is not None:
        query = query.where(log.c.company == company)
    if case is not None:
        query = query.where(log.c.case_id == case)
    for row in conn.execute(query):
        yield LogRow(row.company, row.seq, row.body, row.hash, row.case_id)


def last(conn: Connection, company: str) -> LogRow | None:
    """The last row of a company, if it has any."""
    query = select(log).where(log.c.company == company).order_by(log.c.seq.desc()).limit(1)
    row = conn.execute(query).first()
    return LogRow(row.company, row.seq, row.body, row.hash, row.case_id) if row else None


def span(conn: Connection, company: str, since: datetime, until: datetime) -> tuple[int, int]:
    """The numbers of the first row of this period and of the first one after it, roughly.

    Rows carry their time in the hashed text alone. They were appended as time went by, so the
    numbers are found by halving the chain; those of one transaction may be written a little after
    rows with a later time, so an hour more is taken on either side.
    """
    last = next((head.seq for head in heads(conn) if head.company == company), 0)
    first = _seq_at(conn, company, last, since - SPREAD)
    return first, _seq_at(conn, company, last, until + SPREAD)


def of_actions(
    conn: Connection, company: str, first: int, end: int, actions: Iterable[str]
) -> list[LogRow]:
    """The rows of these actions with numbers from `first` to before `end`, in order."""
    within = (log.c.company == company) & (log.c.seq >= first) & (log.c.seq < end)
    named = (log.c.body.contains(f'"action":"{one}"', autoescape=True) for one in actions)
    query = select(log).where(within, or_(*named)).order_by(log.c.seq)
    return [
        LogRow(row.company, row.seq, row.body, row.hash, row.case_id) for row in conn.execute(query)
    ]


SPREAD = timedelta(hours=1)


def _seq_at(conn: Connection, company: str, last: int, at: datetime) -> int:
    """The number of the first row that is not older than `at`; one after the last if all are."""
    low, high = 1, last + 1
    while low < high:
        middle = (low + high) // 2
        there = (log.c.company == company) & (log.c.seq == middle)
        body = conn.execute(select(log.c.body).where(there)).scalar()
        if body and datetime.fromisoformat(json.loads(body)["at"]) < at:
            low = middle + 1
        else:
            high = middle
    return low


@dataclass(frozen=True)
class Head:
    """The last row of a company's chain at some point in time."""

    company: str
    seq: int
    hash: str


def heads(conn: Connection) -> list[Head]:
    """The current end of each chain; company "" is the chain that belongs to none."""
    query = select(log_heads).order_by(log_heads.c.company)
    return [Head(row.company, row.seq, row.hash) for row in conn.execute(query)]


def find(conn: Connection, fingerprint: str) -> LogRow | None:
    """The row with this hash (64 hex digits), of any company."""
    row = conn.execute(select(log).where(log.c.hash == fingerprint)).first()
    return LogRow(row.company, row.seq, row.body, row.hash, row.case_id) if row else None


def lost(conn: Connection, company: str) -> Head | None:
    """The last published end of this log, if the log no longer has that row; otherwise None."""
    _, head = next(_told(conn, company, newest_first=True), (None, None))
    return head if head and not _holds(conn, head) else None


def _told(
    conn: Connection, company: str, *, newest_first: bool = False
) -> Iterator[tuple[datetime, Head]]:
    order = messages.c.id.desc() if newest_first else messages.c.id
    theirs = messages.c.dedupe.startswith(f"notice:{TOLD}:{company}:", autoescape=True)
    query = select(messages.c.made_at, messages.c.body).where(theirs).order_by(order)
    for row in conn.execute(query).all():
        yield row.made_at, Head(company, row.body["data"]["seq"], row.body["data"]["hash"])


def _holds(conn: Connection, head: Head) -> bool:
    there = (log.c.company == head.company) & (log.c.seq == head.seq)
    return conn.execute(select(log.c.hash).where(there)).scalar() == head.hash


@dataclass(frozen=True)
class BrokenRow:
    """The first row of a company's chain that is not what was written."""

    company: str
    seq: int
    reason: str


def verify(conn: Connection) -> tuple[int, tuple[BrokenRow, ...]]:
    """Recompute every chain, and look for each of its ends that was published in a channel.

    Returns how many rows are good and the first bad row per company.
    """
    good, broken = 0, []
    ends = {head.company: (head.seq, head.hash) for head in heads(conn)}
    for company in sorted(ends.keys() | set(conn.scalars(select(log.c.company).distinct()))):
        count, bad = _verify_chain(conn, company, *ends.get(company, (0, GENESIS)))
        bad = bad or _cut(conn, company)
        good += count
        broken += [bad] if bad else []
    return good, tuple(broken)


def _verify_chain(
    conn: Connection, company: str, last: int, head: str
) -> tuple[int, BrokenRow | None]:
    link, seq = GENESIS, 0
    for line in lines(conn, company):
        if line.seq != seq + 1:
            return seq, BrokenRow(company, seq + 1, "the row is missing")
        if line.hash != chain(link, line.body) or not line.consistent:
            return seq, BrokenRow(company, line.seq, "the row was changed after it was written")
        link, seq = line.hash, line.seq
    if seq < last:
        return seq, BrokenRow(company, seq + 1, "the end of the chain is missing")
    if seq > last:
        return last, BrokenRow(company, last + 1, "the head does not know this row")
    return seq, None if link == head else BrokenRow(company, seq, "the head names another row")


def _cut(conn: Connection, company: str) -> BrokenRow | None:
    """Find a chain that was cut or rewritten: consistent in itself, but not as published."""
    for at, head in _told(conn, company):
        if not _holds(conn, head):
            reason = f"on {at:%d %b} the channel was told another end: {CUT}"
            return BrokenRow(company, head.seq, reason)
    return None


PRUNED = "pruned"
"""Stands for words that are no longer kept."""


def keep_words(conn: Connection, text: str, now: datetime) -> dict[str, str]:
    """Store what somebody typed; returns what the log says about it: nothing for empty text."""
    if not text:
        return {}
    sha256 = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    insert_or_ignore(conn, words, {"sha256": sha256, "text": text, "said_at": now})
    return {"words": sha256}


def read_words(conn: Connection, hashes: Iterable[str]) -> dict[str, str]:
    """Hash → the words behind it, or PRUNED."""
    wanted = sorted(set(hashes))
    found = select(words.c.sha256, words.c.text).where(words.c.sha256.in_(wanted))
    return dict.fromkeys(wanted, PRUNED) | {row.sha256: row.text for row in conn.execute(found)}
