"""QuickBooks' routes: what is stored, what is refused, and how a person comes back from Intuit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from redis import Redis
from sqlalchemy import select

from jobs.companies import connect
from jobs.store import companies
from jobs.store.database.tables import companies as companies_table
from jobs.store.database.tables import connect_links, events
from qbo.pacing import utc_now
from tests.bot.web_process import WebProcess, place, web_process
from tests.sandbox.quickbooks.books import Change
from tests.sandbox.quickbooks.webhooks import cloud_events, legacy_events

REALM = "4620816365000000001"


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebProcess]:
    """A web process without a Redis."""
    with place(tmp_path) as outside, web_process(outside) as found:
        yield found


def rows(web: WebProcess, table: Any = events) -> list[Any]:
    """What is on record."""
    with web.process.database.reading() as conn:
        return list(conn.execute(select(table)).all())


def notification(*ids: str, old: bool = False) -> bytes:
    """What QuickBooks sends when these invoices change."""
    shape = legacy_events if old else cloud_events
    return json.dumps(
        shape(REALM, [Change("Invoice", id, "updated") for id in ids], utc_now())
    ).encode()


@pytest.mark.parametrize("old", [False, True])
def test_a_notification_is_stored_and_due(web: WebProcess, old: bool) -> None:
    """Both formats: one row per change, to be read by the detect step."""
    assert web.notify(notification("742", "743", old=old)).status_code == 200
    found = rows(web)
    assert [(r.company, r.entity, r.entity_id) for r in found] == [
        (REALM, "Invoice", "742"),
        (REALM, "Invoice", "743"),
    ]
    assert all(row.due_at for row in found)


@pytest.mark.parametrize("shape", [cloud_events, legacy_events])
def test_a_delivery_may_be_of_several_companies(web: WebProcess, shape: Any) -> None:
    """Each row stands with its own company."""
    change, now = [Change("Invoice", "742", "updated")], utc_now()
    first, second = shape(REALM, change, now), shape("99", change, now)
    key = "eventNotifications"
    old = {key: [*first[key], *second[key]]} if shape is legacy_events else None
    assert web.notify(json.dumps(old or [*first, *second]).encode()).status_code == 200
    assert {(row.company, row.entity_id) for row in rows(web)} == {(REALM, "742"), ("99", "742")}


def test_the_same_delivery_again_adds_nothing(web: WebProcess) -> None:
    """QuickBooks repeats itself."""
    body = notification("742")
    assert [web.notify(body).status_code for _ in range(5)] == [200] * 5
    assert len(rows(web)) == 1


@pytest.mark.parametrize(
    "kind", ["application/json", "application/cloudevents-batch+json", "text/plain", "nonsense"]
)
def test_any_content_type_will_do(web: WebProcess, kind: str) -> None:
    """What counts is the signature over the bytes."""
    assert web.notify(notification("742"), **{"content-type": kind}).status_code == 200
    assert len(rows(web)) == 1


@pytest.mark.parametrize("signature", ["", "nonsense", "A" * 44])
def test_a_bad_signature_is_refused(web: WebProcess, signature: str) -> None:
    """401, and nothing is stored."""
    answer = web.notify(notification("742"), **{"intuit-signature": signature})
    assert (answer.status_code, rows(web)) == (401, [])


def test_one_changed_byte_is_refused(web: WebProcess) -> None:
    """The signature is over exactly these bytes."""
    body = notification("742")
    signed = web.notify(body).request.headers["intuit-signature"]
    changed = body.replace(b"742", b"743")
    answer = web.notify(changed, **{"intuit-signature": signed})
    assert answer.status_code == 401


def test_while_tokens_change_either_will_do(tmp_path: Path) -> None:
    """QBO_WEBHOOK_TOKENS may hold the old and the new verifier token."""
    with place(tmp_path) as outside:
        old = outside.values["QBO_WEBHOOK_TOKENS"]
        with web_process(outside, QBO_WEBHOOK_TOKENS=f"brand-new-verifier,{old}") as web:
            assert web.notify(notification("742")).status_code == 200


def test_a_probe_is_welcome(web: WebProcess) -> None:
    """An empty body, signed or not: 200, nothing to store."""
    assert web.notify(b"").status_code == 200
    assert web.client.post("/quickbooks/webhook", content=b"").status_code == 200
    assert rows(web) == []


@pytest.mark.parametrize(
    "body", [b"{", b"[1]", b"\xff\xfe", b'{"eventNotifications": 7}', b'{"a": 1}', b"[" * 5000]
)
def test_what_cannot_be_read_is_kept_once(web: WebProcess, body: bytes) -> None:
    """A good signature on nonsense: 200, one row that the detect step will alarm about."""
    assert [web.notify(body).status_code for _ in range(2)] == [200, 200]
    assert [(row.entity, row.source) for row in rows(web)] == [("malformed", "quickbooks")]


def test_the_readable_part_counts(web: WebProcess) -> None:
    """One broken event does not take the others with it."""
    broken = [*json.loads(notification("742")), {"id": "x"}]
    assert web.notify(json.dumps(broken).encode()).status_code == 200
    assert sorted(row.entity for row in rows(web)) == ["Invoice", "malformed"]


def test_an_id_too_long_for_the_record_is_malformed(web: WebProcess) -> None:
    """It could not be stored, and QuickBooks would send it for ever."""
    assert web.notify(notification("7" * 100)).status_code == 200
    assert [row.entity for row in rows(web)] == ["malformed"]


def test_an_unknown_company_is_recorded(web: WebProcess) -> None:
    """200, whoever it is about: understanding is the worker's."""
    assert web.notify(notification("742")).status_code == 200
    assert rows(web)[0].company == REALM
    assert rows(web, companies_table) == []


