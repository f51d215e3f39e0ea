"""Connecting a company, and keeping its tokens fresh.

Only one process at a time may use a refresh token: a race can end the connection. So a refresh
happens under a lease from the TokenStore, which is checked again right before Intuit is called,
and the new pair is stored before it is used.
"""

import ssl
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Protocol
from urllib.parse import urlencode

import httpx
from pydantic import AwareDatetime, BaseModel, ConfigDict, SecretStr

from qbo.errors import (
    InvalidGrant,
    QuickBooksError,
    ReauthRequired,
    Refused,
    Throttled,
    TokenExpired,
    Unreachable,
    parse_fault,
)
from qbo.pacing import Budget, boot_time, utc_now

SCOPE = "com.intuit.quickbooks.accounting"  # read and write; QuickBooks has no narrower one
FRESH_FOR = timedelta(minutes=5)  # an access token with less than this left is refreshed
ASK_HARD_EXPIRY = "x-include-refresh-token-hard-expires-in"
CALL_TIMEOUT = 10.0  # seconds, for each phase of one call to the token endpoint
LEASE = timedelta(seconds=90)  # longer than one request; each request renews it
PATIENCE = timedelta(seconds=20)  # how long to wait for another process to finish its refresh
NOBODYS_TOKEN = "given-to-nobody"  # noqa: S105
PAUSE = 0.1  # seconds between two checks of the store while waiting


@cache
def certificates() -> ssl.SSLContext:
    """The TLS context for calls to Intuit.

    Loading the certificates takes about 40 ms, so all clients of a process share it, and a worker
    loads it before it forks.
    """
    return httpx.create_ssl_context()


class Tokens(BaseModel):
    """The tokens of one company. Times are UTC; `hard_expires_at` only if Intuit gives it."""

    model_config = ConfigDict(frozen=True)

    access: SecretStr
    refresh: SecretStr
    expires_at: AwareDatetime
    refresh_expires_at: AwareDatetime
    hard_expires_at: AwareDatetime | None = None
    created_at: AwareDatetime
    previous: SecretStr | None = None
    """The previous refresh token, until this one has been used successfully."""

    def fresh(self, now: datetime) -> bool:
        """Whether the access token is valid for a few more minutes."""
        return now + FRESH_FOR < self.expires_at


class TokenStore(Protocol):
    """Where tokens are stored. Each method is one short transaction; any thread may call it."""

    def load(self, realm: str) -> Tokens:
        """The current tokens; raises ReauthRequired if the company has none."""
        ...

    def lease(self, realm: str, now: datetime) -> str | None:
        """The name of a new lease for LEASE from `now`, or None while another one is held."""
        ...

    def save(self, realm: str, new: Tokens, replaces: Tokens) -> None:
        """Make `new` current if `replaces` still is, durably; otherwise change nothing."""
        ...

    def hold(self, realm: str, lease: str, now: datetime) -> bool:
        """Extend this lease by LEASE from `now`; False if it has ended or another one holds."""
        ...

    def release(self, realm: str, lease: str) -> None:
        """End this lease; one that lapsed and was taken by another process is left alone."""
        ...


Fence = Callable[[], bool]
"""Whether we may still make the refresh."""


