"""Access tokens for a mail server that takes no passwords (XOAUTH2: Microsoft 365, Gmail)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from jobs.rules.plain import one_line

SECONDS = 20.0
EARLY = 60.0
"""Seconds before its end at which a token is no longer used."""


class NoAccessToken(Exception):
    """The provider gave no token; the message is a sentence for a person, without secrets."""


@dataclass
class AccessTokens:
    """Trades a refresh token for access tokens, each used until shortly before it ends.

    A provider that answers with another refresh token leaves the old one valid, so none is stored.
    Thread-safe.
    """

    url: str
    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    clock: Callable[[], float] = time.monotonic
    _token: str = field(default="", repr=False)
    _until: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def current(self) -> str:
        """A token that is valid now. Raises NoAccessToken."""
        with self._lock:
            if self.clock() >= self._until:
                self._token, seconds = self._refreshed()
                self._until = self.clock() + max(seconds - EARLY, 0.0)
            return self._token

    def forget(self) -> None:
        """Ask for a new one next time: the server refused this one."""
        with self._lock:
            self._until = 0.0

    def _refreshed(self) -> tuple[str, float]:
        form = {
            "grant_type": "refresh_token",
            "client_id": self.client_id,
            "refresh_token": self.refresh_token,
        }
        if self.client_secret:
            form["client_secret"] = self.client_secret
        try:
            answer = httpx.post(self.url, data=form, timeout=SECONDS)
            said = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            why = f"The mail provider's token server gave no answer ({type(error).__name__})."
            raise NoAccessToken(f"{why} Check MAIL_OAUTH_URL.") from error
        return _token_in(said, answer.status_code)


def _token_in(said: object, status: int) -> tuple[str, float]:
    fields = said if isinstance(said, dict) else {}
    token, seconds = fields.get("access_token"), fields.get("expires_in", 0)
    if status == 200 and isinstance(token, str) and token.isascii() and token.isprintable():
        return token, float(seconds) if isinstance(seconds, (int, float)) else 0.0
    reason = one_line(str(fields.get("error_description") or fields.get("error") or status))
    raise NoAccessToken(
        f"The mail provider refused a token: {reason}. Check MAIL_OAUTH_CLIENT_ID, "
        "MAIL_OAUTH_CLIENT_SECRET and MAIL_OAUTH_REFRESH_TOKEN."
    )
