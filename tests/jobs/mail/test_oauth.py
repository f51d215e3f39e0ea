"""Access tokens for mail servers without passwords: kept while they are valid, renewed, refused."""

from __future__ import annotations

import base64
import socketserver
import threading
from collections.abc import Iterator
from urllib.parse import parse_qs

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from jobs.mail.oauth import AccessTokens, NoAccessToken
from jobs.sources.imap import ImapServer
from jobs.sources.source import SourceError
from tests.sandbox.world import serve

SECRET, REFRESH = "app-secret-91", "refresh-9d2"
GOOD = {"access_token": "token-1", "expires_in": 3600}


class Provider:
    """Answers every request for a token with `answer`."""

    def __init__(self) -> None:
        self.answer: Response = JSONResponse(GOOD)
        self.asked: list[dict[str, list[str]]] = []

    async def token(self, request: Request) -> Response:
        self.asked.append(parse_qs((await request.body()).decode()))
        return self.answer


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def url(provider: Provider) -> Iterator[str]:
    """Where it answers."""
    with serve(Starlette(routes=[Route("/token", provider.token, methods=["POST"])])) as base:
        yield f"{base}/token"


def tokens(url: str, *times: float) -> AccessTokens:
    """Of one app, with a clock that says these times, then zero."""
    clock = iter(times)
    return AccessTokens(url, "app", SECRET, REFRESH, lambda: next(clock, 0.0))


def test_a_token_is_used_until_shortly_before_its_end(provider: Provider, url: str) -> None:
    """One request an hour, with what the provider wants to know."""
    access = tokens(url, 1.0, 2.0, 3_500.0, 3_590.0, 3_591.0)
    assert [access.current() for _ in range(3)] == ["token-1"] * 3
    assert len(provider.asked) == 2
    assert provider.asked[0] == {
        "grant_type": ["refresh_token"],
        "client_id": ["app"],
        "client_secret": [SECRET],
        "refresh_token": [REFRESH],
    }


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (JSONResponse({"error": "invalid_grant", "error_description": "Expired"}, 400), "Expired"),
        (JSONResponse({"access_token": "a\r\nb", "expires_in": 60}), "refused a token"),
        (JSONResponse([]), "refused a token"),
        (PlainTextResponse("<html>"), "gave no answer"),
    ],
)
def test_a_refusal_is_told_without_secrets(
    provider: Provider, url: str, answer: Response, reason: str
) -> None:
    """And names the settings to look at."""
    provider.answer = answer
    with pytest.raises(NoAccessToken, match=reason) as caught:
        tokens(url).current()
    assert "MAIL_OAUTH_" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert REFRESH not in str(caught.value)
    assert SECRET not in repr(tokens(url))


class Xoauth2(socketserver.StreamRequestHandler):
    """The beginning of an IMAP session that takes one token, as Gmail and Microsoft 365 do."""

    def handle(self) -> None:
        self.say("* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] ready")
        for line in self.rfile:
            tag, command, *_ = line.decode().split()
            if command == "AUTHENTICATE":
                self.authenticate(tag)
            else:
                self.say(f"* {command} IMAP4rev1 AUTH=XOAUTH2\r\n{tag} OK done")

    def authenticate(self, tag: str) -> None:
        self.say("+ ")
        given = base64.b64decode(self.rfile.readline()).decode()
        if given == "user=ar@ours.example\x01auth=Bearer token-1\x01\x01":
            self.say(f"{tag} OK welcome")
            return
        self.say("+ " + base64.b64encode(b'{"status":"400"}').decode())
        assert self.rfile.readline().strip() == b""
        self.say(f"{tag} NO [AUTHENTICATIONFAILED] token not accepted")

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@pytest.fixture
def imap() -> Iterator[str]:
    """An IMAP URL without a password."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Xoauth2) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"imap://ar%40ours.example@127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def test_the_mailbox_is_opened_with_a_token(provider: Provider, url: str, imap: str) -> None:
    """Without a password; a token that the server refuses is not used again."""
    access = tokens(url)
    with ImapServer.from_url(imap, access).session():
        pass
    provider.answer = JSONResponse({"access_token": "token-2", "expires_in": 60})
    access.forget()
    with (
        pytest.raises(SourceError, match=r"refused the login: .*token not accepted"),
        ImapServer.from_url(imap, access).session(),
    ):
        pass
    provider.answer = JSONResponse(GOOD)
    with ImapServer.from_url(imap, access).session():
        pass
    assert len(provider.asked) == 3
