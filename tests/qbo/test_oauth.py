"""Connecting, refreshing once, and never using tokens that are not stored."""

import base64
import itertools
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pydantic import SecretStr

from qbo import (
    LEASE,
    BearerAuth,
    InvalidGrant,
    OAuth,
    QuickBooksError,
    ReauthRequired,
    Refused,
    Throttled,
    Tokens,
    Unreachable,
)
from tests.qbo.ledger import Purse, fault

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
REALM = "4620816365000000001"
Handler = Callable[[httpx.Request], httpx.Response]


class Clock:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def tokens(number: int = 0, expires: datetime = NOON + timedelta(hours=1)) -> Tokens:
    return Tokens(
        access=SecretStr(f"access-{number}"),
        refresh=SecretStr(f"refresh-{number}"),
        expires_at=expires,
        refresh_expires_at=NOON + timedelta(days=100),
        created_at=NOON - timedelta(hours=1),
    )


STALE = tokens(0, NOON)


class Store:
    """A TokenStore in memory that keeps a diary."""

    def __init__(self, current: Tokens | None) -> None:
        self.current = current
        self.diary: list[str] = []
        self._holder = ""
        self._until = NOON
        self._leases = 0
        self._lock = threading.Lock()
        self.refused = threading.Event()

    def load(self, realm: str) -> Tokens:
        if self.current is None:
            raise ReauthRequired(f"company {realm} is not connected")
        return self.current

    def lease(self, realm: str, now: datetime) -> str | None:
        with self._lock:
            if self._holder and now < self._until:
                self.refused.set()
                return None
            self._leases += 1
            self._holder, self._until = f"lease-{self._leases}", now + LEASE
            self.diary.append("leased")
            return self._holder

    def save(self, realm: str, new: Tokens, replaces: Tokens) -> None:
        with self._lock:
            if self.current == replaces:
                self.current = new
                self.diary.append(f"saved {new.access.get_secret_value()}")

    def hold(self, realm: str, lease: str, now: datetime) -> bool:
        with self._lock:
            held = self._holder == lease
            self._until = now + LEASE if held else self._until
            return held

    def release(self, realm: str, lease: str) -> None:
        with self._lock:
            if self._holder == lease:
                self._holder = ""
                self.diary.append("released")


class Intuit:
    """The token endpoint: one refresh token is good at a time, and each refresh rotates it."""

    def __init__(self) -> None:
        self.number = 0
        self.requests: list[httpx.Request] = []
        self.answers: list[httpx.Response | Exception] = []
        self.store: Store | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.store:
            self.store.diary.append("asked")
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        form = parse_qs(request.content.decode())
        if form.get("refresh_token", [f"refresh-{self.number}"]) != [f"refresh-{self.number}"]:
            return httpx.Response(400, json={"error": "invalid_grant"})
        self.number += 1
        return httpx.Response(200, json=body(self.number))


def body(number: int, **more: Any) -> dict[str, Any]:
    return {
        "token_type": "bearer",
        "access_token": f"access-{number}",
        "expires_in": 3600,
        "refresh_token": f"refresh-{number}",
        "x_refresh_token_expires_in": 8726400,
        **more,
    }


def oauth(handler: Handler) -> OAuth:
    return OAuth(
        "client",
        SecretStr("s3cret"),
        token_url="https://oauth.example/tokens/bearer",
        authorize_url="https://appcenter.example/connect/oauth2",
        revoke_url="https://developer.example/revoke",
        redirect_uri="https://overdue.example/quickbooks/callback",
        transport=httpx.MockTransport(handler),
    )


def refreshed(intuit: Intuit, token: str) -> Tokens:
    """What comes back for `token` where nobody else refreshes."""
    return oauth(intuit).refresh(SecretStr(token), NOON, lambda: True)


class Api:
    """QuickBooks itself: accepts one access token at a time, and remembers what was shown."""

    answer: httpx.Response | None = None

    def __init__(self, accepts: str) -> None:
        self.accepts = accepts
        self.shown: list[str] = []
        self.store: Store | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        shown = request.headers["Authorization"].removeprefix("Bearer ")
        self.shown.append(shown)
        if self.store:
            self.store.diary.append(f"used {shown}")
        return self.answer or httpx.Response(200 if shown == self.accepts else 401)


