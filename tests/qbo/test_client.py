"""The fixed list of calls, against a little QuickBooks in memory."""

import inspect
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

import qbo
from qbo import (
    CALLS,
    BadQuery,
    Broken,
    Changes,
    CreditMemo,
    Customer,
    Doubtful,
    Gone,
    Invoice,
    NotAllowed,
    Payment,
    PoisonedPage,
    QuickBooks,
    QuickBooksError,
    ReauthRequired,
    Select,
    Stale,
    Throttled,
    TokenExpired,
    Unreachable,
    among,
)
from qbo.pacing import Patience, patient
from tests.qbo.ledger import REALM, Ledger, Purse, fault, invoice
from tests.qbo.payload import parsed, raw

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def answer(content: Any, status: int = 200) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(status, json=content)


def recorded(name: str) -> Callable[[httpx.Request], httpx.Response]:
    headers = {"Content-Type": "application/json"}
    return lambda _: httpx.Response(200, content=raw(name), headers=headers)


# The list of calls


def test_the_list_of_calls_is_this_and_no_longer() -> None:
    """Reads, and one kind of note: a longer list has to be argued here."""
    assert set(CALLS) == {
        ("GET", "companyinfo/{id}"),
        ("GET", "preferences"),
        ("GET", "query"),
        ("GET", "cdc"),
        ("POST", "batch"),
        ("GET", "invoice/{id}"),
        ("GET", "invoice/{id}/pdf"),
        ("GET", "payment/{id}"),
        ("GET", "creditmemo/{id}"),
        ("POST", "attachable"),
        ("POST", "attachable?operation=delete"),
    }


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "invoice"),
        ("POST", "invoice?operation=delete"),
        ("POST", "invoice?operation=void"),
        ("POST", "invoice/{id}/send"),
        ("POST", "customer"),
        ("POST", "payment"),
        ("DELETE", "invoice/{id}"),
        ("GET", "bill/{id}"),
    ],
)
def test_any_other_call_is_refused_before_it_leaves(method: str, path: str) -> None:
    """The token could do it; the client cannot."""
    ledger = Ledger()
    with pytest.raises(NotAllowed):
        ledger.client()._call(method, path, wanted="742")
    assert ledger.requests == []


@pytest.mark.parametrize(
    "id_", ["", "742/../../x", "742?operation=delete", "7 42", "7\n", "é", "7" * 65]
)
def test_an_id_cannot_become_a_path(id_: str) -> None:
    """Ids come from outside; one that is none goes nowhere."""
    ledger = Ledger()
    for call in (ledger.client().invoice, ledger.client().pdf, ledger.client().delete_note):
        with pytest.raises(NotAllowed):
            call(id_)
    assert ledger.requests == []


def test_a_realm_is_checked_too() -> None:
    """It is part of every path."""
    with pytest.raises(NotAllowed):
        QuickBooks("1/2", httpx.BasicAuth("a", "b"), base_url="https://quickbooks.example")


def test_every_public_method_is_known() -> None:
    """The public methods of the client are as fixed as its calls."""
    public = {name for name, _ in inspect.getmembers(QuickBooks, inspect.isfunction)}
    assert {name for name in public if not name.startswith("_")} == {
        *("company_info", "preferences", "open_invoices", "invoices_by_id", "open_invoices_of"),
        *("paid_invoices", "paid_invoices_of", "payments_since"),
        *("customers", "customer_types", "customers_in_credit", "terms"),
        *("payments", "credit_memos"),
        "changed_since",
        *("invoice", "payment", "credit_memo", "pdf", "changes", "batch"),
        *("attach_note", "find_note", "delete_note", "close"),
    }


# How requests look


def test_a_request_asks_for_json_of_one_version() -> None:
    """XML is the default, and the minor version is explicit."""
    ledger = Ledger(Invoice=[invoice(1)])
    list(ledger.client().open_invoices())
    (request,) = ledger.requests
    assert request.headers["Accept"] == "application/json"
    assert request.url.params["minorversion"] == "75"
    assert request.url.path == f"/v3/company/{REALM}/query"


def test_a_statement_is_percent_encoded_throughout() -> None:
    """Blanks, quotes, backslashes and plus signs: none of them stands bare."""
    ledger = Ledger()
    client = ledger.client()
    list(client.changed_since(Invoice, NOON))
    client.invoices_by_id(["Harbor's"])
    first, second = (request.url.raw_path for request in ledger.requests)
    assert b"LastUpdatedTime%20%3E%3D%20%272026-11-22T12%3A00%3A00%2B00%3A00%27" in first
    assert b"%27Harbor%5C%27s%27" in second
    assert b"+" not in first + second


