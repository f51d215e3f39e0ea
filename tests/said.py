"""What is to be said in Slack, in the words that people will read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from bot.surfaces.notices.given import Given
from bot.surfaces.notices.notices import WORDS
from jobs.store import people
from jobs.store.database.engine import Database
from jobs.store.database.tables import messages
from jobs.store.outbox import MessageKind


def text_of(row: Any, names: Mapping[str, str] | None = None) -> str:
    """The text of a row of `messages` that shows no case."""
    return WORDS[MessageKind(row.body["kind"])](Given(row.body["data"], names or {}))


def said(database: Database, kind: str = "") -> list[str]:
    """The texts of all notices and thread lines, or of one of both kinds, oldest first."""
    with database.reading() as conn:
        rows = conn.execute(select(messages).order_by(messages.c.id)).all()
        names = people.names(conn)
    worded = [row for row in rows if row.kind not in ("card", "asks")]
    spoken = [row for row in worded if row.kind in (kind or row.kind)]
    return [text_of(row, names) for row in spoken]
