"""What the people of a company do in QuickBooks, and the webhooks that tell of it."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.real_processes import PATIENCE
from tests.sandbox.company import build
from tests.sandbox.quickbooks import QuickBooks
from tests.sandbox.quickbooks.books import Books
from tests.sandbox.quickbooks.webhooks import Delivery, signature
from tests.sandbox.world import World, serve

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
TO_ANN = {"CustomerRef": {"value": "1"}}


def company(**more: Any) -> dict[str, Any]:
    """Ann owes 100 and 40; a credit memo of 15 has paid a part of the second."""
    linked = [
        {"Amount": 15, "LinkedTxn": [{"TxnId": "11", "TxnType": "Invoice"}]},
        {"Amount": 15, "LinkedTxn": [{"TxnId": "30", "TxnType": "CreditMemo"}]},
    ]
    return {
        "customers": [
            {"Id": "1", "DisplayName": "Ann"},
            {"Id": "2", "DisplayName": "Porch", "ParentRef": {"value": "1"}},
        ],
        "invoices": [
            {"Id": "10", "TotalAmt": 100, "DueDate": "today-3"} | TO_ANN,
            {"Id": "11", "TotalAmt": 40, "DueDate": "today-9", "PrivateNote": "rush"} | TO_ANN,
            {"Id": "12", "TotalAmt": 60, "DueDate": "today-1", "CustomerRef": {"value": "2"}},
        ],
        "payments": [{"Id": "20", "TotalAmt": 0, "TxnDate": "today-2", "Line": linked} | TO_ANN],
        "credit_memos": [{"Id": "30", "TotalAmt": 20, "TxnDate": "today-5"} | TO_ANN],
    } | more


class Receiver:
    """Somebody who is sent webhooks, with a list of the statuses to answer first."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.seen: list[tuple[dict[str, str], bytes]] = []

    def app(self) -> Starlette:
        """Takes anything at /hook."""
        return Starlette(routes=[Route("/hook", self._take, methods=["POST"])])

    async def _take(self, request: Request) -> Response:
        self.seen.append((dict(request.headers), await request.body()))
        return Response(status_code=self.answers.pop(0) if self.answers else 200)


@pytest.fixture
def quickbooks() -> Iterator[QuickBooks]:
    """A stand-in with Ann's company."""
    quickbooks = QuickBooks(World(clock=lambda: NOW))
    quickbooks.add_company(build(company(), NOW))
    yield quickbooks
    quickbooks.close()


@pytest.fixture
def books(quickbooks: QuickBooks) -> Books:
    """The books of that company."""
    return next(iter(quickbooks.realms.values())).books


@pytest.fixture
def receiver(quickbooks: QuickBooks) -> Iterator[Receiver]:
    """A served receiver that the stand-in sends to, trying again at once."""
    receiver = Receiver()
    with serve(receiver.app()) as url:
        quickbooks.webhooks.url = f"{url}/hook"
        quickbooks.webhooks.retries = (0.0, 0.0, 0.0)
        yield receiver


@pytest.fixture
def control(quickbooks: QuickBooks) -> Iterator[httpx.Client]:
    """A client of the control calls."""
    quickbooks.world.add(quickbooks)
    with ExitStack() as stack:
        url = stack.enter_context(serve(quickbooks.world.app()))
        yield stack.enter_context(httpx.Client(base_url=f"{url}/_/quickbooks", verify=False))


def delivered(quickbooks: QuickBooks) -> Delivery:
    """The last delivery, once it was acknowledged or given up."""
    delivery = quickbooks.webhooks.deliveries[-1]
    assert delivery.finished.wait(PATIENCE)
    return delivery


def adds_up(books: Books) -> bool:
    """Does each customer's balance equal what stands behind it?"""
    customers = books.company.customers
    return all(customer["Balance"] == books.net(ident) for ident, customer in customers.items())


def test_a_payment_is_applied_and_the_rest_stays_on_account(
    quickbooks: QuickBooks, books: Books
) -> None:
    """130 for an invoice of 100: paid, linked, a new SyncToken, 30 unapplied."""
    quickbooks.pay({"invoice": "10", "amount": "130", "notify": False})
    invoice, paid = books.company.invoices["10"], list(books.company.payments.values())[-1]
    assert (invoice["Balance"], invoice["SyncToken"]) == (0, "1")
    assert invoice["LinkedTxn"] == [{"TxnId": paid["Id"], "TxnType": "Payment"}]
    assert invoice["MetaData"]["LastUpdatedTime"] == "2026-11-20T10:00:00-08:00"
    assert (paid["TotalAmt"], paid["UnappliedAmt"], paid["TxnDate"]) == (130, 30, "2026-11-20")
    assert adds_up(books)