class OAuth:
    """Intuit's OAuth endpoints for one app. Every call has a timeout and is made once."""

    def __init__(
        self,
        client_id: str,
        client_secret: SecretStr,
        *,
        token_url: str,
        authorize_url: str,
        revoke_url: str,
        redirect_uri: str,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._client_id = client_id
        self._token_url = token_url
        self._authorize_url = authorize_url
        self._revoke_url = revoke_url
        self._redirect_uri = redirect_uri
        self._http = httpx.Client(
            auth=(client_id, client_secret.get_secret_value()),
            headers={
                "Accept": "application/json",
                ASK_HARD_EXPIRY: "true",
            },
            timeout=CALL_TIMEOUT,
            verify=certificates(),
            transport=transport,
        )

    def close(self) -> None:
        self._http.close()

    def authorize_url(self, state: str) -> str:
        """The page where a person consents; `state` comes back with the code, to be checked."""
        query = {
            "client_id": self._client_id,
            "response_type": "code",
            "scope": SCOPE,
            "redirect_uri": self._redirect_uri,
            "state": state,
        }
        return f"{self._authorize_url}?{urlencode(query)}"

    def exchange(self, code: str, now: datetime) -> Tokens:
        """The first tokens, for the code of a callback. Never retried: a code works once."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
        }
        return self._tokens(form, now)

    def refresh(self, refresh: SecretStr, now: datetime, fence: Fence) -> Tokens:
        """New tokens for a refresh token; the refresh token itself may or may not change.

        Raises InvalidGrant if it is refused. After a read timeout the same token is tried once
        more, because the first answer may have been lost. `fence` is asked right before each
        request; if it says no, Overtaken is raised.
        """
        form = {"grant_type": "refresh_token", "refresh_token": refresh.get_secret_value()}
        try:
            return self._fenced(form, now, fence)
        except _Lost:
            return self._fenced(form, now, fence)

    def _fenced(self, form: dict[str, str], now: datetime, fence: Fence) -> Tokens:
        if not fence():
            raise Overtaken("Another process is still refreshing this company's tokens")
        return self._tokens(form, now)

    def check(self) -> None:
        """Check that Intuit knows our client id and secret, without touching a company or token.

        It sends a token that Intuit never gave to anybody: with valid keys Intuit says that the
        token is wrong (`invalid_grant`), otherwise that the client is (`invalid_client`). Raises
        Refused for the latter, and Unreachable or Throttled if there is no telling.
        """
        form = {"grant_type": "refresh_token", "refresh_token": NOBODYS_TOKEN}
        failure = _failure(self._post(self._token_url, data=form))
        if not isinstance(failure, InvalidGrant):
            raise failure

    def revoke(self, token: SecretStr) -> None:
        """End the connection at Intuit; a token that it does not know counts as revoked."""
        answer = self._post(self._revoke_url, json={"token": token.get_secret_value()})
        if answer.status_code not in {200, 400}:
            raise _failure(answer)

    def _tokens(self, form: dict[str, str], now: datetime) -> Tokens:
        answer = self._post(self._token_url, data=form)
        if answer.status_code != 200:
            raise _failure(answer)
        return _read_tokens(answer, now)

    def _post(self, url: str, **content: Any) -> httpx.Response:
        # `from None`: an httpx error carries its request, whose body has the token
        try:
            return self._http.post(url, **content)
        except httpx.ReadTimeout:
            raise _Lost("Intuit's sign-in service did not answer in time") from None
        except httpx.RequestError:
            raise Unreachable("Intuit's sign-in service cannot be reached") from None


class Overtaken(Unreachable):
    """A refresh was held up so long that another process may have made it."""


class _Lost(Unreachable):
    """The request went out, but the answer never came."""


def _read_tokens(answer: httpx.Response, now: datetime) -> Tokens:
    try:
        body = answer.json()
        return Tokens(
            access=body["access_token"],
            refresh=body["refresh_token"],
            expires_at=now + timedelta(seconds=int(body["expires_in"])),
            refresh_expires_at=now + timedelta(seconds=int(body["x_refresh_token_expires_in"])),
            hard_expires_at=_hard_expiry(body, now),
            created_at=now,
        )
    except (ValueError, TypeError, KeyError, OverflowError):
        # `from None`: these errors quote the input that they could not read
        raise Unreachable("Intuit's sign-in service sent an answer we cannot read") from None


def _hard_expiry(body: dict[str, Any], now: datetime) -> datetime | None:
    seconds = body.get("x_refresh_token_hard_expires_in")
    return None if seconds is None else now + timedelta(seconds=int(seconds))


def _failure(answer: httpx.Response) -> Unreachable | Throttled | Refused | InvalidGrant:
    status, error = answer.status_code, _error_name(answer)
    if error == "invalid_grant":
        return InvalidGrant("The connection to QuickBooks has ended; connect again", status=status)
    if error == "invalid_client":
        return Refused(
            "Intuit does not know our client id and secret; check both, and that they belong to "
            "this environment",
            status=status,
        )
    if status == 429:
        return Throttled("Intuit's sign-in service asks us to slow down", status=status)
    if error and status < 500:
        return Refused("Intuit's sign-in service refused the request", status=status)
    return Unreachable("Intuit's sign-in service is not working", status=status)


def _error_name(answer: httpx.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return ""
    return str(body.get("error") or "") if isinstance(body, dict) else ""


class BearerAuth(httpx.Auth):
    """Signs the requests of one company, refreshing its access token when needed.

    Raises ReauthRequired if only a person can help, Unreachable if the refresh cannot be done now.
    It also passes on what an answer says about the whole company: it calls `on_lost` when the
    connection of these tokens has ended, and tells `budget` when QuickBooks wants a pause.
    `clock` and `sleep` are for tests.
    """

    requires_response_body = True

    def __init__(
        self,
        realm: str,
        store: TokenStore,
        oauth: OAuth,
        *,
        on_lost: Callable[[Tokens, ReauthRequired], None] | None = None,
        budget: Budget | None = None,
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._realm = realm
        self._store = store
        self._oauth = oauth
        self._on_lost = on_lost
        self._budget = budget
        self._clock = clock
        self._sleep = sleep

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        tokens = self._store.load(self._realm)
        if not tokens.fresh(self._clock()):
            tokens = self._renew(tokens)
        response = yield _signed(request, tokens)
        error = _error_in(response)
        if response.status_code == 401 or isinstance(error, TokenExpired):
            tokens = self._renew(tokens)
            error = _error_in((yield _signed(request, tokens)))
        self._hear(error, tokens)

    def refresh(self) -> Tokens:
        """New tokens even if the current ones are still valid: for the daily upkeep."""
        return self._renew(self._store.load(self._realm))

    def _hear(self, error: QuickBooksError | None, tokens: Tokens) -> None:
        if isinstance(error, ReauthRequired):
            self._say_lost(tokens, error)
        if isinstance(error, Throttled) and self._budget:
            self._budget.hold(self._realm, error.retry_after, self._clock())

    def _renew(self, old: Tokens) -> Tokens:
        """The tokens that follow `old`: from another process, or refreshed here under the lease."""
        deadline = self._clock() + PATIENCE
        while self._clock() < deadline:
            with self._leased() as lease:
                current = self._store.load(self._realm)
                if current != old and current.fresh(self._clock()):
                    return current
                if lease is not None:
                    return self._refresh(current, lease)
            self._sleep(PAUSE)
        raise Unreachable("Another process is still refreshing this company's tokens")

    @contextmanager
    def _leased(self) -> Iterator[str | None]:
        lease = self._store.lease(self._realm, self._clock())
        try:
            yield lease
        finally:
            if lease is not None:
                self._store.release(self._realm, lease)

    def _refresh(self, current: Tokens, lease: str) -> Tokens:
        try:
            return self._exchange(current, current.refresh, lease)
        except Overtaken:
            stored = self._store.load(self._realm)
            if stored == current:
                raise
            return stored
        except InvalidGrant as refusal:
            return self._after(refusal, current, lease)

    def _exchange(self, current: Tokens, used: SecretStr, lease: str) -> Tokens:
        """Trade `used` for a new pair, and keep `used` until the new one has worked."""
        new = self._oauth.refresh(used, self._clock(), lambda: self._still_ours(lease))
        previous = used if new.refresh != used else None
        self._store.save(self._realm, new.model_copy(update={"previous": previous}), current)
        # the stored pair counts: if our lease lapsed meanwhile, it is another process's pair
        return self._store.load(self._realm)

    def _still_ours(self, lease: str) -> bool:
        """Whether nobody else is refreshing now, nor will be for another LEASE.

        A process that was suspended finds its lease taken; an answer that took longer than the
        lease lasts is worthless.
        """
        asked = boot_time()
        held = self._store.hold(self._realm, lease, self._clock())
        return held and boot_time() - asked < LEASE.total_seconds()

    def _after(self, refusal: InvalidGrant, refused: Tokens, lease: str) -> Tokens:
        """Read the store again, try the previous token once, and only then bother a person."""
        stored = self._store.load(self._realm)
        if stored != refused:
            return stored
        try:
            if refused.previous is not None:
                return self._exchange(refused, refused.previous, lease)
        except InvalidGrant:
            pass  # both are dead
        self._say_lost(refused, refusal)
        raise refusal

    def _say_lost(self, tokens: Tokens, error: ReauthRequired) -> None:
        if self._on_lost:
            self._on_lost(tokens, error)


def _signed(request: httpx.Request, tokens: Tokens) -> httpx.Request:
    request.headers["Authorization"] = f"Bearer {tokens.access.get_secret_value()}"
    return request


def _error_in(response: httpx.Response) -> QuickBooksError | None:
    kind = response.headers.get("Content-Type", "")
    return parse_fault(response.status_code, kind, response.content)