def test_every_call_has_timeouts() -> None:
    """No phase of a request may last for ever."""
    ledger = Ledger()
    list(ledger.client().open_invoices())
    limits = ledger.requests[0].extensions["timeout"]
    assert all(limits[phase] for phase in ("connect", "read", "write", "pool"))


# Lists


@pytest.mark.parametrize(("count", "calls"), [(0, 1), (1, 1), (999, 1), (1000, 2), (2500, 3)])
def test_open_invoices_come_in_pages_to_the_end(count: int, calls: int) -> None:
    """A page shorter than asked is the last one."""
    ledger = Ledger(Invoice=[invoice(n) for n in range(1, count + 1)])
    found = [each.id for page in ledger.client().open_invoices() for each in page]
    assert found == [str(n) for n in range(1, count + 1)]
    assert len(ledger.requests) == calls


def test_only_open_invoices_are_asked_for() -> None:
    """The balance is compared in quotes, like everything."""
    ledger = Ledger(Invoice=[invoice(1), invoice(2, balance=0)])
    assert [each.id for page in ledger.client().open_invoices() for each in page] == ["1"]
    assert ledger.statements == [
        "SELECT * FROM Invoice WHERE Balance > '0' STARTPOSITION 1 MAXRESULTS 1000"
    ]


def test_a_row_that_comes_twice_is_given_once() -> None:
    """Rows move between pages while we read."""
    ledger = Ledger(Invoice=[*(invoice(n) for n in range(1, 1001)), invoice(1000), invoice(1001)])
    found = [each.id for page in ledger.client().open_invoices() for each in page]
    assert found == [str(n) for n in range(1, 1002)]


def test_a_page_with_a_row_too_many_is_taken() -> None:
    """QuickBooks sometimes sends limit + 1 rows."""
    ledger = Ledger()
    rows = [invoice(n) for n in range(1, 1002)]
    pages = {"1": rows, "991": rows[990:]}
    ledger.answers["query"] = lambda request: httpx.Response(
        200,
        json={"QueryResponse": {"Invoice": pages[request.url.params["query"].split()[-3]]}},
    )
    found = [each.id for page in ledger.client().open_invoices() for each in page]
    assert found == [str(n) for n in range(1, 1002)]


def test_the_same_page_for_ever_is_an_error() -> None:
    """A service that ignores the position must not keep us reading."""
    ledger = Ledger()
    rows = [invoice(n) for n in range(1, 1001)]
    ledger.answers["query"] = answer({"QueryResponse": {"Invoice": rows}})
    with pytest.raises(Unreachable, match="same page"):
        list(ledger.client().open_invoices())


def test_one_bad_record_is_named_and_hides_no_other() -> None:
    """The page is halved down to the record that breaks it."""
    ledger = Ledger(Invoice=[invoice(n) for n in range(1, 1501)])
    ledger.poisoned = {"777"}
    broken: list[Broken] = []
    found = [each.id for page in ledger.client().open_invoices(broken.append) for each in page]
    assert broken == [Broken("Invoice", 777)]
    assert found == [str(n) for n in range(1, 1501) if n != 777]


def test_a_passing_fault_of_the_system_is_no_bad_record() -> None:
    """It breaks whatever is asked, halves of halves too; a moment later the single row comes."""
    ledger, slept = Ledger(Invoice=[invoice(n) for n in range(1, 1501)]), list[float]()
    broken: list[Broken] = []

    def passing(request: httpx.Request) -> httpx.Response:
        if slept:
            return ledger._query(request)
        return fault("10000", 500, "An application error", "an error has occurred")

    ledger.answers["query"] = passing
    with patient(Patience(300)):
        pages = list(ledger.client(sleep=slept.append).open_invoices(broken.append))
    assert (broken, len(slept)) == ([], 1)
    assert sum(map(len, pages)) == 1500


def test_an_unreadable_record_is_named_and_hides_no_other() -> None:
    """One that came, but lacks its amount, is told with its id."""
    rows = [invoice(1), invoice(2, balance=None), invoice(3)]
    ledger = Ledger()
    ledger.answers["query"] = answer({"QueryResponse": {"Invoice": rows}})
    broken: list[Broken] = []
    (page,) = ledger.client().open_invoices(broken.append)
    assert [each.id for each in page] == ["1", "3"]
    assert broken == [Broken("Invoice", 2, "2")]


def test_nobody_asked_means_an_error() -> None:
    """A list without somebody to tell is complete, or fails."""
    ledger = Ledger(Invoice=[invoice(n) for n in range(1, 11)])
    ledger.poisoned = {"7"}
    with pytest.raises(PoisonedPage, match="position 7"):
        list(ledger.client().open_invoices())