def test_a_part_is_a_part(quickbooks: QuickBooks, books: Books) -> None:
    """The rest of the balance stays open, to the cent."""
    quickbooks.pay({"invoice": "10", "amount": "33.33"})
    assert books.company.invoices["10"]["Balance"] == Decimal("66.67")
    assert adds_up(books)


def test_money_without_a_purpose_is_unapplied(quickbooks: QuickBooks, books: Books) -> None:
    """It touches no invoice, and the customer owes less."""
    quickbooks.pay({"customer": "1", "amount": "50"})
    assert list(books.company.payments.values())[-1]["UnappliedAmt"] == 50
    assert books.company.invoices["10"]["Balance"] == 100
    assert books.company.customers["1"]["Balance"] == 100 + 25 - 5 - 50


def test_a_credit_memo_waits_to_be_used(quickbooks: QuickBooks, books: Books) -> None:
    """Its remaining credit lowers the customer's balance."""
    quickbooks.credit({"customer": "1", "amount": "12.50"})
    memo = list(books.company.credit_memos.values())[-1]
    assert (memo["RemainingCredit"], memo["Balance"]) == (Decimal("12.5"), Decimal("12.5"))
    assert adds_up(books)


def test_a_void_leaves_zeros_and_frees_what_had_paid_it(
    quickbooks: QuickBooks, books: Books
) -> None:
    """The note begins with Voided; the credit memo behind it is whole again."""
    quickbooks.void({"invoice": "11"})
    invoice = books.company.invoices["11"]
    assert (invoice["TotalAmt"], invoice["Balance"], invoice["LinkedTxn"]) == (0, 0, [])
    assert invoice["PrivateNote"] == "Voided - rush"
    assert {line["Amount"] for line in invoice["Line"]} == {0}
    assert books.company.credit_memos["30"]["RemainingCredit"] == 20
    assert adds_up(books)


def test_a_void_of_a_paid_invoice_puts_the_money_on_account(
    quickbooks: QuickBooks, books: Books
) -> None:
    """The payment is still there, applied to nothing."""
    quickbooks.pay({"invoice": "10", "amount": "80"})
    quickbooks.void({"invoice": "10"})
    paid = list(books.company.payments.values())[-1]
    assert (paid["UnappliedAmt"], paid["Line"]) == (80, [])
    assert adds_up(books)


def test_a_bounced_payment_opens_its_invoice_again(quickbooks: QuickBooks, books: Books) -> None:
    """Deleting the payment gives back what it had paid."""
    paid = quickbooks.pay({"invoice": "10", "amount": "100"})["changes"][0]["id"]
    quickbooks.delete({"entity": "payment", "id": paid})
    assert books.company.invoices["10"]["Balance"] == 100
    assert books.company.invoices["10"]["LinkedTxn"] == []
    assert adds_up(books)


def test_a_deleted_invoice_is_gone(quickbooks: QuickBooks, books: Books) -> None:
    """And its Id is not given again."""
    quickbooks.delete({"entity": "Invoice", "id": "10"})
    assert "10" not in books.company.invoices
    assert adds_up(books)


def test_an_edit_changes_fields_and_the_balance_with_the_total(
    quickbooks: QuickBooks, books: Books
) -> None:
    """Dates may be relative, null takes a field away, the version rises."""
    fields = {"TotalAmt": "110", "DueDate": "today+10", "PrivateNote": None}
    quickbooks.edit({"entity": "invoice", "id": "11", "fields": fields})
    invoice = books.company.invoices["11"]
    assert (invoice["TotalAmt"], invoice["Balance"]) == (110, 95)
    assert (invoice["DueDate"], invoice["SyncToken"]) == ("2026-11-30", "1")
    assert "PrivateNote" not in invoice
    assert adds_up(books)


def test_a_customer_can_be_edited(quickbooks: QuickBooks, books: Books) -> None:
    """A new address, for instance, or made inactive."""
    fields = {"PrimaryEmailAddr": {"Address": "new@ann.example"}, "Active": False}
    quickbooks.edit({"entity": "Customer", "id": "1", "fields": fields})
    customer = books.company.customers["1"]
    assert customer["PrimaryEmailAddr"] == {"Address": "new@ann.example"}
    assert (customer["Active"], customer["SyncToken"]) == (False, "1")


def test_an_invoice_can_go_to_another_customer(quickbooks: QuickBooks, books: Books) -> None:
    """Both balances follow."""
    fields = {"CustomerRef": {"value": "2", "name": "Porch"}}
    quickbooks.edit({"entity": "invoice", "id": "10", "fields": fields})
    assert books.company.customers["2"]["Balance"] == 160
    assert adds_up(books)