class World:
    """A store, Intuit, QuickBooks, and a clock that all know each other."""

    def __init__(self, current: Tokens | None, accepts: str = "access-1") -> None:
        self.clock = Clock()
        self.store = Store(current)
        self.intuit, self.api = Intuit(), Api(accepts)
        self.intuit.store = self.api.store = self.store
        self.lost: list[tuple[Tokens, ReauthRequired]] = []
        self.budget = Purse()
        self.auth = BearerAuth(
            REALM,
            self.store,
            oauth(self.intuit),
            on_lost=lambda tokens, error: self.lost.append((tokens, error)),
            budget=self.budget,
            clock=self.clock,
            sleep=self.clock.sleep,
        )
        self.http = httpx.Client(auth=self.auth, transport=httpx.MockTransport(self.api))

    def get(self) -> httpx.Response:
        return self.http.get("https://quickbooks.example/v3")


def test_the_consent_page_gets_state_and_scope() -> None:
    """Everything Intuit needs to bring the person back to us."""
    url = urlsplit(oauth(Intuit()).authorize_url("st&te"))
    assert (url.hostname, url.path) == ("appcenter.example", "/connect/oauth2")
    assert parse_qs(url.query) == {
        "client_id": ["client"],
        "response_type": ["code"],
        "scope": ["com.intuit.quickbooks.accounting"],
        "redirect_uri": ["https://overdue.example/quickbooks/callback"],
        "state": ["st&te"],
    }


def test_a_code_becomes_tokens() -> None:
    """A form with Basic authentication; lifetimes become times."""
    intuit = Intuit()
    intuit.answers = [httpx.Response(200, json=body(1, x_refresh_token_hard_expires_in=1000))]
    got = oauth(intuit).exchange("c0de", NOON)
    (request,) = intuit.requests
    assert parse_qs(request.content.decode())["grant_type"] == ["authorization_code"]
    assert parse_qs(request.content.decode())["code"] == ["c0de"]
    assert (
        request.headers["Authorization"] == "Basic " + base64.b64encode(b"client:s3cret").decode()
    )
    assert request.headers["x-include-refresh-token-hard-expires-in"] == "true"
    assert got.expires_at == NOON + timedelta(hours=1)
    assert got.refresh_expires_at == NOON + timedelta(days=101)
    assert got.hard_expires_at == NOON + timedelta(seconds=1000)
    assert got.created_at == NOON


def test_a_code_is_never_sent_twice() -> None:
    """Intuit may invalidate the tokens of a code that is used again."""
    intuit = Intuit()
    intuit.answers = [httpx.ReadTimeout("late")]
    with pytest.raises(Unreachable):
        oauth(intuit).exchange("c0de", NOON)
    assert len(intuit.requests) == 1


def test_a_refresh_whose_answer_was_lost_is_repeated_once() -> None:
    """The same value again, because the first answer may have been lost on its way."""
    intuit = Intuit()
    intuit.answers = [httpx.ReadTimeout("late")]
    assert refreshed(intuit, "refresh-0").refresh == SecretStr("refresh-1")
    intuit.answers = [httpx.ReadTimeout("late"), httpx.ReadTimeout("late")]
    with pytest.raises(Unreachable):
        refreshed(intuit, "refresh-1")
    assert len(intuit.requests) == 4


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(400, json={"error": "invalid_grant"}), InvalidGrant),
        (httpx.Response(401, json={"error": "invalid_client"}), Refused),
        (httpx.Response(400, json={"error": "invalid_request"}), Refused),
        (httpx.Response(429, text="slow"), Throttled),
        (httpx.Response(503, text="<html>"), Unreachable),
        (httpx.Response(200, text="<html>"), Unreachable),
        (httpx.Response(200, json={"access_token": "hidden"}), Unreachable),
        (httpx.Response(200, json=[]), Unreachable),
        (httpx.ConnectError("refresh_token=hidden"), Unreachable),
    ],
)
def test_each_failure_of_the_token_endpoint_has_its_error(
    answer: httpx.Response | Exception, kind: type[QuickBooksError]
) -> None:
    """And none of them repeats a token."""
    intuit = Intuit()
    intuit.answers = [answer]
    with pytest.raises(kind) as caught:
        refreshed(intuit, "hidden")
    assert "hidden" not in f"{caught.value} {caught.value!r} {caught.value.__cause__}"