def test_invoices_by_id_are_asked_in_few_calls() -> None:
    """Two hundred ids to a question; unknown ones are simply not there."""
    ledger = Ledger(Invoice=[invoice(n) for n in range(1, 301)])
    ids = [str(n) for n in range(1, 301)]
    found = ledger.client().invoices_by_id([*ids, "9999", "1"])
    assert [each.id for each in found] == ids
    assert len(ledger.requests) == 2


def test_no_ids_cost_no_call() -> None:
    """Nothing asked, nothing answered."""
    ledger = Ledger()
    client = ledger.client()
    assert [client.invoices_by_id([]), client.customers([])] == [[], []]
    assert ledger.requests == []


def test_invoices_of_customers_are_asked_for_open_or_paid() -> None:
    """By balance, and by date where years of them would come; each in the language's own words."""
    ledger = Ledger(Invoice=[invoice(1, "311"), invoice(2, "348"), invoice(3, "311", 0)])
    client = ledger.client()
    assert [each.id for each in client.open_invoices_of(["311"])] == ["1"]
    client.paid_invoices_of(["311"], date(2024, 11, 22))
    theirs = "SELECT * FROM Invoice WHERE CustomerRef IN ('311') AND "
    assert ledger.statements[0].startswith(f"{theirs}Balance > '0' START")
    assert ledger.statements[1].startswith(
        f"{theirs}TxnDate >= '2024-11-22' AND Balance = '0' START"
    )


def test_payments_and_credits_are_asked_by_customer() -> None:
    """What is unapplied or remains cannot be queried: it is read and looked at."""
    payment = parsed("payment_applied")
    credit = {"Id": "790", "CustomerRef": {"value": "348"}, "TxnDate": "2026-09-01"}
    ledger = Ledger()
    client = ledger.client()
    ledger.answers["query"] = recorded_rows("Payment", payment)
    assert client.payments(["348"])[0].applied == (("756", Decimal(276)),)
    row = {**credit, "TotalAmt": 105, "RemainingCredit": 105}
    ledger.answers["query"] = recorded_rows("CreditMemo", row)
    assert client.credit_memos(["348"])[0].remaining == 105
    assert "FROM Payment WHERE CustomerRef IN ('348') START" in ledger.statements[0]
    assert "FROM CreditMemo WHERE CustomerRef IN ('348') START" in ledger.statements[1]


def recorded_rows(entity: str, *rows: Any) -> Callable[[httpx.Request], httpx.Response]:
    content = json.dumps({"QueryResponse": {entity: rows}}, default=float).encode()
    return lambda _: httpx.Response(200, content=content)


def test_inactive_customers_are_among_those_asked_for() -> None:
    """Name lists leave them out unless told otherwise."""
    ledger = Ledger()
    ledger.answers["query"] = recorded_rows("Customer", parsed("customer_of_a_parent"))
    (customer,) = ledger.client().customers(["349"])
    assert customer.balance == Decimal("-49.75")
    assert "Id IN ('349') AND Active IN (true,false)" in ledger.statements[0]


def test_changes_are_asked_in_an_order_that_stands_still() -> None:
    """Not by time: a row that changes again would shift the ones behind it."""
    ledger = Ledger()
    list(ledger.client().changed_since(Customer, NOON))
    assert "ORDERBY" not in ledger.statements[0]
    assert "Active IN (true,false)" in ledger.statements[0]


# Single objects


def test_one_invoice_is_read_without_its_link() -> None:
    """QuickBooks sends a link unasked; who did not ask does not get it."""
    ledger = Ledger()
    ledger.answers["invoice/742"] = answer({"Invoice": _plain("invoice_partly_paid"), "time": "t"})
    read = ledger.client().invoice("742")
    assert (read.balance, read.invoice_link) == (Decimal("512.4"), None)
    assert "include" not in ledger.requests[0].url.params


def test_one_invoice_is_read_with_its_link() -> None:
    """The pay link is asked for on single reads only."""
    ledger = Ledger()
    ledger.answers["invoice/742"] = answer({"Invoice": _plain("invoice_partly_paid"), "time": "t"})
    read = ledger.client().invoice("742", with_link=True)
    assert read.invoice_link
    assert ledger.requests[0].url.params["include"] == "invoiceLink"


def _plain(name: str) -> Any:
    return json.loads(raw(f"{name}.json"))


