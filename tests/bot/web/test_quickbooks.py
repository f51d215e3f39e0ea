"""QuickBooks' door: what is stored, what is refused, and how a person comes back from Intuit."""

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
from tests.bot.kits import Front, front, place
from tests.sandbox.quickbooks.books import Change
from tests.sandbox.quickbooks.webhooks import cloud_events, legacy_events

REALM = "4620816365000000001"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Front]:
    """A web process without a Redis."""
    with place(tmp_path) as outside, front(outside) as found:
        yield found


def rows(door: Front, table: Any = events) -> list[Any]:
    """What is on record."""
    with door.process.database.reading() as conn:
        return list(conn.execute(select(table)).all())


def notification(*ids: str, old: bool = False) -> bytes:
    """What QuickBooks sends when these invoices change."""
    shape = legacy_events if old else cloud_events
    return json.dumps(
        shape(REALM, [Change("Invoice", id, "updated") for id in ids], utc_now())
    ).encode()


@pytest.mark.parametrize("old", [False, True])
def test_a_notification_is_stored_and_due(door: Front, old: bool) -> None:
    """Both formats: one row per change, to be read by the detect step."""
    assert door.notify(notification("742", "743", old=old)).status_code == 200
    found = rows(door)
    assert [(r.company, r.entity, r.entity_id) for r in found] == [
        (REALM, "Invoice", "742"),
        (REALM, "Invoice", "743"),
    ]
    assert all(row.due_at for row in found)


@pytest.mark.parametrize("shape", [cloud_events, legacy_events])
def test_a_delivery_may_be_of_several_companies(door: Front, shape: Any) -> None:
    """Each row stands with its own company."""
    change, now = [Change("Invoice", "742", "updated")], utc_now()
    first, second = shape(REALM, change, now), shape("99", change, now)
    key = "eventNotifications"
    old = {key: [*first[key], *second[key]]} if shape is legacy_events else None
    assert door.notify(json.dumps(old or [*first, *second]).encode()).status_code == 200
    assert {(row.company, row.entity_id) for row in rows(door)} == {(REALM, "742"), ("99", "742")}


def test_the_same_delivery_again_adds_nothing(door: Front) -> None:
    """QuickBooks repeats itself."""
    body = notification("742")
    assert [door.notify(body).status_code for _ in range(5)] == [200] * 5
    assert len(rows(door)) == 1


@pytest.mark.parametrize(
    "kind", ["application/json", "application/cloudevents-batch+json", "text/plain", "nonsense"]
)
def test_any_content_type_will_do(door: Front, kind: str) -> None:
    """What counts is the signature over the bytes."""
    assert door.notify(notification("742"), **{"content-type": kind}).status_code == 200
    assert len(rows(door)) == 1


@pytest.mark.parametrize("signature", ["", "nonsense", "A" * 44])
def test_a_bad_signature_is_refused(door: Front, signature: str) -> None:
    """401, and nothing is stored."""
    answer = door.notify(notification("742"), **{"intuit-signature": signature})
    assert (answer.status_code, rows(door)) == (401, [])


def test_one_changed_byte_is_refused(door: Front) -> None:
    """The signature is over exactly these bytes."""
    body = notification("742")
    signed = door.notify(body).request.headers["intuit-signature"]
    changed = body.replace(b"742", b"743")
    answer = door.notify(changed, **{"intuit-signature": signed})
    assert answer.status_code == 401


def test_while_tokens_change_either_will_do(tmp_path: Path) -> None:
    """QBO_WEBHOOK_TOKENS may hold the old and the new verifier token."""
    with place(tmp_path) as outside:
        old = outside.values["QBO_WEBHOOK_TOKENS"]
        with front(outside, QBO_WEBHOOK_TOKENS=f"brand-new-verifier,{old}") as door:
            assert door.notify(notification("742")).status_code == 200


def test_a_probe_is_welcome(door: Front) -> None:
    """An empty body, signed or not: 200, nothing to store."""
    assert door.notify(b"").status_code == 200
    assert door.client.post("/quickbooks/webhook", content=b"").status_code == 200
    assert rows(door) == []


@pytest.mark.parametrize(
    "body", [b"{", b"[1]", b"\xff\xfe", b'{"eventNotifications": 7}', b'{"a": 1}', b"[" * 5000]
)
def test_what_cannot_be_read_is_kept_once(door: Front, body: bytes) -> None:
    """A good signature on nonsense: 200, one row that the detect step will alarm about."""
    assert [door.notify(body).status_code for _ in range(2)] == [200, 200]
    assert [(row.entity, row.source) for row in rows(door)] == [("malformed", "quickbooks")]


def test_the_readable_part_counts(door: Front) -> None:
    """One broken event does not take the others with it."""
    broken = [*json.loads(notification("742")), {"id": "x"}]
    assert door.notify(json.dumps(broken).encode()).status_code == 200
    assert sorted(row.entity for row in rows(door)) == ["Invoice", "malformed"]


def test_an_id_too_long_for_the_record_is_malformed(door: Front) -> None:
    """It could not be stored, and QuickBooks would send it for ever."""
    assert door.notify(notification("7" * 100)).status_code == 200
    assert [row.entity for row in rows(door)] == ["malformed"]