@pytest.mark.parametrize("status", [200, 400])
def test_revoking_twice_is_no_error(status: int) -> None:
    """A token that Intuit no longer knows is revoked enough."""
    intuit = Intuit()
    intuit.answers = [httpx.Response(status)]
    oauth(intuit).revoke(SecretStr("refresh-0"))
    assert intuit.requests[0].content == b'{"token":"refresh-0"}'


def test_revoking_fails_when_intuit_is_down() -> None:
    """A disconnection that did not happen is said."""
    intuit = Intuit()
    intuit.answers = [httpx.Response(503)]
    with pytest.raises(Unreachable):
        oauth(intuit).revoke(SecretStr("refresh-0"))


def test_tokens_show_in_no_text() -> None:
    """Neither the pair nor its parts can be logged by accident."""
    assert "access-0" not in f"{tokens()} {tokens()!r} {tokens().model_dump()}"


def test_a_fresh_token_is_used_as_it_is() -> None:
    """No lease, no refresh."""
    world = World(tokens(1))
    assert world.get().status_code == 200
    assert world.store.diary == ["used access-1"]


def test_an_old_token_is_refreshed_and_stored_before_use() -> None:
    """Leased, asked, saved, released, and only then used."""
    world = World(STALE)
    assert world.get().status_code == 200
    assert world.store.diary == ["leased", "asked", "saved access-1", "released", "used access-1"]


def test_a_refused_token_is_refreshed_and_tried_once_more() -> None:
    """QuickBooks may end an access token before its time."""
    world = World(tokens(0))
    assert world.get().status_code == 200
    assert world.api.shown == ["access-0", "access-1"]


def test_a_second_refusal_is_the_answer() -> None:
    """One refresh, one repetition, no loop."""
    world = World(tokens(0), accepts="nothing")
    assert world.get().status_code == 401
    assert (len(world.intuit.requests), len(world.api.shown)) == (1, 2)


def test_tokens_that_another_process_renewed_are_taken() -> None:
    """A refused token that is no longer the stored one needs no refresh."""
    world = World(tokens(0))
    serve = world.api.__call__

    def rotated_meanwhile(request: httpx.Request) -> httpx.Response:
        answer = serve(request)
        world.store.current = tokens(1)
        return answer

    world.http = httpx.Client(auth=world.auth, transport=httpx.MockTransport(rotated_meanwhile))
    assert world.get().status_code == 200
    assert world.intuit.requests == []


def test_an_ended_connection_needs_a_person() -> None:
    """A refused refresh token that is still the stored one is the end."""
    world = World(STALE)
    world.intuit.answers = [httpx.Response(400, json={"error": "invalid_grant"})]
    with pytest.raises(ReauthRequired) as caught:
        world.get()
    assert caught.value.permanent
    assert world.store.diary == ["leased", "asked", "released"]
    assert world.lost == [(STALE, caught.value)]


def test_a_refusal_is_forgiven_where_another_process_was_faster() -> None:
    """The store is read once more before a person is troubled."""
    world = World(STALE)

    def rotate_and_refuse(request: httpx.Request) -> httpx.Response:
        world.store.current = tokens(1)
        return httpx.Response(400, json={"error": "invalid_grant"})

    world.auth._oauth = oauth(rotate_and_refuse)
    assert world.get().status_code == 200
    assert world.api.shown == ["access-1"]


def test_a_pair_that_came_too_late_is_not_stored_over_a_newer_one() -> None:
    """Whose lease lapsed uses what another process stored."""
    world = World(STALE, accepts="access-7")

    def late(request: httpx.Request) -> httpx.Response:
        world.store.current = tokens(7)
        return httpx.Response(200, json=body(1))

    world.auth._oauth = oauth(late)
    assert world.get().status_code == 200
    assert world.store.current == tokens(7)
    assert world.api.shown == ["access-7"]


def overtake(world: World) -> None:
    """The holder of the lease stands still; when it has lapsed another process refreshes."""
    world.clock.now += LEASE
    other = BearerAuth(REALM, world.store, oauth(world.intuit), clock=world.clock)
    assert other.refresh().access == SecretStr("access-1")