def test_amounts_are_exact() -> None:
    """A float would make 0.1 + 0.2 of it."""
    ledger = Ledger()
    ledger.answers["query"] = lambda _: httpx.Response(
        200,
        content=json.dumps({"QueryResponse": {"Invoice": [invoice(1, balance="@")]}}).replace(
            '"@"', "9999999999999.0001"
        ),
    )
    (page,) = ledger.client().open_invoices()
    assert page[0].balance == Decimal("9999999999999.0001")


def test_payment_and_credit_memo_are_read_by_id() -> None:
    """A payment's event leads to the payment, and from there to its invoices."""
    ledger = Ledger()
    ledger.answers["payment/811"] = answer({"Payment": _plain("payment_applied")})
    memo: dict[str, Any] = {"Id": "790", "CustomerRef": {"value": "348"}, "TxnDate": "2026-09-01"}
    memo["RemainingCredit"] = 105
    ledger.answers["creditmemo/790"] = answer({"CreditMemo": memo})
    assert ledger.client().payment("811").applied[0].invoice_id == "756"
    assert ledger.client().credit_memo("790").remaining == 105


@pytest.mark.parametrize(
    "reply",
    [
        lambda _: fault("610", 400, "Object Not Found"),
        answer({"Invoice": {"domain": "QBO", "status": "Deleted", "Id": "742"}, "time": "t"}),
    ],
)
def test_a_deleted_invoice_is_gone(reply: Callable[[httpx.Request], httpx.Response]) -> None:
    """Whether QuickBooks says so by a code or by a status."""
    ledger = Ledger()
    ledger.answers["invoice/742"] = reply
    with pytest.raises(Gone):
        ledger.client().invoice("742")


def test_an_unreadable_invoice_quotes_nothing() -> None:
    """The error names the kind of object, not what stood in it."""
    ledger = Ledger()
    row = invoice(742, balance="Rosa Quill")
    ledger.answers["invoice/742"] = answer({"Invoice": row})
    with pytest.raises(PoisonedPage) as caught:
        ledger.client().invoice("742")
    assert "Rosa" not in f"{caught.value!r} {caught.value.__cause__}"


def test_the_company_and_its_preferences_are_read() -> None:
    """Each from its own address."""
    ledger = Ledger()
    company = {"CompanyName": "Ledger & Sons", "DefaultTimeZone": "America/Chicago"}
    ledger.answers[f"companyinfo/{REALM}"] = answer({"CompanyInfo": company, "time": "t"})
    home = {"CurrencyPrefs": {"HomeCurrency": {"value": "USD"}}}
    ledger.answers["preferences"] = answer({"Preferences": home, "time": "t"})
    assert ledger.client().company_info().zone == "America/Chicago"
    assert ledger.client().preferences().home_currency == "USD"


def test_a_pdf_is_given_as_it_came() -> None:
    """Asked for by its type, and recognised by its first bytes."""
    ledger = Ledger()
    headers = {"Content-Type": "application/pdf"}
    ledger.answers["invoice/742/pdf"] = lambda _: httpx.Response(
        200, content=b"%PDF-1.7 {}", headers=headers
    )
    assert ledger.client().pdf("742") == b"%PDF-1.7 {}"
    assert ledger.requests[0].headers["Accept"] == "application/pdf"


@pytest.mark.parametrize(
    ("kind", "content", "error"),
    [
        ("text/html", b"<html>", Unreachable),
        ("application/pdf", b"<html>", Unreachable),
        ("text/plain", b"%PDF-1.7", Unreachable),
        ("application/json", raw("fault_gone.json"), Gone),
    ],
)
def test_what_is_not_a_pdf_is_never_attached(
    kind: str, content: bytes, error: type[Exception]
) -> None:
    """A page of HTML with a friendly status would be mailed to a customer."""
    ledger = Ledger()
    ledger.answers["invoice/742/pdf"] = lambda _: httpx.Response(
        200, content=content, headers={"Content-Type": kind}
    )
    with pytest.raises(error):
        ledger.client().pdf("742")


# Changes and batches


def test_changes_are_sorted_by_kind() -> None:
    """Deleted objects apart, groups by their names, the server's own time."""
    ledger = Ledger()
    ledger.answers["cdc"] = recorded("changes.json")
    found = ledger.client().changes((Invoice, Payment, Customer), NOON)
    assert [each.id for each in found.invoices] == ["742"]
    assert [each.id for each in found.customers] == ["311"]
    assert (found.payments, found.credit_memos, found.capped) == ((), (), frozenset())
    (deleted,) = found.deleted
    assert (deleted.entity, deleted.id) == ("Invoice", "715")
    assert found.server_time == datetime(2026, 11, 22, 10, 40, 17, 905000, tzinfo=UTC)
    params = ledger.requests[0].url.params
    assert params["entities"] == "Invoice,Payment,Customer"
    assert params["changedSince"] == "2026-11-22T12:00:00+00:00"