def test_an_unknown_company_is_recorded(door: Front) -> None:
    """200, whoever it is about: understanding is the worker's."""
    assert door.notify(notification("742")).status_code == 200
    assert rows(door)[0].company == REALM
    assert rows(door, companies_table) == []


@pytest.mark.parametrize("announced", [True, False])
def test_too_large_is_refused(door: Front, announced: bool) -> None:
    """More than 4 MB, whether it says so or just keeps coming."""
    chunk = b" " * 1_000_000
    body: Any = chunk * 5 if announced else iter([chunk] * 5)
    try:
        answer = door.client.post("/quickbooks/webhook", content=body)
    except httpx.WriteError:
        return  # the door was shut in the middle of it
    assert answer.status_code == 413


def test_it_says_when_it_cannot_store(tmp_path: Path) -> None:
    """503: QuickBooks sends it again later."""
    with (
        place(tmp_path) as outside,
        front(outside, DATABASE_URL=f"sqlite:///{tmp_path}/empty.sqlite3") as door,
    ):
        assert door.notify(notification("742")).status_code == 503


def test_it_rings_where_redis_is(tmp_path: Path, valkey_url: str) -> None:
    """The detect step is woken at once."""
    with place(tmp_path, valkey_url) as outside, front(outside) as door:
        door.notify(notification("742"))
    with Redis.from_url(valkey_url) as client:
        assert client.llen("rq:queue:intake") == 1


def state_for(door: Front) -> str:
    """What `overdue connect --as ULEAD1` prints."""
    with door.process.database.writing() as conn:
        return connect.open_link(conn, "ULEAD1", "", door.process.now())


def come_back(door: Front, state: str) -> httpx.Response:
    """Follow the link to Intuit and back; the callback's answer."""
    there = door.get("/quickbooks/connect", params={"state": state})
    assert there.status_code == 302
    back = httpx.get(there.headers["location"], trust_env=False).headers["location"]
    given = parse_qs(urlsplit(back).query)
    return door.get("/quickbooks/callback", params={name: v[0] for name, v in given.items()})


def test_connecting_from_link_to_page(door: Front) -> None:
    """A person follows the link, consents, and reads that it worked; the company is there."""
    page = come_back(door, state_for(door))
    assert page.status_code == 200
    assert "Brass Fern is connected" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    (company,) = companies_of(door)
    assert (company.realm, company.channel, company.live) == (REALM, "CFINANCE", False)


def companies_of(door: Front) -> list[companies.ConnectedCompany]:
    """The companies on record."""
    with door.process.database.reading() as conn:
        return companies.all_of_them(conn)


def test_a_page_loaded_twice_connects_once(door: Front) -> None:
    """The second load is told so, and does not hurt the connection."""
    state = state_for(door)
    assert come_back(door, state).status_code == 200
    again = door.get("/quickbooks/callback", params={"state": state, "code": "x", "realmId": REALM})
    assert again.status_code == 400
    assert "already been used" in again.text
    assert "all is well" in again.text  # for whoever has just seen that it is connected
    assert companies_of(door)[0].connected


def test_a_link_that_is_not_ours_goes_nowhere(door: Front) -> None:
    """Nobody is sent to Intuit by a link that somebody made up; markup in it stays text."""
    page = door.get("/quickbooks/connect", params={"state": "<script>"})
    assert page.status_code == 400
    assert "overdue connect" in page.text
    assert "<script>" not in page.text


def test_a_person_who_says_no(door: Front) -> None:
    """Intuit sends an error: friendly words, nothing connected, the door stays unused."""
    state = state_for(door)
    page = door.get("/quickbooks/callback", params={"error": "access_denied", "state": state})
    assert page.status_code == 400
    assert "Access was not granted" in page.text
    assert [row.used_at for row in rows(door, connect_links)] == [None]


@pytest.mark.parametrize(
    "given", [{}, {"code": "x"}, {"code": "x", "realmId": "../1"}, {"realmId": REALM}]
)
def test_a_callback_without_its_parts(door: Front, given: dict[str, str]) -> None:
    """Opened by hand: words, not an error."""
    page = door.get("/quickbooks/callback", params=given | {"state": state_for(door)})
    assert page.status_code == 400
    assert companies_of(door) == []


def test_intuit_is_away(door: Front) -> None:
    """The exchange fails: words, and a new link is needed."""
    from tests.sandbox.faults import fault_from

    state = state_for(door)
    fault = {"service": "quickbooks", "match": "tokens/bearer", "kind": "refuse"}
    door.place.outside.world.faults.add(fault_from(fault))
    page = come_back(door, state)
    assert page.status_code == 400
    assert "cannot be reached" in page.text
    assert companies_of(door) == []


def test_the_page_after_disconnecting(door: Front) -> None:
    """Intuit sends people here, and anybody may come: it claims only what is on record."""

    def said(realm: str) -> str:
        return door.get("/quickbooks/disconnected", params={"realmId": realm}).text

    assert come_back(door, state_for(door)).status_code == 200
    for realm in (REALM, "999", "<script>", ""):
        assert "no longer connected" not in said(realm)
        assert "If this company was just disconnected" in said(realm)
    with door.process.database.writing() as conn:
        companies.change(conn, REALM, status="reauth_required")
    assert "no longer connected" in said(REALM)


def test_a_webhook_is_not_a_page(door: Front) -> None:
    """Only POST."""
    assert door.get("/quickbooks/webhook").status_code == 405
