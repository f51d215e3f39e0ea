"""The whole library over real HTTP, against the sandbox's strict QuickBooks."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pydantic import SecretStr

from qbo import (
    BearerAuth,
    Broken,
    CreditMemo,
    Customer,
    Gone,
    Invoice,
    OAuth,
    OurBug,
    Payment,
    QuickBooks,
    ReadOnly,
    ReauthRequired,
    Select,
    TokenExpired,
    among,
    where,
)
from qbo.webhooks import parse, verify
from tests.qbo.test_oauth import Store
from tests.sandbox.company import build
from tests.sandbox.quickbooks import QuickBooks as StandIn
from tests.sandbox.quickbooks.books import Change
from tests.sandbox.quickbooks.webhooks import cloud_events, legacy_events, signature
from tests.sandbox.quickbooks.wire import json_text
from tests.sandbox.world import World, serve

INVOICES = 1203
CALLBACK = "http://127.0.0.1/quickbooks/callback"


def company() -> Any:
    """A parent, its child, and more open invoices than fit on a page."""
    customers = [
        {"Id": "9", "DisplayName": "Harbor's Edge", "PrimaryEmailAddr": {"Address": "a@b.example"}},
        {"Id": "10", "DisplayName": "Möbel 🌿", "Job": True, "ParentRef": {"value": "9"}},
    ]
    invoices = [
        {
            "Id": str(1000 + n),
            "CustomerRef": {"value": "9"},
            "TotalAmt": 10.25,
            "TxnDate": "today-40",
            "DueDate": "today-10",
        }
        for n in range(INVOICES)
    ]
    paid_by_card = {"AllowOnlineCreditCardPayment": True}
    invoices[0] |= {**paid_by_card, "BillEmail": {"Address": "a@b.example"}}
    memo = {"Id": "9000", "CustomerRef": {"value": "10"}, "TotalAmt": 5, "TxnDate": "today-1"}
    return build({"customers": customers, "invoices": invoices, "credit_memos": [memo]})


class Place:
    """One served company, connected through the real OAuth."""

    def __init__(self, url: str, stand_in: StandIn, realm: str) -> None:
        self.stand_in, self.realm = stand_in, realm
        self.oauth = OAuth(
            "sandbox-client-id",
            SecretStr("sandbox-client-secret"),
            token_url=f"{url}/quickbooks/oauth2/v1/tokens/bearer",
            authorize_url=f"{url}/quickbooks/connect/oauth2",
            revoke_url=f"{url}/quickbooks/v2/oauth2/tokens/revoke",
            redirect_uri=CALLBACK,
        )
        self.store = Store(self.oauth.exchange(self._code(), datetime.now(UTC)))
        self.client = QuickBooks(
            realm, BearerAuth(realm, self.store, self.oauth), base_url=f"{url}/quickbooks"
        )

    @property
    def world(self) -> Any:
        return self.stand_in.realms[self.realm]

    def _code(self) -> str:
        answer = httpx.get(self.oauth.authorize_url("state-1"))
        back = parse_qs(urlsplit(answer.headers["Location"]).query)
        assert (back["state"], back["realmId"]) == (["state-1"], [self.realm])
        return back["code"][0]


@pytest.fixture
def place() -> Iterator[Place]:
    """A fresh company for each test."""
    world = World()
    stand_in = StandIn(world)
    world.add(stand_in)
    realm = stand_in.add_company(company())
    with serve(world.app()) as url:
        place = Place(url, stand_in, realm)
        yield place
        place.client.close()
        place.oauth.close()
    stand_in.close()


def test_all_open_invoices_are_read(place: Place) -> None:
    """Two pages, also where a page holds a row too many."""
    place.world.extra_row = True
    found = [each.id for page in place.client.open_invoices() for each in page]
    assert found == [str(1000 + n) for n in range(INVOICES)]


def test_a_poisoned_invoice_is_found(place: Place) -> None:
    """One bad address breaks its page, and is named."""
    place.world.poisoned.add(("Invoice", "1100"))
    broken: list[Broken] = []
    found = [each for page in place.client.open_invoices(broken.append) for each in page]
    assert (len(found), broken) == (INVOICES - 1, [Broken("Invoice", 101)])


def test_every_kind_of_read_is_understood(place: Place) -> None:
    """Each statement and path is one that a strict QuickBooks takes."""
    client, since = place.client, datetime.now(UTC) - timedelta(days=20)
    assert client.company_info().zone
    assert client.preferences().home_currency == "USD"
    assert [c.name for c in client.customers(["9", "10", "77"])] == ["Harbor's Edge", "Möbel 🌿"]
    assert [i.id for i in client.invoices_by_id(["1001", "1", "1002"])] == ["1001", "1002"]
    assert len(client.open_invoices_of(["9"])) == INVOICES
    assert client.paid_invoices_of(["9"], since.date()) == []
    assert client.payments(["9"]) == []
    assert [m.remaining for m in client.credit_memos(["10"])] == [5]
    assert client.credit_memo("9000").remaining == 5
    assert client.pdf("1001").startswith(b"%PDF")
    for kind in (Invoice, Payment, CreditMemo, Customer):
        list(client.changed_since(kind, since))


def test_the_pay_link_comes_where_it_was_asked_for(place: Place) -> None:
    """Only on a single read; one that QuickBooks sends unasked is dropped."""
    assert place.client.invoice("1000").invoice_link is None
    assert place.client.invoice("1000", with_link=True).invoice_link
    assert place.client.invoice("1001", with_link=True).invoice_link is None


def test_changes_show_payments_voids_and_deletions(place: Place) -> None:
    """What happened since can be read in one request."""
    since = datetime.now(UTC) - timedelta(seconds=5)
    place.stand_in.pay({"invoice": "1001", "amount": "4.00", "notify": False})
    place.stand_in.void({"invoice": "1002", "notify": False})
    place.stand_in.delete({"entity": "Invoice", "id": "1003", "notify": False})
    found = place.client.changes((Invoice, Payment), since)
    assert {i.id: i.voided for i in found.invoices} == {"1001": False, "1002": True}
    assert [p.applied[0].invoice_id for p in found.payments] == ["1001"]
    assert [(d.entity, d.id) for d in found.deleted] == [("Invoice", "1003")]
    with pytest.raises(Gone):
        place.client.invoice("1003")


def test_a_batch_reads_and_pages(place: Place) -> None:
    """A small question is answered in the batch, one too large by pages."""
    small = Select("CreditMemo", (among("CustomerRef", ["10"]),))
    large = Select("Invoice", (where("Balance", ">", "0"),))
    wrong = Select("Payment", ("UnappliedAmt > '0'",))
    credits, invoices, refused = place.client.batch([small, large, wrong])
    assert isinstance(credits, list)
    assert isinstance(invoices, list)
    assert (len(credits), len(invoices)) == (1, INVOICES)
    assert isinstance(refused, OurBug)


def test_a_note_is_written_once_and_taken_back(place: Place) -> None:
    """The same requestid gives the same note; deleting it twice is no error."""
    first = place.client.attach_note("[Overdue 1] reminder", ["1001", "1002"], "note-1")
    assert place.client.attach_note("[Overdue 1] reminder", ["1001", "1002"], "note-1") == first
    assert len(place.world.notes) == 1
    assert place.client.find_note("[Overdue 1] reminder", "1002") == first
    assert place.client.find_note("[Overdue 1] reminder", "1003") == ""
    place.client.delete_note(first)
    place.client.delete_note(first)
    assert place.world.refused_writes == []


def test_a_read_only_company_takes_no_note(place: Place) -> None:
    """The subscription lapsed: reading goes on."""
    place.world.lapsed = True
    with pytest.raises(ReadOnly):
        place.client.attach_note("a note", ["1001"], "note-1")
    assert place.client.invoice("1001").id == "1001"


def test_an_expired_token_is_renewed_on_the_way(place: Place) -> None:
    """The caller notices nothing; the new pair is stored."""
    before = place.store.current
    place.stand_in.expire({"realm": place.realm})
    assert place.client.invoice("1001").id == "1001"
    assert place.store.current != before


def test_a_disconnected_company_needs_a_person(place: Place) -> None:
    """Neither token works any more."""
    place.stand_in.disconnect({"realm": place.realm})
    with pytest.raises(ReauthRequired):
        place.client.invoice("1001")


def test_revoking_ends_the_connection(place: Place) -> None:
    """And may be repeated."""
    assert place.store.current
    for _ in range(2):
        place.oauth.revoke(place.store.current.refresh)
    with pytest.raises((ReauthRequired, TokenExpired)):
        place.client.invoice("1001")


@pytest.mark.parametrize("form", [cloud_events, legacy_events])
def test_notifications_of_both_forms_are_read(form: Any) -> None:
    """Signed and shaped as the sandbox sends them."""
    body = json_text(form("46208", [Change("Invoice", "742", "updated")], datetime.now(UTC)))
    assert verify(body, signature(body, "verifier"), ["verifier"]) == 0
    (change,) = parse(body)
    assert (change.realm, change.entity, change.id, change.verb) == (
        "46208",
        "Invoice",
        "742",
        "updated",
    )