class ManyInvoices:
    """So many living invoices, all changed at the minute `busy` before noon; one deleted later."""

    def __init__(self, living: int, busy: int = 30) -> None:
        self.living, self.asked = living, list[tuple[str, timedelta]]()
        self.busy = NOON - timedelta(minutes=busy)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        since = datetime.fromisoformat(request.url.params["changedSince"])
        self.asked.append((request.url.params["entities"], NOON - since))
        alive = [invoice(n) for n in range(self.living)] if since <= self.busy else []
        gone = [{"status": "Deleted", "Id": "715"}]
        found = [*alive, *gone][:1000] if "Invoice" in request.url.params["entities"] else []
        groups = [{"Invoice": found}, {"Payment": []}]
        content = {"CDCResponse": [{"QueryResponse": groups}], "time": NOON.isoformat()}
        return httpx.Response(200, json=content)


def changes_of(hour: ManyInvoices) -> Changes:
    """What the client makes of the last hour."""
    ledger = Ledger()
    ledger.answers["cdc"] = hour
    return ledger.client().changes((Invoice, Payment), NOON - timedelta(hours=1))


def test_an_answer_with_room_left_is_whole() -> None:
    """One question, and nothing is missing."""
    found = changes_of(hour := ManyInvoices(900))
    assert hour.asked == [("Invoice,Payment", timedelta(hours=1))]
    assert (len(found.invoices), len(found.deleted), found.capped) == (900, 1, frozenset())
    assert found.deleted_since == NOON - timedelta(hours=1)


