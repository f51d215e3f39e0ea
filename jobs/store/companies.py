"""Connected companies: read one, change its mode, pause and resume it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Row, bindparam, exists, select, update

from jobs.rules.case import HeldUp
from jobs.rules.facts import facts
from jobs.rules.states import ConnectionStatus
from jobs.store.database.tables import companies
from jobs.store.database.upsert import insert_or_ignore

NO_CHANNEL = "none"
"""The shadow channel of a company whose shadow cases stay in the record."""
SOON = timedelta(days=60)
"""How long before its end a connection counts as ending: from then on people are warned."""
_ONE = select(companies).where(companies.c.realm == bindparam("one"))
"""Made once, as are the others of its kind: making a statement takes longer than running it."""


@dataclass(frozen=True)
class ConnectedCompany:
    """A connected company and how it is run."""

    realm: str
    name: str
    country: str
    zone: ZoneInfo
    home_currency: str
    book_close: date | None
    read_only: bool
    channel: str
    live: bool
    connected: bool
    paused_at: datetime | None
    paused_by: str | None
    connected_at: datetime
    swept_at: datetime | None
    reminders_off_by: str | None
    reminders_off_at: datetime | None
    """When a lead confirmed that QuickBooks' own reminders are off: nothing goes before that."""
    status: ConnectionStatus
    shadow_channel: str = ""
    """Where cards go in shadow mode: a channel, NO_CHANNEL, or empty for the company's own."""
    model: str = ""
    """The model that its finance leads have accepted, as `Model.label` names it; empty: the first
    one has not been noted yet."""
    model_offered: str = ""
    """The one that the settings name instead, until a finance lead says so; empty: none."""
    changes_since: datetime | None = None
    """The next poll asks for changes since then, by QuickBooks' clock."""
    has_tokens: bool = False
    refresh_ends_at: datetime | None = None
    """When its tokens end unless they are renewed."""
    hard_ends_at: datetime | None = None
    """When its tokens end in any case."""

    @property
    def ends_at(self) -> datetime | None:
        """When its tokens end unless renewed; after that somebody has to connect it again."""
        return min(filter(None, (self.refresh_ends_at, self.hard_ends_at)), default=None)

    def ending(self, now: datetime) -> datetime | None:
        """When its tokens end, if that is soon."""
        return self.ends_at if self.ends_at and self.ends_at - now <= SOON else None

    @property
    def sends(self) -> bool:
        """Whether approved messages go out: live, not paused, connected, QuickBooks not sending."""
        return self.held_up() is None

    def held_up(self, *, shadow: bool = False) -> HeldUp | None:
        """What keeps an approved message from going out; the most basic reason wins.

        `shadow`: ask for a shadow case, which needs no live company.
        """
        hindrances = {
            HeldUp.NOT_CONNECTED: not self.connected,
            HeldUp.PAUSED: self.paused_at is not None,
            HeldUp.SHADOW: not (shadow or self.live),
            HeldUp.REMINDERS: not (shadow or self.reminders_off_at),
        }
        return next((each for each, stands in hindrances.items() if stands), None)

    def card_channel(self, *, shadow: bool) -> str:
        """Where the card of a case goes; empty if it is posted nowhere."""
        if not shadow or not self.shadow_channel:
            return self.channel
        return "" if self.shadow_channel == NO_CHANNEL else self.shadow_channel

    def today(self, now: datetime) -> date:
        """The date in the company's own zone."""
        return now.astimezone(self.zone).date()

    def as_fact(self) -> facts.Company:
        """What the rules may know about it."""
        return facts.Company(
            self.realm,
            self.name,
            self.zone,
            self.home_currency,
            self.country,
            self.book_close,
        )


def get(conn: Connection, realm: str) -> ConnectedCompany | None:
    """The company of this realm, if it was ever connected."""
    row = conn.execute(_ONE, {"one": realm}).first()
    return _of_row(row) if row else None


def need(conn: Connection, realm: str) -> ConnectedCompany:
    """The company of this realm, which must exist."""
    return _of_row(conn.execute(_ONE, {"one": realm}).one())


def in_channel(conn: Connection, channel: str) -> ConnectedCompany | None:
    """The company whose cards go to this channel, also those of shadow mode."""
    theirs = (companies.c.channel == channel) | (companies.c.shadow_channel == channel)
    row = conn.execute(select(companies).where(theirs).order_by(companies.c.realm)).first()
    return _of_row(row) if row else None


def all_of_them(conn: Connection) -> list[ConnectedCompany]:
    """Every company, the oldest connection first."""
    query = select(companies).order_by(companies.c.connected_at, companies.c.realm)
    return [_of_row(row) for row in conn.execute(query)]


def known(realm: ColumnElement[str]) -> ColumnElement[bool]:
    """That there is a company with the realm in this column of another table."""
    return exists(select(companies.c.realm).where(companies.c.realm == realm))


def connected(realm: ColumnElement[str]) -> ColumnElement[bool]:
    """That the company with the realm in this column of another table is connected."""
    ours = (companies.c.realm == realm) & (companies.c.status == ConnectionStatus.CONNECTED)
    return exists(select(companies.c.realm).where(ours))


def swept(realm: ColumnElement[str]) -> ColumnElement[bool]:
    """That the ledger of the company with the realm in this column was read whole once."""
    ours = (companies.c.realm == realm) & companies.c.swept_at.is_not(None)
    return exists(select(companies.c.realm).where(ours))


def add(conn: Connection, **columns: Any) -> bool:
    """Insert a company; False, with nothing written, if its realm or its channel is taken."""
    return insert_or_ignore(conn, companies, columns)


def change(conn: Connection, realm: str, **columns: Any) -> None:
    """Set columns of one company."""
    conn.execute(update(companies).where(companies.c.realm == realm).values(**columns))


def _of_row(row: Row[Any]) -> ConnectedCompany:
    return ConnectedCompany(
        realm=row.realm,
        name=row.name,
        country=row.country,
        zone=ZoneInfo(row.zone),
        home_currency=row.home_currency,
        book_close=row.book_close,
        read_only=row.read_only,
        channel=row.channel,
        live=row.mode == "live",
        connected=row.status == ConnectionStatus.CONNECTED,
        paused_at=row.paused_at,
        paused_by=row.paused_by,
        connected_at=row.connected_at,
        swept_at=row.swept_at,
        changes_since=row.changes_since,
        reminders_off_by=row.reminders_off_by,
        reminders_off_at=row.reminders_off_at,
        status=ConnectionStatus(row.status),
        shadow_channel=row.shadow_channel,
        model=row.model,
        model_offered=row.model_offered,
        has_tokens=row.sealed_tokens is not None,
        refresh_ends_at=row.refresh_expires_at,
        hard_ends_at=row.hard_expires_at,
    )