@pytest.mark.parametrize("lost", [False, True], ids=["before the request", "before its repetition"])
def test_a_process_that_was_held_up_does_not_use_a_token_again(lost: bool) -> None:
    """Intuit may end a connection over an old refresh token; what is stored by now is used."""
    world = World(STALE)
    load = world.store.load

    def late(request: httpx.Request) -> httpx.Response:
        overtake(world)
        raise httpx.ReadTimeout("late")

    def slowly(realm: str) -> Tokens:
        found = load(realm)
        if "leased" in world.store.diary:
            world.store.load = load  # type: ignore[method-assign]
            overtake(world)
        return found

    if lost:
        world.auth._oauth = oauth(late)
    else:
        world.store.load = slowly  # type: ignore[method-assign]
    assert world.get().status_code == 200
    assert world.api.shown == ["access-1"]
    assert len(world.intuit.requests) == 1


def test_an_answer_about_the_lease_that_took_longer_than_it_lasts_is_worth_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The machine stood still after the record had said yes; nobody has refreshed meanwhile."""
    world = World(STALE)
    hours = itertools.count(step=3600.0)
    monkeypatch.setattr("qbo.oauth.boot_time", lambda: next(hours))
    with pytest.raises(Unreachable, match="Another process"):
        world.get()
    assert world.intuit.requests == []


def test_a_failed_refresh_gives_the_lease_back() -> None:
    """The next one need not wait for the lease to lapse."""
    world = World(STALE)
    world.intuit.answers = [httpx.Response(503)]
    with pytest.raises(Unreachable):
        world.get()
    assert world.store.diary == ["leased", "asked", "released"]
    assert world.get().status_code == 200


def test_waiting_for_another_process_has_an_end() -> None:
    """A lease that is never given back costs seconds, not for ever."""
    world = World(STALE)
    assert world.store.lease(REALM, NOON)
    with pytest.raises(Unreachable, match="Another process"):
        world.get()
    assert NOON + timedelta(seconds=15) < world.clock.now < NOON + LEASE
    assert world.intuit.requests == []


def test_the_lease_of_a_dead_process_lapses() -> None:
    """After its time the next one refreshes."""
    world = World(STALE)
    assert world.store.lease(REALM, NOON)
    world.clock.now += LEASE
    assert world.get().status_code == 200


def test_the_daily_upkeep_refreshes_a_fresh_token() -> None:
    """So that the hundred days of a refresh token never pass."""
    world = World(tokens(0))
    assert world.auth.refresh().access == SecretStr("access-1")
    assert world.store.diary == ["leased", "asked", "saved access-1", "released"]


def test_a_company_without_tokens_needs_a_person() -> None:
    """Nothing is asked of QuickBooks."""
    world = World(None)
    with pytest.raises(ReauthRequired):
        world.get()
    assert world.api.shown == []


def test_a_race_of_threads_refreshes_once() -> None:
    """Eight threads with an old token: one refresh, eight answers."""
    world = World(STALE)
    statuses: list[int] = []

    def slowly(request: httpx.Request) -> httpx.Response:
        assert world.store.refused.wait(10), "no other thread wanted the lease"
        return world.intuit(request)

    auth = BearerAuth(
        REALM, world.store, oauth(slowly), clock=lambda: NOON, sleep=lambda _: time.sleep(0)
    )
    http = httpx.Client(auth=auth, transport=httpx.MockTransport(world.api))

    def ask() -> None:
        statuses.append(http.get("https://quickbooks.example/v3").status_code)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert statuses == [200] * 8
    assert len(world.intuit.requests) == 1


def test_the_token_before_is_kept_until_the_new_one_has_worked() -> None:
    """A rotation keeps the old value; the next refresh proves the new one and drops the old."""
    world = World(tokens(0))
    assert world.auth.refresh().previous == SecretStr("refresh-0")
    assert world.auth.refresh().previous == SecretStr("refresh-1")


def test_a_value_that_did_not_change_has_proved_itself() -> None:
    """Intuit rotates about once a day; a refresh before that leaves nothing to fall back on."""
    world = World(tokens(1).model_copy(update={"previous": SecretStr("refresh-0")}))
    world.intuit.answers = [httpx.Response(200, json=body(1))]
    assert world.auth.refresh().previous is None


def test_the_token_before_is_tried_once() -> None:
    """Where the new one never took effect at Intuit, the old one still does."""
    world = World(tokens(7, NOON).model_copy(update={"previous": SecretStr("refresh-0")}))
    assert world.get().status_code == 200
    forms = [parse_qs(request.content.decode()) for request in world.intuit.requests]
    assert [form["refresh_token"] for form in forms] == [["refresh-7"], ["refresh-0"]]
    assert world.lost == []


def test_when_both_tokens_are_refused_a_person_is_needed() -> None:
    """Two questions, one answer, said once."""
    world = World(tokens(7, NOON).model_copy(update={"previous": SecretStr("refresh-6")}))
    with pytest.raises(InvalidGrant):
        world.get()
    assert (len(world.intuit.requests), len(world.lost)) == (2, 1)


def test_the_token_before_waits_for_an_intuit_that_is_away() -> None:
    """No answer is no refusal: nobody is told that the connection is over."""
    world = World(tokens(7, NOON).model_copy(update={"previous": SecretStr("refresh-0")}))
    refused = httpx.Response(400, json={"error": "invalid_grant"})
    world.intuit.answers = [refused, httpx.Response(503)]
    with pytest.raises(Unreachable):
        world.get()
    assert world.lost == []


@pytest.mark.parametrize(
    ("status", "code"), [(403, "3100"), (400, "120"), (200, "3100"), (200, "120")]
)
def test_an_answer_can_say_that_the_connection_is_over(status: int, code: str) -> None:
    """Whoever connected lost access: the tokens that were shown are named."""
    world = World(tokens(1))
    error = {"message": "m", "detail": "d", "code": code}
    world.api.answer = httpx.Response(status, json={"fault": {"error": [error]}})
    assert world.get().status_code == status
    assert [(lost, error.code) for lost, error in world.lost] == [(tokens(1), int(code))]


def within(name: str, code: str) -> httpx.Response:
    """A 200 of several items, one of which carries a fault."""
    refusal = {"bId": "q1", **fault(code).json()}
    return httpx.Response(200, json={name: [{"bId": "q0", "QueryResponse": {}}, refusal]})


@pytest.mark.parametrize("name", ["BatchItemResponse", "CDCResponse"])
@pytest.mark.parametrize("code", ["3100", "120"])
def test_one_item_can_say_that_the_connection_is_over(name: str, code: str) -> None:
    """The items beside it may have been answered: the next ones would not be."""
    world = World(tokens(1))
    world.api.answer = within(name, code)
    world.get()
    assert [error.code for _, error in world.lost] == [int(code)]


@pytest.mark.parametrize("answer", [fault("3200", 200), within("BatchItemResponse", "3200")])
def test_a_token_refused_in_a_friendly_envelope_is_refreshed(answer: httpx.Response) -> None:
    """As after a 401: once, and the question is asked again."""
    world = World(tokens(0))
    world.api.answer = answer
    world.get()
    assert world.api.shown == ["access-0", "access-1"]
    assert (len(world.intuit.requests), world.lost) == (1, [])


@pytest.mark.parametrize("answer", [fault("3001", 200), within("BatchItemResponse", "3001")])
def test_a_pause_in_a_friendly_envelope_holds_the_company(answer: httpx.Response) -> None:
    """As a 429 does."""
    world = World(tokens(1))
    world.api.answer = answer
    world.get()
    assert world.budget.held == [(REALM, 60.0)]


def test_a_429_holds_the_whole_company() -> None:
    """For the documented minute, whoever asks next."""
    world = World(tokens(1))
    world.api.answer = httpx.Response(429, text="<html>")
    world.get()
    assert world.budget.held == [(REALM, 60.0)]


def test_other_errors_hold_nobody() -> None:
    """A bad query is this request's own trouble."""
    world = World(tokens(1))
    error = {"Message": "m", "Detail": "d", "code": "4001"}
    world.api.answer = httpx.Response(400, json={"Fault": {"Error": [error]}})
    world.get()
    assert (world.lost, world.budget.held) == ([], [])