@pytest.mark.parametrize("announced", [True, False])
def test_too_large_is_refused(web: WebProcess, announced: bool) -> None:
    """More than 4 MB, whether it says so or just keeps coming."""
    chunk = b" " * 1_000_000
    body: Any = chunk * 5 if announced else iter([chunk] * 5)
    try:
        answer = web.client.post("/quickbooks/webhook", content=body)
    except httpx.WriteError:
        return  # the connection was closed in the middle of it
    assert answer.status_code == 413


def test_it_says_when_it_cannot_store(tmp_path: Path) -> None:
    """503: QuickBooks sends it again later."""
    with (
        place(tmp_path) as outside,
        web_process(outside, DATABASE_URL=f"sqlite:///{tmp_path}/empty.sqlite3") as web,
    ):
        assert web.notify(notification("742")).status_code == 503


def test_it_rings_where_redis_is(tmp_path: Path, valkey_url: str) -> None:
    """The detect step is woken at once."""
    with place(tmp_path, valkey_url) as outside, web_process(outside) as web:
        web.notify(notification("742"))
    with Redis.from_url(valkey_url) as client:
        assert client.llen("rq:queue:intake") == 1


def state_for(web: WebProcess) -> str:
    """What `overdue connect --as ULEAD1` prints."""
    with web.process.database.writing() as conn:
        return connect.open_link(conn, "ULEAD1", "", web.process.now())


def come_back(web: WebProcess, state: str) -> httpx.Response:
    """Follow the link to Intuit and back; the callback's answer."""
    there = web.get("/quickbooks/connect", params={"state": state})
    assert there.status_code == 302
    back = httpx.get(there.headers["location"], trust_env=False).headers["location"]
    given = parse_qs(urlsplit(back).query)
    return web.get("/quickbooks/callback", params={name: v[0] for name, v in given.items()})


def test_connecting_from_link_to_page(web: WebProcess) -> None:
    """A person follows the link, consents, and reads that it worked; the company is there."""
    page = come_back(web, state_for(web))
    assert page.status_code == 200
    assert "Brass Fern is connected" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    (company,) = companies_of(web)
    assert (company.realm, company.channel, company.live) == (REALM, "CFINANCE", False)


def companies_of(web: WebProcess) -> list[companies.ConnectedCompany]:
    """The companies on record."""
    with web.process.database.reading() as conn:
        return companies.all_of_them(conn)


def test_a_page_loaded_twice_connects_once(web: WebProcess) -> None:
    """The second load is told so, and does not hurt the connection."""
    state = state_for(web)
    assert come_back(web, state).status_code == 200
    again = web.get("/quickbooks/callback", params={"state": state, "code": "x", "realmId": REALM})
    assert again.status_code == 400
    assert "already been used" in again.text
    assert "all is well" in again.text  # for whoever has just seen that it is connected
    assert companies_of(web)[0].connected


def test_a_link_that_is_not_ours_goes_nowhere(web: WebProcess) -> None:
    """Nobody is sent to Intuit by a link that somebody made up; markup in it stays text."""
    page = web.get("/quickbooks/connect", params={"state": "<script>"})
    assert page.status_code == 400
    assert "overdue connect" in page.text
    assert "<script>" not in page.text


def test_a_person_who_says_no(web: WebProcess) -> None:
    """Intuit sends an error: friendly words, nothing connected, the link stays unused."""
    state = state_for(web)
    page = web.get("/quickbooks/callback", params={"error": "access_denied", "state": state})
    assert page.status_code == 400
    assert "Access was not granted" in page.text
    assert [row.used_at for row in rows(web, connect_links)] == [None]


@pytest.mark.parametrize(
    "given", [{}, {"code": "x"}, {"code": "x", "realmId": "../1"}, {"realmId": REALM}]
)
def test_a_callback_without_its_parts(web: WebProcess, given: dict[str, str]) -> None:
    """Opened by hand: words, not an error."""
    page = web.get("/quickbooks/callback", params=given | {"state": state_for(web)})
    assert page.status_code == 400
    assert companies_of(web) == []


def test_intuit_is_away(web: WebProcess) -> None:
    """The exchange fails: words, and a new link is needed."""
    from tests.sandbox.faults import fault_from

    state = state_for(web)
    fault = {"service": "quickbooks", "match": "tokens/bearer", "kind": "refuse"}
    web.place.outside.world.faults.add(fault_from(fault))
    page = come_back(web, state)
    assert page.status_code == 400
    assert "cannot be reached" in page.text
    assert companies_of(web) == []


def test_the_page_after_disconnecting(web: WebProcess) -> None:
    """Intuit sends people here, and anybody may come: it claims only what is on record."""

    def said(realm: str) -> str:
        return web.get("/quickbooks/disconnected", params={"realmId": realm}).text

    assert come_back(web, state_for(web)).status_code == 200
    for realm in (REALM, "999", "<script>", ""):
        assert "no longer connected" not in said(realm)
        assert "If this company was just disconnected" in said(realm)
    with web.process.database.writing() as conn:
        companies.change(conn, REALM, status="reauth_required")
    assert "no longer connected" in said(REALM)


def test_a_webhook_is_not_a_page(web: WebProcess) -> None:
    """Only POST."""
    assert web.get("/quickbooks/webhook").status_code == 405
