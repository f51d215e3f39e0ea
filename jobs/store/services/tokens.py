"""What connects a company: its QuickBooks tokens, and the links that people open to connect it.

Tokens are sealed, and refreshed by one process at a time.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr
from sqlalchemy import Connection, delete, select, update

from jobs.store import work
from jobs.store.database.engine import AWAY, Database
from jobs.store.database.tables import companies, connect_links
from jobs.store.database.upsert import insert_or_ignore
from jobs.store.services import outages
from qbo.errors import ReauthRequired
from qbo.oauth import LEASE, Tokens

UPKEEP = timedelta(days=1)
"""How long tokens are left alone if nothing else refreshes them."""
SAVE_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds between attempts to store a fresh pair; in all well within its lease."""

slog = structlog.get_logger()


class Unopenable(ReauthRequired):
    """The stored tokens are sealed with a key that is not in TOKEN_KEYS.

    An administrator can fix this without QuickBooks, so the company is not marked as lost.
    """


class Seal:
    """Seals tokens with the newest key and opens them with any (`TOKEN_KEYS`, newest first)."""

    def __init__(self, keys: Sequence[SecretStr]) -> None:
        self._fernet = MultiFernet([Fernet(key.get_secret_value()) for key in keys])

    def close(self, realm: str, tokens: Tokens) -> str:
        """The tokens as text for the database, sealed together with the realm."""
        plain = {
            **tokens.model_dump(mode="json"),
            "access": tokens.access.get_secret_value(),
            "refresh": tokens.refresh.get_secret_value(),
            "previous": tokens.previous.get_secret_value() if tokens.previous else None,
            "realm": realm,
        }
        return self._fernet.encrypt(json.dumps(plain).encode()).decode()

    def open(self, realm: str, sealed: str) -> Tokens:
        """The tokens in `sealed`; raises Unopenable if no key fits or the realm is another."""
        try:
            plain = json.loads(self._fernet.decrypt(sealed.encode()))
        except InvalidToken:
            plain = {}
        if plain.pop("realm", None) != realm:
            raise Unopenable(
                "The stored QuickBooks tokens cannot be opened: none of TOKEN_KEYS fits. "
                "Put the old key back, or connect the company again"
            )
        return Tokens.model_validate(plain)

    def renew(self, realm: str, sealed: str) -> str:
        """The same tokens under the newest key. Raises Unopenable."""
        return self.close(realm, self.open(realm, sealed))