def test_company_info_can_be_edited(quickbooks: QuickBooks, books: Books) -> None:
    """It belongs to no customer."""
    fields = {"CompanyName": "Ann and Sons"}
    quickbooks.edit({"entity": "companyinfo", "id": "1", "fields": fields})
    assert books.company.info["CompanyName"] == "Ann and Sons"


def test_a_merged_customer_is_gone_and_all_of_theirs_is_the_others(
    quickbooks: QuickBooks, books: Books, receiver: Receiver
) -> None:
    """The event names both: the one that stays and the one that is gone."""
    quickbooks.merge({"customer": "2", "into": "1"})
    delivered(quickbooks)
    event = json.loads(receiver.seen[0][1])[0]
    assert "2" not in books.company.customers
    assert books.company.invoices["12"]["CustomerRef"] == {"value": "1", "name": "Ann"}
    assert (event["type"], event["intuitentityid"]) == ("qbo.customer.merged.v1", "1")
    assert event["data"] == {"deletedid": "2"}
    assert adds_up(books)


def test_what_a_sub_customer_pays_lowers_the_parents_sum(
    quickbooks: QuickBooks, books: Books
) -> None:
    """BalanceWithJobs of the parent moves, its own Balance does not."""
    parent = books.company.customers["1"]
    before = (parent["Balance"], parent["BalanceWithJobs"])
    quickbooks.pay({"invoice": "12", "amount": "60"})
    assert (parent["Balance"], parent["BalanceWithJobs"]) == (before[0], before[1] - 60)


def test_a_balance_that_did_not_add_up_still_does_not(quickbooks: QuickBooks) -> None:
    """The difference that a file states survives a payment."""
    data = company()
    data["customers"][0]["Balance"] = 500
    realm = quickbooks.add_company(build(data, NOW))
    quickbooks.pay({"realm": realm, "invoice": "10", "amount": "100"})
    assert quickbooks.realms[realm].books.company.customers["1"]["Balance"] == 400


@pytest.mark.parametrize(
    ("call", "body", "reason"),
    [
        ("pay", {"invoice": "99", "amount": "1"}, "there is no Invoice 99"),
        ("pay", {"invoice": "10", "amount": "much"}, "amount must be a number"),
        ("pay", {"invoice": "10", "amount": "-1"}, "amount must be above 0"),
        ("pay", {"invoice": "10", "amount": "NaN"}, "amount must be above 0"),
        ("pay", {"amount": "1"}, "customer is missing"),
        ("credit", {"customer": "1"}, "amount is missing"),
        ("void", {}, "invoice is missing"),
        ("void", {"invoice": "10", "realm": "5"}, "there is no company 5"),
        ("edit", {"entity": "Bill", "id": "1", "fields": {"a": 1}}, "entity must be one of"),
        ("edit", {"entity": "Invoice", "id": "10"}, "fields must be an object"),
        (
            "edit",
            {"entity": "Invoice", "id": "10", "fields": {"SyncToken": "7"}},
            "SyncToken cannot be edited",
        ),
        ("delete", {"entity": "Customer", "id": "1"}, "cannot be deleted"),
        ("merge", {"customer": "1", "into": "1"}, "cannot be merged into itself"),
        ("merge", {"customer": "1", "into": "7"}, "there is no Customer 7"),
    ],
)
def test_what_makes_no_sense_is_answered_with_the_reason(
    control: httpx.Client, call: str, body: dict[str, Any], reason: str
) -> None:
    """Status 400, and nothing has changed."""
    answer = control.post(f"/{call}", json=body)
    assert answer.status_code == 400
    assert reason in answer.json()["error"]


def test_a_control_call_answers_what_it_did(control: httpx.Client) -> None:
    """The changes as webhooks name them, and the entity afterwards."""
    answer = control.post("/pay", json={"invoice": "10", "amount": "40", "notify": True}).json()
    assert answer["ok"] is True
    assert answer["changes"] == [{"entity": "Payment", "id": "9000", "verb": "created"}]
    assert answer["entity"]["Balance"] == 60


def test_with_several_companies_the_realm_has_to_be_said(
    quickbooks: QuickBooks, control: httpx.Client
) -> None:
    """Where an Id exists in two of them, a call without realm is refused."""
    realm = quickbooks.add_company(build(company(), NOW))
    assert "say which by realm" in control.post("/void", json={"invoice": "10"}).text
    assert control.post("/void", json={"invoice": "10", "realm": realm}).status_code == 200
    with pytest.raises(ValueError, match="is taken"):
        quickbooks.add_company(build(company(), NOW), realm)