def test_a_full_answer_is_asked_for_again() -> None:
    """There is no second page: by kind, then for half the time until the deletions come too."""
    found = changes_of(hour := ManyInvoices(1200, busy=20))
    assert [minutes.seconds // 60 for _, minutes in hour.asked] == [60, 60, 30, 15, 60]
    assert [kind for kind, _ in hour.asked[1:]] == ["Invoice", "Invoice", "Invoice", "Payment"]
    assert (found.invoices, found.capped) == ((), frozenset({Invoice}))
    assert [each.id for each in found.deleted] == ["715"]
    assert (found.server_time, found.deleted_since) == (NOON, NOON - timedelta(minutes=15))


def test_what_is_full_to_the_last_minute_is_named() -> None:
    """Whatever was deleted may be missing, and no question is asked for ever."""
    found = changes_of(hour := ManyInvoices(1200, busy=0))
    assert len(hour.asked) < 10
    assert (found.deleted, found.deleted_since) == ((), NOON)


def test_a_fault_inside_the_changes_is_an_error() -> None:
    """It comes with a 200, one level down."""
    ledger = Ledger()
    inner = {"CDCResponse": [fault("4001").json()], "time": NOON.isoformat()}
    ledger.answers["cdc"] = answer(inner)
    with pytest.raises(BadQuery):
        ledger.client().changes((Invoice,), NOON)


def test_changes_without_a_time_are_not_used() -> None:
    """The next poll would not know where to begin."""
    ledger = Ledger()
    ledger.answers["cdc"] = answer({"CDCResponse": [{"QueryResponse": [{}]}]})
    with pytest.raises(Unreachable, match="time"):
        ledger.client().changes((Invoice,), NOON)


def test_a_batch_answers_each_question_by_itself() -> None:
    """Matched by name, not by order; one fault spoils only its own."""
    ledger = Ledger(Invoice=[invoice(1), invoice(2), invoice(3)])
    ledger.poisoned = {"2"}
    selects = [Select("Invoice", (among("Id", [str(n)]),)) for n in (1, 2, 3)]
    first, second, third = ledger.client().batch(selects)
    assert isinstance(first, list)
    assert isinstance(third, list)
    assert [first[0].id, third[0].id] == ["1", "3"]
    assert isinstance(second, PoisonedPage)


def test_a_batch_holds_nothing_but_queries() -> None:
    """The one POST that could write is only ever filled with questions."""
    ledger = Ledger(Invoice=[])
    ledger.client().batch([Select("Invoice")])
    (item,) = json.loads(ledger.requests[0].content)["BatchItemRequest"]
    assert set(item) == {"bId", "Query"}


def test_thirty_questions_go_into_one_batch() -> None:
    """And the quota is charged for each of them."""
    ledger = Ledger(Invoice=[invoice(n) for n in range(1, 32)])
    purse = Purse()
    selects = [Select("Invoice", (among("Id", [str(n)]),)) for n in range(1, 32)]
    found = ledger.client(budget=purse, clock=lambda: NOON).batch(selects)
    assert [rows[0].id for rows in found if isinstance(rows, list)] == [
        str(n) for n in range(1, 32)
    ]
    assert len(ledger.requests) == 2
    assert purse.taken == [30, 1]


def test_a_batch_that_may_have_been_cut_is_read_by_pages() -> None:
    """An answer of a thousand objects may lack the thousand-and-first."""
    ledger = Ledger(Invoice=[invoice(n) for n in range(1, 1401)])
    (rows,) = ledger.client().batch([Select("Invoice")])
    assert isinstance(rows, list)
    assert len(rows) == 1400


def test_a_question_that_was_too_much_for_a_batch_is_asked_alone() -> None:
    """QuickBooks may refuse it with the code of a broken page."""
    ledger = Ledger(Invoice=[invoice(1)])
    refusal = {"bId": "q0", **fault("4002").json()}
    ledger.answers["batch"] = answer({"BatchItemResponse": [refusal], "time": "t"})
    (rows,) = ledger.client().batch([Select("Invoice")])
    assert isinstance(rows, list)
    assert [each.id for each in rows] == ["1"]


@pytest.mark.parametrize(
    ("code", "kind"), [("3100", ReauthRequired), ("3200", TokenExpired), ("3001", Throttled)]
)
def test_what_concerns_the_company_is_an_error_of_the_whole_batch(
    code: str, kind: type[QuickBooksError]
) -> None:
    """Though one item alone says so: no other question would fare better."""
    ledger = Ledger(Invoice=[invoice(1)])
    items = [{"bId": "q0", "QueryResponse": {}}, {"bId": "q1", **fault(code).json()}]
    ledger.answers["batch"] = answer({"BatchItemResponse": items, "time": "t"})
    with pytest.raises(kind):
        ledger.client().batch([Select("Invoice"), Select("Customer")])


def test_an_unanswered_question_of_a_batch_is_an_error() -> None:
    """Silence is not an empty list."""
    ledger = Ledger()
    ledger.answers["batch"] = answer({"BatchItemResponse": [], "time": "t"})
    (found,) = ledger.client().batch([Select("Invoice")])
    assert isinstance(found, Unreachable)


# The note


def test_a_note_refers_to_every_invoice_and_is_not_sent_along() -> None:
    """One Attachable; customers never see it."""
    ledger = Ledger()
    ledger.answers["attachable"] = answer({"Attachable": {"Id": "5000000000000012"}, "time": "t"})
    made = ledger.client().attach_note("[Overdue 412] reminder 1", ["742", "756"], "note-412")
    assert made == "5000000000000012"
    (request,) = ledger.requests
    assert request.url.params["requestid"] == "note-412"
    assert json.loads(request.content) == {
        "Note": "[Overdue 412] reminder 1",
        "AttachableRef": [
            {"EntityRef": {"type": "Invoice", "value": "742"}, "IncludeOnSend": False},
            {"EntityRef": {"type": "Invoice", "value": "756"}, "IncludeOnSend": False},
        ],
    }


def test_a_note_written_twice_with_one_requestid_is_one_note() -> None:
    """After an unknown outcome the same call gets the first answer again."""
    written: dict[str, str] = {}
    ledger = Ledger()

    def attachable(request: httpx.Request) -> httpx.Response:
        known = request.url.params["requestid"] in written
        made = written.setdefault(request.url.params["requestid"], f"90{len(written)}")
        return answer({"Attachable": {"Id": made}})(request) if known else httpx.Response(504)

    ledger.answers["attachable"] = attachable
    client = ledger.client()
    with pytest.raises(Unreachable):
        client.attach_note("a note", ["742"], "note-1")
    assert client.attach_note("a note", ["742"], "note-1") == "900"
    assert written == {"note-1": "900"}


def test_a_note_is_found_by_its_words() -> None:
    """Among everything that is attached to the invoice; nothing else of it is kept."""
    ledger = Ledger()
    there = [{"Id": "7", "FileName": "photo.png"}, {"Id": "8", "Note": "Hi"}]
    there.append({"Id": "9", "Note": "[Overdue 412] reminder 1\n"})
    ledger.answers["query"] = answer({"QueryResponse": {"Attachable": there}})
    client = ledger.client()
    assert client.find_note("[Overdue 412] reminder 1", "742") == "9"
    assert client.find_note("[Overdue 413] reminder 1", "742") == ""
    assert (
        ledger.requests[0]
        .url.params["query"]
        .startswith(
            "SELECT * FROM Attachable WHERE AttachableRef.EntityRef.Type = 'Invoice' "
            "AND AttachableRef.EntityRef.value = '742' "
        )
    )


@pytest.mark.parametrize(
    ("text", "invoices", "requestid"),
    [("x" * 2001, ["742"], "r"), ("x", [], "r"), ("x", ["742"], ""), ("x", ["742"], "r" * 51)],
)
def test_an_impossible_note_is_refused_here(text: str, invoices: list[str], requestid: str) -> None:
    """Lengths are known beforehand; nothing is cut silently."""
    ledger = Ledger()
    with pytest.raises(ValueError, match=r"has|needs"):
        ledger.client().attach_note(text, invoices, requestid)
    assert ledger.requests == []


def test_a_note_without_an_id_is_an_unknown_outcome() -> None:
    """It may stand in QuickBooks, and could never be taken back."""
    ledger = Ledger()
    ledger.answers["attachable"] = answer({"Attachable": {}})
    with pytest.raises(Unreachable):
        ledger.client().attach_note("a note", ["742"], "note-1")


@pytest.mark.parametrize(
    "reply",
    [
        answer({"Attachable": {"domain": "QBO", "status": "Deleted", "Id": "900"}, "time": "t"}),
        lambda _: fault("610", 400, "Object Not Found"),
    ],
)
def test_taking_a_note_back_twice_is_no_error(
    reply: Callable[[httpx.Request], httpx.Response],
) -> None:
    """Gone is what was wanted."""
    ledger = Ledger()
    ledger.answers["attachable"] = reply
    ledger.client().delete_note("900")
    (request,) = ledger.requests
    assert request.url.params["operation"] == "delete"
    assert json.loads(request.content) == {"Id": "900"}


def test_a_note_that_could_not_be_taken_back_is_said() -> None:
    """Any other fault is an error."""
    ledger = Ledger()
    ledger.answers["attachable"] = lambda _: fault("6210")
    with pytest.raises(qbo.BooksClosed):
        ledger.client().delete_note("900")


# Faults and pace


@pytest.mark.parametrize("id", ["7" * 65, "7\0", "7/1"])
def test_a_record_whose_id_is_none_is_told_by_its_place(id: object) -> None:
    """What it has in place of an id is shown and stored nowhere."""
    ledger = Ledger(Invoice=[invoice(1), {**invoice(2), "Id": id}])
    broken: list[Broken] = []
    ((found,),) = ledger.client().open_invoices(broken.append)
    assert (found.id, broken) == ("1", [Broken("Invoice", 2)])


def test_a_fault_beside_many_rows_is_an_error() -> None:
    """Rows that came with one are not trusted to be all."""
    ledger = Ledger()
    beside = {"QueryResponse": {"Invoice": [invoice(n) for n in range(200)]}}
    ledger.answers["query"] = answer({**beside, **fault("6000").json()})
    with pytest.raises(Doubtful):
        list(ledger.client().open_invoices())


def test_a_fault_inside_a_200_is_an_error() -> None:
    """With Intuit's name for the request, however the header is spelled."""
    ledger = Ledger()
    headers = {"Intuit-Tid": "1-old", "Content-Type": "application/json"}
    ledger.answers["invoice/742"] = lambda _: httpx.Response(
        200, content=raw("fault_stale.json"), headers=headers
    )
    with pytest.raises(Stale) as caught:
        ledger.client().invoice("742")
    assert caught.value.intuit_tid == "1-old"


@pytest.mark.parametrize("content", [b"<html>fine</html>", b"", b"[]", b"null", b"{", b"[" * 9999])
def test_a_200_that_cannot_be_read_is_no_answer(content: bytes) -> None:
    """A friendly status with nonsense is a gateway speaking."""
    ledger = Ledger()
    ledger.answers["query"] = lambda _: httpx.Response(200, content=content)
    with pytest.raises(Unreachable):
        list(ledger.client().open_invoices())


@pytest.mark.parametrize(
    "content", [{"QueryResponse": []}, {"QueryResponse": {"Invoice": [7]}}, {}]
)
def test_an_answer_of_another_shape_is_not_an_empty_list(content: object) -> None:
    """Only a QueryResponse without the key means that there is nothing."""
    ledger = Ledger()
    ledger.answers["query"] = answer(content)
    with pytest.raises(Unreachable):
        list(ledger.client().open_invoices())


def test_a_throttle_in_xml_says_how_long_to_wait() -> None:
    """JSON was asked for, XML comes."""
    ledger = Ledger()
    ledger.answers["query"] = lambda _: httpx.Response(
        429, content=raw("fault_throttled.xml"), headers={"Content-Type": "application/xml"}
    )
    with pytest.raises(Throttled) as caught:
        list(ledger.client().open_invoices())
    assert caught.value.retry_after == 60


@pytest.mark.parametrize("cut", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError])
def test_a_cut_connection_is_unreachable(cut: type[httpx.TransportError]) -> None:
    """Whatever the network does, it is one kind of error."""
    ledger = Ledger()

    def fail(request: httpx.Request) -> httpx.Response:
        raise cut("cut", request=request)

    ledger.answers["query"] = fail
    with pytest.raises(Unreachable) as caught:
        list(ledger.client().open_invoices())
    assert not caught.value.permanent