class SqlTokenStore:
    """The TokenStore of `qbo`: each method takes one short transaction, from any thread."""

    def __init__(
        self,
        database: Database,
        seal: Seal,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database = database
        self._seal = seal
        self._sleep = sleep

    def load(self, realm: str) -> Tokens:
        """The current tokens; raises ReauthRequired if the company has none."""
        with self._database.reading() as conn:
            ours = companies.c.realm == realm
            sealed = conn.scalar(select(companies.c.sealed_tokens).where(ours))
        if sealed is None:
            raise ReauthRequired("This company is not connected to QuickBooks; connect it again")
        return self._seal.open(realm, sealed)

    def lease(self, realm: str, now: datetime) -> str | None:
        """A fresh lease for LEASE from `now`, or None while another process holds one."""
        lease = secrets.token_hex(16)
        free = companies.c.lease_until.is_(None) | (companies.c.lease_until < now)
        with self._database.writing() as conn:
            taken = conn.execute(
                update(companies)
                .where(companies.c.realm == realm, free)
                .values(lease_token=lease, lease_until=now + LEASE)
            )
        return lease if taken.rowcount == 1 else None

    def save(self, realm: str, new: Tokens, replaces: Tokens) -> None:
        """Make `new` current if `replaces` still is; otherwise change nothing.

        Nobody else knows a fresh pair, and the previous one may already be dead, so this retries
        for a while if the database is away. It also puts the upkeep of the tokens on the schedule.
        """
        for pause in SAVE_PAUSES:
            try:
                return self._swap(realm, new, replaces)
            except AWAY as error:
                slog.warning("tokens.not_kept_yet", realm=realm, error=type(error).__name__)
                self._sleep(pause)
        return self._swap(realm, new, replaces)

    def _swap(self, realm: str, new: Tokens, replaces: Tokens) -> None:
        ends = {
            "refresh_expires_at": new.refresh_expires_at,
            "hard_expires_at": new.hard_expires_at,
        }
        with self._database.writing() as conn:
            sealed = _locked(conn, realm)
            if sealed is not None and self._seal.open(realm, sealed) == replaces:
                _put(conn, realm, self._seal.close(realm, new), **ends)
                work.ensure(conn, realm, "upkeep", new.created_at + UPKEEP)

    def hold(self, realm: str, lease: str, now: datetime) -> bool:
        """Extend this lease by LEASE from `now`; False if it has ended or another one holds."""
        held = (companies.c.realm == realm) & (companies.c.lease_token == lease)
        with self._database.writing() as conn:
            kept = conn.execute(update(companies).where(held).values(lease_until=now + LEASE))
        return kept.rowcount == 1

    def release(self, realm: str, lease: str) -> None:
        """End this lease; a lease that another process has taken over is left alone."""
        held = (companies.c.realm == realm) & (companies.c.lease_token == lease)
        with self._database.writing() as conn:
            conn.execute(update(companies).where(held).values(lease_token=None, lease_until=None))

    def lose(self, realm: str, lost: Tokens, error: ReauthRequired, now: datetime) -> None:
        """The connection of these tokens has ended: pause the company and ask a person, once.

        Does nothing if other tokens have been stored since.
        """
        with self._database.writing() as conn:
            sealed = _locked(conn, realm)
            if sealed is not None and self._seal.open(realm, sealed) == lost:
                outages.lose(conn, realm, error.message, now)


def rotate(database: Database, seal: Seal) -> tuple[int, list[str]]:
    """Seal every company's tokens with the newest key; safe while processes run.

    Returns how many were resealed, and the realms whose tokens no key opens: those stay as they
    are.
    """
    with database.reading() as conn:
        held = companies.c.sealed_tokens.is_not(None)
        realms = list(conn.scalars(select(companies.c.realm).where(held).order_by("realm")))
    stuck = [realm for realm in realms if not _rotate_one(database, seal, realm)]
    return len(realms) - len(stuck), stuck


def _rotate_one(database: Database, seal: Seal, realm: str) -> bool:
    with database.writing() as conn:
        sealed = _locked(conn, realm)
        try:
            if sealed is not None:
                _put(conn, realm, seal.renew(realm, sealed))
        except Unopenable:
            return False
    return True


def sealed(conn: Connection, realm: str) -> str | None:
    """The sealed tokens of a company; None if there are none."""
    query = select(companies.c.sealed_tokens).where(companies.c.realm == realm)
    found: str | None = conn.execute(query).scalar()
    return found


def _locked(conn: Connection, realm: str) -> str | None:
    """The sealed tokens, locked until the transaction ends.

    Comparing the sealed text instead would lose a fresh pair if keys were rotated in between: the
    text differs although the tokens are the same.
    """
    ours = companies.c.realm == realm
    sealed: str | None = conn.scalar(
        select(companies.c.sealed_tokens).where(ours).with_for_update()
    )
    return sealed


def _put(conn: Connection, realm: str, sealed: str, **more: datetime | None) -> None:
    ours = companies.c.realm == realm
    conn.execute(update(companies).where(ours).values(sealed_tokens=sealed, **more))


@dataclass(frozen=True)
class ConnectLink:
    """A link to connect a company; `channel` is where its cards are to go, or empty."""

    state: str
    person: str
    channel: str
    opened_at: datetime
    used_at: datetime | None


def make_link(conn: Connection, person: str, channel: str, now: datetime) -> str:
    """Make a link for `person` and `channel`; returns its `state`, a secret."""
    state = secrets.token_urlsafe(24)
    row = {"state": state, "person": person, "channel": channel, "opened_at": now}
    insert_or_ignore(conn, connect_links, row)
    return state


def link(conn: Connection, state: str) -> ConnectLink | None:
    """The link with this `state`, used or not."""
    row = conn.execute(select(connect_links).where(connect_links.c.state == state)).first()
    return (
        ConnectLink(row.state, row.person, row.channel, row.opened_at, row.used_at) if row else None
    )


def use_link(conn: Connection, state: str, now: datetime) -> bool:
    """Use up the link; of two requests at once, one gets True."""
    unused = (connect_links.c.state == state) & connect_links.c.used_at.is_(None)
    return conn.execute(update(connect_links).where(unused).values(used_at=now)).rowcount == 1


def forget_links(conn: Connection, before: datetime) -> None:
    """Delete unused links made before `before`."""
    old = connect_links.c.used_at.is_(None) & (connect_links.c.opened_at < before)
    conn.execute(delete(connect_links).where(old))
