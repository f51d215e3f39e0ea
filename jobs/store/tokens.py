"""Where a company's QuickBooks tokens are kept: sealed, and refreshed by one process at a time."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from datetime import datetime

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr
from sqlalchemy import select, update

from jobs.store.engine import Database
from jobs.store.tables import companies
from qbo.errors import ReauthRequired
from qbo.oauth import LEASE, Tokens


class Seal:
    """Seals tokens with the newest key and opens them with any (`TOKEN_KEYS`, newest first)."""

    def __init__(self, keys: Sequence[SecretStr]) -> None:
        self._fernet = MultiFernet([Fernet(key.get_secret_value()) for key in keys])

    def close(self, realm: str, tokens: Tokens) -> str:
        """The tokens as text for the database; the realm is sealed in with them."""
        plain = {
            **tokens.model_dump(mode="json"),
            "access": tokens.access.get_secret_value(),
            "refresh": tokens.refresh.get_secret_value(),
            "realm": realm,
        }
        return self._fernet.encrypt(json.dumps(plain).encode()).decode()

    def open(self, realm: str, sealed: str) -> Tokens:
        """The tokens in `sealed`; raises ReauthRequired where no key fits or they are another's."""
        try:
            plain = json.loads(self._fernet.decrypt(sealed.encode()))
        except InvalidToken:
            plain = {}
        if plain.pop("realm", None) != realm:
            raise ReauthRequired(
                "The stored QuickBooks tokens cannot be opened: none of TOKEN_KEYS fits. "
                "Put the old key back, or connect the company again"
            )
        return Tokens.model_validate(plain)


class SqlTokenStore:
    """The TokenStore of `qbo`: each method takes one short transaction, from any thread."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database = database
        self._seal = seal

    def load(self, realm: str) -> Tokens:
        """The current tokens; raises ReauthRequired where the company has none."""
        with self._database.reading() as conn:
            sealed = conn.execute(
                select(companies.c.sealed_tokens).where(companies.c.realm == realm)
            ).scalar()
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
        """Make `new` current if `replaces` still is; otherwise change nothing."""
        with self._database.writing() as conn:
            sealed = conn.execute(
                select(companies.c.sealed_tokens).where(companies.c.realm == realm)
            ).scalar()
            if sealed is None or self._seal.open(realm, sealed) != replaces:
                return
            fresh = self._seal.close(realm, new)
            same = (companies.c.realm == realm) & (companies.c.sealed_tokens == sealed)
            conn.execute(update(companies).where(same).values(sealed_tokens=fresh))

    def release(self, realm: str, lease: str) -> None:
        """End this lease; one that another process took over is left alone."""
        held = (companies.c.realm == realm) & (companies.c.lease_token == lease)
        with self._database.writing() as conn:
            conn.execute(update(companies).where(held).values(lease_token=None, lease_until=None))