def test_the_signature_is_the_one_that_intuit_computes() -> None:
    """The published way: base64 of HMAC-SHA256 of the raw body."""
    body = (
        b'[{"specversion":"1.0","id":"5d0c9e1a-71b4-4f0e-8a63-2c94be07d511",'
        b'"source":"intuit.overdue-example","type":"qbo.invoice.updated.v1",'
        b'"datacontenttype":"application/json","time":"2026-10-05T09:15:30.123456789Z",'
        b'"intuitentityid":"742","intuitaccountid":"4620816365000000001","data":{}}]'
    )
    expected = "osrDpJDimr9ltqtv4A19KkYGQUR10oSY4FrrrgL87VQ="
    assert signature(body, "overdue-example-verifier-7c2e") == expected


@pytest.mark.parametrize(
    ("call", "body", "kind"),
    [
        ("pay", {"invoice": "10", "amount": "1"}, "qbo.payment.created.v1"),
        ("credit", {"customer": "1", "amount": "1"}, "qbo.creditmemo.created.v1"),
        ("void", {"invoice": "10"}, "qbo.invoice.void.v1"),
        ("delete", {"entity": "Invoice", "id": "10"}, "qbo.invoice.deleted.v1"),
        (
            "edit",
            {"entity": "Customer", "id": "1", "fields": {"Notes": "x"}},
            "qbo.customer.updated.v1",
        ),
    ],
)
def test_changes_are_told_as_signed_cloud_events(
    quickbooks: QuickBooks, receiver: Receiver, call: str, body: dict[str, Any], kind: str
) -> None:
    """An array of events; a payment does not announce its invoice."""
    getattr(quickbooks, call)(body)
    assert delivered(quickbooks).statuses == [200]
    headers, content = receiver.seen[0]
    events = json.loads(content)
    assert [event["type"] for event in events] == [kind]
    assert events[0]["intuitaccountid"] == next(iter(quickbooks.realms))
    assert events[0]["specversion"] == "1.0"
    assert headers["intuit-signature"] == signature(content, "sandbox-verifier-token")
    assert headers["content-type"] == "application/cloudevents-batch+json"


def test_the_legacy_format_is_there_on_demand(quickbooks: QuickBooks, receiver: Receiver) -> None:
    """An object with eventNotifications, signed the same way."""
    quickbooks.webhooks.legacy = True
    quickbooks.void({"invoice": "10"})
    delivered(quickbooks)
    headers, content = receiver.seen[0]
    told = json.loads(content)["eventNotifications"][0]
    assert told["realmId"] == next(iter(quickbooks.realms))
    assert told["dataChangeEvent"]["entities"] == [
        {
            "name": "Invoice",
            "id": "10",
            "operation": "Void",
            "lastUpdated": "2026-11-20T18:00:00-0000",
        }
    ]
    assert headers["intuit-signature"] == signature(content, "sandbox-verifier-token")


def test_a_delivery_is_tried_again_until_acknowledged(
    quickbooks: QuickBooks, receiver: Receiver
) -> None:
    """The same bytes, and later deliveries wait for it."""
    receiver.answers = [500, 503]
    quickbooks.void({"invoice": "10"})
    quickbooks.void({"invoice": "11"})
    assert delivered(quickbooks).statuses == [200]
    assert quickbooks.webhooks.deliveries[0].statuses == [500, 503, 200]
    bodies = [body for _, body in receiver.seen]
    assert bodies[0] == bodies[1] == bodies[2] != bodies[3]


def test_a_delivery_is_given_up_in_the_end(quickbooks: QuickBooks, receiver: Receiver) -> None:
    """Nobody is there: the product has to find out by itself."""
    receiver.answers = [500] * 4
    quickbooks.void({"invoice": "10"})
    assert delivered(quickbooks).statuses == [500] * 4


def test_who_is_not_to_be_told_is_not_told(quickbooks: QuickBooks, receiver: Receiver) -> None:
    """notify false changes the books in silence; without an address nothing is sent at all."""
    quickbooks.pay({"invoice": "10", "amount": "1", "notify": False})
    quickbooks.webhooks.url = None
    quickbooks.pay({"invoice": "10", "amount": "1"})
    assert (quickbooks.webhooks.deliveries, receiver.seen) == ([], [])


def test_closing_gives_up_what_is_waiting(quickbooks: QuickBooks, receiver: Receiver) -> None:
    """The thread ends although a retry is minutes away."""
    others = set(threading.enumerate())
    receiver.answers = [500]
    quickbooks.webhooks.retries = (600.0,)
    quickbooks.void({"invoice": "10"})
    quickbooks.close()
    left = set(threading.enumerate()) - others
    assert not any(thread.name == "webhooks" for thread in left)
