"""Intuit's OAuth: the authorize page, the token endpoint, revocation, and who may call.

Stricter than need be where the real behaviour is not known: by default every refresh gives a
new refresh token, and the one before is dead at once.
"""

import base64
import binascii
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

SCOPE = "com.intuit.quickbooks.accounting"
ACCESS_SECONDS = 3600
REFRESH_SECONDS = 8_726_400
HARD_SECONDS = 157_680_000
CODE_SECONDS = 600


class RefusedError(Exception):
    """The token endpoint says no: status and error word."""

    def __init__(self, error: str, status: int = 400, description: str = "") -> None:
        super().__init__(error)
        self.body = {"error": error} | ({"error_description": description} if description else {})
        self.status = status


@dataclass
class Code:
    """An authorization code, good once."""

    realm: str
    redirect_uri: str
    until: datetime
    grant: "Grant | None" = None


@dataclass
class Grant:
    """A company's consent to our app, with the tokens that live from it."""

    realm: str
    since: datetime
    refresh_token: str = ""
    refresh_since: datetime | None = None
    access: dict[str, datetime] = field(default_factory=dict)  # token → end
    stale: set[str] = field(default_factory=set)
    revoked: bool = False


class OAuth:
    """The grants of one app. Change the attributes to make Intuit behave differently.

    `rotation`: "always" gives a new refresh token each time, "daily" once in 24 hours.
    `reuse_revokes`: a refresh with a stale token ends the whole grant, as a theft would.
    `consents`: False makes the person on the authorize page say no.
    """

    def __init__(self, clock: Callable[[], datetime], client_id: str, client_secret: str) -> None:
        self.clock, self.client_id, self.client_secret = clock, client_id, client_secret
        self.rotation = "always"
        self.reuse_revokes = False
        self.consents = True
        self.chosen: str | None = None
        self.realms: list[str] = []
        self.grants: list[Grant] = []
        self._codes: dict[str, Code] = {}

    def routes(self) -> list[Route]:
        """Below the stand-in's prefix."""
        return [
            Route("/connect/oauth2", self._authorize),
            Route("/oauth2/v1/tokens/bearer", self._token, methods=["POST"]),
            Route("/v2/oauth2/tokens/revoke", self._revoke, methods=["POST"]),
        ]

    def realm_of(self, access_token: str) -> str:
        """The company an access token is good for. Raises PermissionError saying why not."""
        for grant in self.grants:
            end = grant.access.get(access_token)
            if end is not None and not grant.revoked:
                if end <= self.clock():
                    raise PermissionError(f"Token expired: {access_token[:20]}")
                return grant.realm
        raise PermissionError(f"Token is not valid: {access_token[:20]}")

    def expire(self, realm: str) -> None:
        """Let every access token of a company end now."""
        for grant in self._of(realm):
            grant.access = dict.fromkeys(grant.access, self.clock())

    def disconnect(self, realm: str) -> None:
        """An administrator of the company disconnects the app inside QuickBooks."""
        for grant in self._of(realm):
            grant.revoked = True

    def _of(self, realm: str) -> list[Grant]:
        return [grant for grant in self.grants if grant.realm == realm]

    def _authorize(self, request: Request) -> Response:
        asked = request.query_params
        problem = self._problem(request)
        if problem:
            return PlainTextResponse(f"Sorry, but {problem}.\n", 400)
        if not self.consents:
            said = {"error": "access_denied", "state": asked["state"]}
            return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(said)}", 302)
        realm = asked.get("realm") or self.chosen or self.realms[-1]
        said = {"code": self._new_code(realm, asked["redirect_uri"]), "state": asked["state"]}
        said |= {"realmId": realm}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(said)}", 302)

    def _problem(self, request: Request) -> str:
        asked = request.query_params
        if asked.get("client_id") != self.client_id:
            return "the client_id is not known"
        if asked.get("response_type") != "code":
            return "the response_type must be code"
        if SCOPE not in asked.get("scope", "").split():
            return f"the scope must contain {SCOPE}"
        if not asked.get("state"):
            return "the state is missing"
        if not self.realms or asked.get("realm", self.realms[-1]) not in self.realms:
            return "you have no such company"
        return _redirect_problem(asked.get("redirect_uri", ""))

    def _new_code(self, realm: str, redirect_uri: str) -> str:
        code = f"AB1{secrets.token_hex(20)}"
        until = self.clock() + timedelta(seconds=CODE_SECONDS)
        self._codes[code] = Code(realm, redirect_uri, until)
        return code

    async def _token(self, request: Request) -> Response:
        try:
            self._check_client(request)
            form = await _form(request)
            grant = self._granted(form)
        except RefusedError as refused:
            return JSONResponse(refused.body, refused.status)
        hard = request.headers.get("x-include-refresh-token-hard-expires-in") == "true"
        return JSONResponse(self._pair(grant, hard=hard), headers={"Cache-Control": "no-store"})

    def _check_client(self, request: Request) -> None:
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        try:
            given = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            given = ""
        if kind != "Basic" or given != f"{self.client_id}:{self.client_secret}":
            raise RefusedError("invalid_client", 401)

    def _granted(self, form: dict[str, str]) -> Grant:
        if form.get("grant_type") == "authorization_code":
            return self._exchange(form)
        if form.get("grant_type") == "refresh_token":
            return self._refresh(form.get("refresh_token", ""))
        raise RefusedError("unsupported_grant_type")

    def _exchange(self, form: dict[str, str]) -> Grant:
        code = self._codes.get(form.get("code", ""))
        if code is None or code.until <= self.clock():
            raise RefusedError("invalid_grant", description="Incorrect or invalid code")
        if code.grant is not None:
            # Asking twice may cost the tokens of the first time.
            code.grant.revoked = True
            raise RefusedError("invalid_grant", description="The code was used already")
        if code.redirect_uri != form.get("redirect_uri"):
            raise RefusedError("invalid_grant", description="redirect_uri differs")
        self.disconnect(code.realm)
        code.grant = Grant(code.realm, self.clock())
        self.grants.append(code.grant)
        return code.grant

    def _refresh(self, token: str) -> Grant:
        for grant in self.grants:
            if token in grant.stale and self.reuse_revokes:
                grant.revoked = True
            if token == grant.refresh_token and self._alive(grant):
                return grant
        raise RefusedError("invalid_grant", description="Incorrect or invalid refresh token")

    def _alive(self, grant: Grant) -> bool:
        now, since = self.clock(), grant.refresh_since or grant.since
        fresh = now < since + timedelta(seconds=REFRESH_SECONDS)
        return not grant.revoked and fresh and now < grant.since + timedelta(seconds=HARD_SECONDS)

    def _pair(self, grant: Grant, *, hard: bool) -> dict[str, object]:
        now = self.clock()
        self._rotate(grant, now)
        access = f"eyJ{secrets.token_hex(40)}"
        grant.access[access] = now + timedelta(seconds=ACCESS_SECONDS)
        left = grant.since + timedelta(seconds=HARD_SECONDS) - now
        body: dict[str, object] = {
            "token_type": "bearer",
            "access_token": access,
            "expires_in": ACCESS_SECONDS,
            "refresh_token": grant.refresh_token,
            "x_refresh_token_expires_in": REFRESH_SECONDS,
        }
        return body | (
            {"x_refresh_token_hard_expires_in": int(left.total_seconds())} if hard else {}
        )

    def _rotate(self, grant: Grant, now: datetime) -> None:
        young = grant.refresh_since and now < grant.refresh_since + timedelta(days=1)
        if self.rotation == "daily" and young:
            return
        if grant.refresh_token:
            grant.stale.add(grant.refresh_token)
        grant.refresh_token, grant.refresh_since = f"RT1-{secrets.token_hex(20)}", now

    async def _revoke(self, request: Request) -> Response:
        try:
            self._check_client(request)
            token = str((await request.json())["token"])
        except RefusedError as refused:
            return JSONResponse(refused.body, refused.status)
        except (ValueError, KeyError, TypeError):
            return JSONResponse({"error": "invalid_request"}, 400)
        for grant in self.grants:
            if not grant.revoked and (token == grant.refresh_token or token in grant.access):
                grant.revoked = True
                return Response(status_code=200)
        return JSONResponse({"error": "invalid_request"}, 400)


async def _form(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0]
    if kind != "application/x-www-form-urlencoded":
        raise RefusedError("invalid_request")
    return dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))


def _redirect_problem(uri: str) -> str:
    parts = urlsplit(uri)
    if parts.query or parts.fragment or not parts.netloc:
        return "the redirect_uri must be a plain address without a query"
    if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1"):
        return "the redirect_uri must be https"
    return ""