def test_a_token_that_stays_refused_is_an_error_without_its_fragment() -> None:
    """The auth flow has tried by then; the detail echoes the token."""
    ledger = Ledger()
    ledger.answers["query"] = lambda _: httpx.Response(401, content=raw("fault_token.json"))
    with pytest.raises(TokenExpired) as caught:
        list(ledger.client().open_invoices())
    assert "FRAGMENT" not in str(caught.value)


def test_the_budget_is_asked_and_waited_for() -> None:
    """However often it says how long to wait; then the call goes, and is counted once."""
    ledger, purse, slept = Ledger(Invoice=[]), Purse(1.0, 0.5), list[float]()
    list(ledger.client(budget=purse, clock=lambda: NOON, sleep=slept.append).open_invoices())
    assert (slept, purse.taken, len(ledger.requests)) == ([1.0, 0.5], [1], 1)


def test_a_long_wait_gives_the_thread_back() -> None:
    """Rather an error that says when than a thread asleep for a minute."""
    ledger = Ledger(Invoice=[])
    client = ledger.client(budget=Purse(60.0), clock=lambda: NOON, sleep=lambda _: None)
    with pytest.raises(Throttled) as caught:
        list(client.open_invoices())
    assert caught.value.retry_after == 60
    assert ledger.requests == []


def fails(times: int, failure: httpx.Response) -> Callable[[httpx.Request], httpx.Response]:
    """Answers that so many failures come before."""
    answers = iter([failure] * times)
    return lambda _: next(answers, httpx.Response(200, json={"QueryResponse": {}}))


THROTTLED = httpx.Response(429, content=raw("fault_throttled.xml"))
NO_GATEWAY = httpx.Response(502, content=b"<html>")


@pytest.mark.parametrize(
    ("times", "failure", "waited"),
    [(4, THROTTLED, [60.0, 60.0, 60.0, 60.0]), (2, NO_GATEWAY, [5.0, 10.0])],
)
def test_with_patience_the_same_is_asked_again(
    times: int, failure: httpx.Response, waited: list[float]
) -> None:
    """A long reading goes on where it was refused, and does not begin anew."""
    ledger, slept = Ledger(), list[float]()
    ledger.answers["query"] = fails(times, failure)
    with patient(Patience(300)):
        list(ledger.client(sleep=slept.append).open_invoices())
    assert slept == waited


@pytest.mark.parametrize(
    ("times", "failure", "error"), [(9, THROTTLED, Throttled), (3, NO_GATEWAY, Unreachable)]
)
def test_patience_ends(times: int, failure: httpx.Response, error: type[Exception]) -> None:
    """Its seconds are counted over all that is asked; who is silent three times is not asked."""
    ledger, left = Ledger(), Patience(300)
    ledger.answers["query"] = fails(times, failure)
    with patient(left), pytest.raises(error):
        list(ledger.client(sleep=lambda _: None).open_invoices())
    assert len(ledger.requests) == (6 if error is Throttled else 3)


def test_patience_waits_for_the_budget() -> None:
    """Where a minute's requests are used up, the next ones are those of the next minute."""
    ledger, slept = Ledger(Invoice=[]), list[float]()
    client = ledger.client(budget=Purse(60.0), clock=lambda: NOON, sleep=slept.append)
    with patient(Patience(300)):
        list(client.open_invoices())
    assert slept == [60.0]


def test_writes_are_not_metered() -> None:
    """Only reads eat the monthly quota."""
    ledger = Ledger(Invoice=[])
    ledger.answers["attachable"] = answer({"Attachable": {"Id": "900"}})
    purse = Purse()
    with ledger.client(budget=purse, clock=lambda: NOON) as client:
        client.attach_note("a note", ["742"], "note-1")
        client.delete_note("900")
        list(client.open_invoices())
    assert purse.taken == [0, 0, 1]


def test_every_kind_that_can_be_listed_is_known_by_name() -> None:
    """Batches and changes speak of the same four."""
    assert set(qbo.KINDS.values()) == {Invoice, Payment, CreditMemo, Customer}
