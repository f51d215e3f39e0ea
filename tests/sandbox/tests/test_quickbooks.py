"""The sandbox's QuickBooks over HTTP: connecting, reading, the one write, and the refusals."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.sandbox.company import build
from tests.sandbox.quickbooks import QuickBooks
from tests.sandbox.quickbooks.api import PAY_LINK, Realm
from tests.sandbox.quickbooks.oauth import SCOPE
from tests.sandbox.world import World, serve

KEYS = ("sandbox-client-id", "sandbox-client-secret")
CALLBACK = "http://127.0.0.1:9/quickbooks/callback"
START = datetime(2026, 11, 20, 18, tzinfo=UTC)


def small_company() -> dict[str, Any]:
    """One customer who owes on three invoices, one of them partly paid."""
    ref = {"CustomerRef": {"value": "311"}}
    lines = [{"Amount": 332.60, "LinkedTxn": [{"TxnId": "742", "TxnType": "Invoice"}]}]
    return {
        "company": {"CompanyName": "Brass Fern", "DefaultTimeZone": "America/New_York"},
        "customers": [
            {"Id": "311", "DisplayName": "Lantern Row Printers"},
            {"Id": "312", "DisplayName": "Quiet Corner", "Active": False},
        ],
        "invoices": [
            {"Id": "742", "DocNumber": "A-2210", "TotalAmt": 845, "DueDate": "today-49"}
            | {"BillEmail": {"Address": "pay@lantern-row.example"}, "TxnDate": "today-79"}
            | {"AllowOnlineACHPayment": True}
            | ref,
            {"Id": "743", "DocNumber": "A-2211", "TotalAmt": 100.5, "DueDate": "today-4"} | ref,
            {"Id": "744", "DocNumber": "A-2212", "TotalAmt": 20, "DueDate": "today+9"} | ref,
        ],
        "payments": [{"Id": "803", "TotalAmt": 332.60, "TxnDate": "today-20", "Line": lines} | ref],
        "credit_memos": [{"Id": "900", "TotalAmt": 12.25, "TxnDate": "today-30"} | ref],
    }


@dataclass
class Intuit:
    """The served stand-in, a client, a clock that can be moved, and tokens once connected."""

    world: World
    quickbooks: QuickBooks
    client: httpx.Client
    now: list[datetime]
    realm: str = ""
    tokens: dict[str, Any] = field(default_factory=dict)

    @property
    def books(self) -> Realm:
        """The connected company behind the API."""
        return self.quickbooks.realms[self.realm]

    def authorize(self, **changed: str) -> httpx.Response:
        """Open the authorize page as a browser would."""
        asked = {"client_id": KEYS[0], "response_type": "code", "scope": SCOPE}
        asked |= {"redirect_uri": CALLBACK, "state": "s-1"}
        return self.client.get("/quickbooks/connect/oauth2", params=asked | changed)

    def code(self, **changed: str) -> str:
        """A fresh authorization code."""
        return parse_qs(urlsplit(self.authorize(**changed).headers["location"]).query)["code"][0]

    def token(self, keys: tuple[str, str] = KEYS, **form: str) -> httpx.Response:
        """Ask the token endpoint."""
        return self.client.post("/quickbooks/oauth2/v1/tokens/bearer", data=form, auth=keys)

    def exchange(self, code: str) -> httpx.Response:
        """Turn a code into tokens."""
        return self.token(grant_type="authorization_code", code=code, redirect_uri=CALLBACK)

    def refresh(self, token: str) -> httpx.Response:
        """Turn a refresh token into new tokens."""
        return self.token(grant_type="refresh_token", refresh_token=token)

    def connect(self, data: dict[str, Any] | None = None) -> "Intuit":
        """Add a company and connect it as the product does."""
        self.realm = self.quickbooks.add_company(build(data or small_company(), self.now[0]))
        self.tokens = self.exchange(self.code(realm=self.realm)).json()
        return self

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Call the API below the company, asking for JSON."""
        headers = {"Authorization": f"Bearer {self.tokens['access_token']}"}
        headers |= {"Accept": "application/json"} | options.pop("headers", {})
        url = f"/quickbooks/v3/company/{self.realm}/{path}"
        return self.client.request(method, url, headers=headers, **options)

    def query(self, statement: str, **params: str) -> httpx.Response:
        """A query by GET."""
        return self.call("GET", "query", params={"query": statement, "minorversion": "75"} | params)

    def control(self, name: str, **body: Any) -> Any:
        """A control call that has to succeed."""
        answer = self.client.post(f"/_/quickbooks/{name}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def note(self, text: str = "[Overdue 412] reminder 1", **params: str) -> httpx.Response:
        """Attach a note to invoice 742."""
        ref = {"EntityRef": {"type": "Invoice", "value": "742"}, "IncludeOnSend": False}
        content = {"Note": text, "AttachableRef": [ref]}
        return self.call("POST", "attachable", params=params, json=content)


@pytest.fixture
def intuit() -> Iterator[Intuit]:
    """A served QuickBooks without companies, at a fixed time."""
    now = [START]
    world = World(clock=lambda: now[0])
    quickbooks = QuickBooks(world)
    world.add(quickbooks)
    with ExitStack() as stack:
        url = stack.enter_context(serve(world.app()))
        client = stack.enter_context(httpx.Client(base_url=url, timeout=5, verify=False))
        stack.callback(quickbooks.close)
        yield Intuit(world, quickbooks, client, now)


@pytest.fixture
def connected(intuit: Intuit) -> Intuit:
    """The same with the small company connected."""
    return intuit.connect()


def code_of(answer: httpx.Response) -> str:
    """The code of a business fault."""
    assert answer.json()["Fault"]["type"]
    return str(answer.json()["Fault"]["Error"][0]["code"])


# Connecting


def test_the_authorize_page_sends_the_person_back_with_code_state_and_realm(
    intuit: Intuit,
) -> None:
    """The realm is told only here, never with the tokens."""
    realm = intuit.quickbooks.add_company(build(small_company(), START))
    answer = intuit.authorize(state="a b&c")
    back = urlsplit(answer.headers["location"])
    said = parse_qs(back.query)
    assert answer.status_code == 302
    assert f"{back.scheme}://{back.netloc}{back.path}" == CALLBACK
    assert (said["state"], said["realmId"], set(said)) == (
        ["a b&c"],
        [realm],
        {"code", "state", "realmId"},
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "other"},
        {"response_type": "token"},
        {"scope": "openid"},
        {"state": ""},
        {"redirect_uri": "http://example.com/callback"},
        {"redirect_uri": f"{CALLBACK}?company=1"},
        {"redirect_uri": "callback"},
        {"realm": "77"},
    ],
)
def test_the_authorize_page_refuses_what_intuit_refuses(
    intuit: Intuit, changed: dict[str, str]
) -> None:
    """A page that says why, and no redirect."""
    intuit.quickbooks.add_company(build(small_company(), START))
    answer = intuit.authorize(**changed)
    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_a_person_can_choose_the_company_or_say_no(intuit: Intuit) -> None:
    """Several companies live here; the person on the page picks one of them."""
    first = intuit.quickbooks.add_company(build(small_company(), START))
    intuit.quickbooks.add_company(build(small_company(), START))
    intuit.control("choose", realm=first)
    assert f"realmId={first}" in intuit.authorize().headers["location"]
    intuit.control("choose", consents=False)
    assert intuit.authorize().headers["location"] == f"{CALLBACK}?error=access_denied&state=s-1"


def test_a_code_becomes_a_pair_of_tokens(intuit: Intuit) -> None:
    """With the fields and lifetimes that Intuit documents; the hard end only on request."""
    intuit.quickbooks.add_company(build(small_company(), START))
    pair = intuit.exchange(intuit.code()).json()
    assert pair.pop("access_token") != pair.pop("refresh_token")
    assert pair == {
        "token_type": "bearer",
        "expires_in": 3600,
        "x_refresh_token_expires_in": 8726400,
    }


def test_the_hard_expiry_is_told_on_request(connected: Intuit) -> None:
    """The header asks for it; the count began with the consent."""
    connected.now[0] += timedelta(days=1)
    answer = connected.client.post(
        "/quickbooks/oauth2/v1/tokens/bearer",
        data={"grant_type": "refresh_token", "refresh_token": connected.tokens["refresh_token"]},
        headers={"x-include-refresh-token-hard-expires-in": "true"},
        auth=KEYS,
    )
    assert answer.json()["x_refresh_token_hard_expires_in"] == 157680000 - 86400


def test_a_code_is_good_once(connected: Intuit) -> None:
    """Using it again is refused and costs the tokens of the first time."""
    code = connected.code()
    tokens = connected.exchange(code).json()
    assert connected.exchange(code).json()["error"] == "invalid_grant"
    assert connected.refresh(tokens["refresh_token"]).status_code == 400


def test_a_code_is_bound_to_its_redirect_and_its_time(connected: Intuit) -> None:
    """Another redirect_uri, or ten minutes later: invalid_grant."""
    elsewhere = connected.token(
        grant_type="authorization_code",
        code=connected.code(),
        redirect_uri="https://other.example/x",
    )
    assert elsewhere.json()["error"] == "invalid_grant"
    code = connected.code()
    connected.now[0] += timedelta(minutes=11)
    assert connected.exchange(code).json()["error"] == "invalid_grant"


def test_the_token_endpoint_wants_the_keys_of_the_app(connected: Intuit) -> None:
    """Wrong keys answer 401 invalid_client; an unknown grant and JSON are refused."""
    form = {"grant_type": "refresh_token", "refresh_token": connected.tokens["refresh_token"]}
    wrong = connected.token((KEYS[0], "wrong"), **form)
    assert (wrong.status_code, wrong.json()) == (401, {"error": "invalid_client"})
    assert connected.token(grant_type="password").status_code == 400
    url = "/quickbooks/oauth2/v1/tokens/bearer"
    assert connected.client.post(url, json=form, auth=KEYS).status_code == 400


def test_a_refresh_rotates_and_the_old_token_is_dead(connected: Intuit) -> None:
    """The new pair works, the old refresh token answers invalid_grant."""
    old = connected.tokens["refresh_token"]
    fresh = connected.refresh(old).json()
    assert fresh["refresh_token"] != old
    again = connected.refresh(old)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert connected.refresh(fresh["refresh_token"]).status_code == 200


def test_reuse_can_cost_the_whole_connection(connected: Intuit) -> None:
    """Where Intuit takes the reuse for a theft, the winner's tokens die too."""
    connected.quickbooks.oauth.reuse_revokes = True
    old = connected.tokens["refresh_token"]
    connected.tokens = connected.refresh(old).json()
    connected.refresh(old)
    assert connected.refresh(connected.tokens["refresh_token"]).status_code == 400
    assert connected.call("GET", "preferences").status_code == 401


def test_rotation_can_be_once_a_day(connected: Intuit) -> None:
    """Inside a day the same refresh token comes back, after it a new one."""
    connected.quickbooks.oauth.rotation = "daily"
    old = connected.tokens["refresh_token"]
    assert connected.refresh(old).json()["refresh_token"] == old
    connected.now[0] += timedelta(hours=25)
    assert connected.refresh(old).json()["refresh_token"] != old


def test_a_refresh_token_dies_after_its_hundred_days(connected: Intuit) -> None:
    """Nobody used it for longer than its life."""
    connected.now[0] += timedelta(seconds=8_726_401)
    assert connected.refresh(connected.tokens["refresh_token"]).status_code == 400


def test_revoking_ends_everything(connected: Intuit) -> None:
    """200 once, 400 for a token that is not alive, and the API is closed."""
    url, token = "/quickbooks/v2/oauth2/tokens/revoke", {"token": connected.tokens["refresh_token"]}
    assert connected.client.post(url, json=token).status_code == 401
    assert connected.client.post(url, json=token, auth=KEYS).status_code == 200
    assert connected.client.post(url, json=token, auth=KEYS).status_code == 400
    assert connected.call("GET", "preferences").status_code == 401


# Who may call


def test_an_expired_token_is_refused_by_the_gateway(connected: Intuit) -> None:
    """401 in the lower-case shape; the detail echoes a piece of the token."""
    connected.now[0] += timedelta(hours=1)
    answer = connected.call("GET", "preferences")
    error = answer.json()["fault"]["error"][0]
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="Intuit", error="invalid_token"'
    assert (error["code"], error["message"]) == (
        "3200",
        "message=AuthenticationFailed; errorCode=003200; statusCode=401",
    )
    assert connected.tokens["access_token"][:20] in error["detail"]
    assert isinstance(answer.json()["time"], int)


def test_a_token_is_good_for_its_own_company_only(connected: Intuit) -> None:
    """Another realm answers 403, code 3100, lower case."""
    other = connected.quickbooks.add_company(build(small_company(), START))
    connected.realm = other
    answer = connected.call("GET", "preferences")
    assert (answer.status_code, answer.json()["fault"]["error"][0]["code"]) == (403, "3100")


def test_control_can_expire_and_disconnect(connected: Intuit) -> None:
    """Expired tokens can be refreshed, a disconnected company cannot."""
    connected.control("expire", realm=connected.realm)
    assert connected.call("GET", "preferences").status_code == 401
    connected.tokens = connected.refresh(connected.tokens["refresh_token"]).json()
    assert connected.call("GET", "preferences").status_code == 200
    connected.control("disconnect", realm=connected.realm)
    assert connected.refresh(connected.tokens["refresh_token"]).status_code == 400


@pytest.mark.parametrize("limit", ["per_second", "per_minute", "reads_per_month"])
def test_too_many_requests_are_answered_in_xml(connected: Intuit, limit: str) -> None:
    """429 with code 3001, also for the month's quota, and without Retry-After."""
    connected.control("limits", realm=connected.realm, **{limit: 1})
    assert connected.call("GET", "preferences").status_code == 200
    answer = connected.call("GET", "preferences")
    assert answer.status_code == 429
    assert answer.headers["content-type"] == "application/xml"
    assert '<Error code="3001">' in answer.text
    assert "retry-after" not in answer.headers


def test_the_limits_let_go_with_time(connected: Intuit) -> None:
    """A second later there is room in the second, a minute later in the minute."""
    ticks = [0.0]
    limits = connected.books.limits
    limits.timer, limits.per_second, limits.per_minute = (lambda: ticks[0]), 1, 2
    taken = []
    for tick in (0.0, 0.5, 1.0, 2.0, 60.0):
        ticks[0] = tick
        taken.append(limits.take(batch=False))
    assert taken == [True, False, True, False, True]


def test_who_does_not_ask_for_json_gets_xml(connected: Intuit) -> None:
    """XML is the default."""
    answer = connected.call("GET", "invoice/742", headers={"Accept": "*/*"})
    assert answer.headers["content-type"] == "application/xml"
    assert "<DocNumber>A-2210</DocNumber>" in answer.text


def test_every_answer_can_be_traced(connected: Intuit) -> None:
    """intuit_tid always, QBO-Version on success only, a time with the Pacific offset."""
    good, bad = connected.call("GET", "invoice/742"), connected.call("GET", "invoice/1")
    assert good.headers["intuit_tid"] != bad.headers["intuit_tid"]
    assert ("qbo-version" in good.headers, "qbo-version" in bad.headers) == (True, False)
    assert good.json()["time"] == "2026-11-20T10:00:00.000-08:00"
    assert bad.json()["time"] == "2026-11-20T10:00:00-08:00"


# Reading


def test_an_invoice_comes_complete_and_in_quickbooks_own_numbers(connected: Intuit) -> None:
    """No trailing zeros, the open balance after payments, links, metadata in Pacific time."""
    answer = connected.call("GET", "invoice/742")
    invoice = answer.json()["Invoice"]
    assert '"TotalAmt":845,' in answer.text
    assert invoice["Balance"] == 512.4
    assert invoice["LinkedTxn"] == [{"TxnId": "803", "TxnType": "Payment"}]
    assert invoice["CustomerRef"] == {"name": "Lantern Row Printers", "value": "311"}
    assert invoice["CurrencyRef"]["value"] == "USD"
    assert (invoice["DueDate"], invoice["SyncToken"]) == ("2026-10-02", "0")
    assert invoice["CustomField"] == []
    assert invoice["MetaData"]["LastUpdatedTime"][-6:] in ("-07:00", "-08:00")


def test_a_customer_balance_is_what_stands_behind_it(connected: Intuit) -> None:
    """Open invoices less unapplied payments and credits: 512.40 + 100.50 + 20 - 12.25."""
    customer = connected.call("GET", "customer/311").json()["Customer"]
    assert (customer["Balance"], customer["BalanceWithJobs"]) == (620.65, 620.65)


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("payment/803", "Payment"),
        ("creditmemo/900", "CreditMemo"),
        ("term/3", "Term"),
        ("preferences", "Preferences"),
    ],
)
def test_the_other_records_can_be_read(connected: Intuit, path: str, key: str) -> None:
    """Each under its own key."""
    assert connected.call("GET", path).json()[key]["Id"]


def test_company_info_tells_name_zone_and_country(connected: Intuit) -> None:
    """Only for the company's own realm."""
    info = connected.call("GET", f"companyinfo/{connected.realm}").json()["CompanyInfo"]
    assert (info["CompanyName"], info["DefaultTimeZone"], info["Country"]) == (
        "Brass Fern",
        "America/New_York",
        "US",
    )
    assert code_of(connected.call("GET", "companyinfo/1")) == "610"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("invoice/999999", "610"),
        ("customer/742", "610"),
        ("invoice/abc", "2030"),
        ("estimate/1", "500"),
        ("reports/AgedReceivables", "500"),
        ("", "500"),
    ],
)
def test_what_is_not_there_is_a_fault_with_status_400(
    connected: Intuit, path: str, code: str
) -> None:
    """610 for an unknown Id, never 404."""
    answer = connected.call("GET", path)
    assert (answer.status_code, code_of(answer)) == (400, code)
    assert ("time" in answer.json()) == (code != "2030")


def test_a_query_answers_with_its_envelope(connected: Intuit) -> None:
    """Position, how many came, and for invoices the total; by GET and by POST alike."""
    statement = "SELECT * FROM Invoice WHERE Balance > '0' MAXRESULTS 2"
    got = connected.query(statement).json()["QueryResponse"]
    posted = connected.call(
        "POST", "query", content=statement, headers={"Content-Type": "application/text"}
    ).json()["QueryResponse"]
    assert got == posted
    assert [invoice["Id"] for invoice in got.pop("Invoice")] == ["742", "743"]
    assert got == {"startPosition": 1, "maxResults": 2, "totalCount": 3}


def test_pages_follow_one_another_and_the_one_after_the_last_is_empty(connected: Intuit) -> None:
    """An empty result has no entity key at all."""
    tail = connected.query("SELECT * FROM Invoice STARTPOSITION 3 MAXRESULTS 2").json()
    beyond = connected.query("SELECT * FROM Invoice STARTPOSITION 5 MAXRESULTS 2").json()
    assert [invoice["Id"] for invoice in tail["QueryResponse"]["Invoice"]] == ["744"]
    assert beyond["QueryResponse"] == {}


def test_a_count_and_a_payment_list(connected: Intuit) -> None:
    """COUNT(*) gives only the total; payments come without one."""
    count = connected.query("SELECT COUNT(*) FROM Invoice").json()["QueryResponse"]
    payments = connected.query("SELECT * FROM Payment WHERE CustomerRef = '311'").json()
    assert count == {"totalCount": 3}
    assert set(payments["QueryResponse"]) == {"Payment", "startPosition", "maxResults"}


def test_a_bad_statement_is_a_business_fault(connected: Intuit) -> None:
    """Status 400, capital keys, the validator's words."""
    answer = connected.query("SELECT * FROM Invioce")
    assert answer.status_code == 400
    assert answer.json()["Fault"] == {
        "Error": [
            {
                "Message": "Invalid query",
                "Detail": "QueryValidationError: invalid context declaration: Invioce",
                "code": "4001",
                "element": "",
            }
        ],
        "type": "ValidationFault",
    }


def test_a_plus_that_was_not_encoded_is_a_space(connected: Intuit) -> None:
    """The statement must be percent-encoded, as any query parameter."""
    path = "query?query=SELECT+*+FROM+Customer+WHERE+DisplayName+=+'A+B'"
    assert connected.call("GET", path).json()["QueryResponse"] == {}
    assert connected.books.statements[-1] == "SELECT * FROM Customer WHERE DisplayName = 'A B'"


def test_a_full_page_may_hold_one_row_too_many(connected: Intuit) -> None:
    """A known oddity, on demand."""
    connected.books.extra_row = True
    page = connected.query("SELECT * FROM Invoice MAXRESULTS 2").json()["QueryResponse"]
    assert page["maxResults"] == 3


def test_one_bad_record_breaks_the_page_it_stands_on(connected: Intuit) -> None:
    """4002 for any page with it, the others are fine."""
    connected.control("poison", entity="invoice", id="743")
    assert code_of(connected.query("SELECT * FROM Invoice")) == "4002"
    assert connected.query("SELECT * FROM Invoice MAXRESULTS 1").status_code == 200
    connected.control("poison", entity="invoice", id="743", heal=True)
    assert connected.query("SELECT * FROM Invoice").status_code == 200


def test_the_pay_link_comes_on_a_single_read_that_asks_for_it(connected: Intuit) -> None:
    """Only with online payment on, an address, and something to pay; never in a list."""
    asked = {"include": "invoiceLink"}
    reachable = {"BillEmail": {"Address": "pay@lantern-row.example"}}
    connected.control("edit", entity="invoice", id="743", fields=reachable)
    link = connected.call("GET", "invoice/742", params=asked).json()["Invoice"]["InvoiceLink"]
    assert link.startswith(PAY_LINK)
    assert "InvoiceLink" not in connected.call("GET", "invoice/742").json()["Invoice"]
    assert "InvoiceLink" not in connected.call("GET", "invoice/743", params=asked).text
    assert "InvoiceLink" not in connected.query("SELECT * FROM Invoice", **asked).text
    connected.control("pay", invoice="742", amount="512.40")
    assert "InvoiceLink" not in connected.call("GET", "invoice/742", params=asked).text


def test_a_link_for_cards_comes_unasked_on_a_single_read(connected: Intuit) -> None:
    """As it does in the wild; never in a list of the same invoice."""
    connected.control(
        "edit", entity="invoice", id="742", fields={"AllowOnlineCreditCardPayment": True}
    )
    assert "InvoiceLink" in connected.call("GET", "invoice/742").text
    assert "InvoiceLink" not in connected.query("SELECT * FROM Invoice").text


def test_asking_for_links_in_a_list_breaks_on_one_bad_address(connected: Intuit) -> None:
    """The reason never to do it."""
    connected.control(
        "edit", entity="invoice", id="742", fields={"BillEmail": {"Address": "nobody"}}
    )
    answer = connected.query("SELECT * FROM Invoice", include="invoiceLink")
    assert code_of(answer) == "4002"


def test_the_pdf_names_its_invoice(connected: Intuit) -> None:
    """A real PDF: header, cross-reference table at the stated place, the number in the text."""
    answer = connected.call("GET", "invoice/742/pdf", headers={"Accept": "application/pdf"})
    content = answer.content
    assert answer.headers["content-type"] == "application/pdf"
    assert content.startswith(b"%PDF-1.4")
    start = int(content.split(b"startxref\n")[1].split(b"\n")[0])
    assert content[start : start + 4] == b"xref"
    first = int(content[start:].split(b"\n")[3][:10])
    assert content[first : first + 7] == b"1 0 obj"
    assert b"(Invoice A-2210)" in content
    assert code_of(connected.call("GET", "invoice/742/pdf")) == "500"


def test_successful_reads_are_metered(connected: Intuit) -> None:
    """Faults are free; each query of a batch counts."""
    connected.call("GET", "invoice/742")
    connected.call("GET", "invoice/1")
    items = [{"bId": str(n), "Query": "SELECT * FROM Customer"} for n in range(3)]
    connected.call("POST", "batch", json={"BatchItemRequest": items})
    assert connected.books.limits.reads == 4


# Changes


def test_changes_since_a_time_come_grouped_with_the_deleted_last(connected: Intuit) -> None:
    """An entity without changes is an empty group."""
    connected.now[0] += timedelta(minutes=30)
    connected.control("edit", entity="invoice", id="743", fields={"DueDate": "today+30"})
    connected.control("delete", entity="invoice", id="742")
    since = (START + timedelta(minutes=20)).isoformat()
    params = {"entities": "Payment,Invoice,Customer", "changedSince": since}
    answer = connected.call("GET", "cdc", params=params).json()
    payments, invoices, customers = answer["CDCResponse"][0]["QueryResponse"]
    assert customers == {}
    assert [(i["Id"], i.get("status")) for i in invoices["Invoice"]] == [
        ("743", None),
        ("742", "Deleted"),
    ]
    assert payments["Payment"][0]["UnappliedAmt"] == 332.6


@pytest.mark.parametrize(
    "params",
    [
        {"entities": "Invoice", "changedSince": "2026-10-01T00:00:00-08:00"},
        {"entities": "Invoice", "changedSince": "yesterday"},
        {"entities": "Invoice", "changedSince": "2026-11-20T00:00:00 00:00"},
        {"entities": "Invoice"},
        {"entities": "TimeActivity", "changedSince": "2026-11-20T00:00:00-08:00"},
        {"changedSince": "2026-11-20T00:00:00-08:00"},
    ],
)
def test_change_capture_has_its_bounds(connected: Intuit, params: dict[str, str]) -> None:
    """Thirty days back, known entities, a real time."""
    assert connected.call("GET", "cdc", params=params).status_code == 400


def test_change_capture_stops_at_a_thousand(intuit: Intuit) -> None:
    """There is no second page, and what was deleted is cut off first, of whatever kind it is."""
    data = small_company()
    data["customers"] = [{"Id": str(n), "DisplayName": f"C{n}"} for n in range(1, 1102)]
    invoice = {"Id": "742", "CustomerRef": {"value": "1"}, "TotalAmt": "8.00"}
    intuit.connect(data | {"invoices": [invoice], "payments": [], "credit_memos": []})
    for customer in intuit.books.books.company.customers.values():
        customer["MetaData"]["LastUpdatedTime"] = "2026-11-20T09:00:00-08:00"
    intuit.books.books.delete("Invoice", "742")

    def asked(entities: str) -> list[dict[str, Any]]:
        params = {"entities": entities, "changedSince": "2026-11-19T00:00:00-08:00"}
        answer = intuit.call("GET", "cdc", params=params).json()
        groups: list[dict[str, Any]] = answer["CDCResponse"][0]["QueryResponse"]
        return groups

    deleted, group = asked("Invoice,Customer")
    assert (len(group["Customer"]), group["maxResults"], deleted) == (1000, 1000, {})
    assert asked("Invoice")[0]["Invoice"][0]["status"] == "Deleted"


# The one write


def test_a_note_is_attached_and_seen_in_the_world(connected: Intuit) -> None:
    """It leaves the invoice itself alone."""
    answer = connected.note()
    note = answer.json()["Attachable"]
    assert (answer.status_code, note["SyncToken"], note["Id"].isdigit()) == (200, "0", True)
    assert connected.call("GET", f"attachable/{note['Id']}").json()["Attachable"] == note
    assert connected.call("GET", "invoice/742").json()["Invoice"]["SyncToken"] == "0"
    assert connected.client.get("/_/world").json()["notes"] == [
        {
            "id": note["Id"],
            "realm": connected.realm,
            "invoices": ["742"],
            "text": "[Overdue 412] reminder 1",
            "deleted": False,
        }
    ]


def test_the_notes_of_an_invoice_can_be_found(connected: Intuit) -> None:
    """By the entity that they refer to."""
    connected.note()
    statement = "SELECT * FROM Attachable WHERE AttachableRef.EntityRef.Type = 'Invoice'"
    found = connected.query(f"{statement} AND AttachableRef.EntityRef.value = '742'").json()
    none = connected.query(f"{statement} AND AttachableRef.EntityRef.value = '743'").json()
    assert len(found["QueryResponse"]["Attachable"]) == 1
    assert none["QueryResponse"] == {}


def test_the_same_requestid_is_answered_the_same_and_done_once(connected: Intuit) -> None:
    """Even with another body; another id, or none, writes again."""
    first = connected.note(requestid="n-1").json()["Attachable"]
    assert connected.note("other", requestid="n-1").json()["Attachable"] == first
    assert connected.note(requestid="n-2").json()["Attachable"]["Id"] != first["Id"]
    connected.note()
    assert len(connected.client.get("/_/world").json()["notes"]) == 3
    assert code_of(connected.note(requestid="n" * 51)) == "2050"


def test_a_requestid_is_remembered_although_the_answer_was_lost(connected: Intuit) -> None:
    """The retry after a cut line finds the first note, not a second."""
    fault = {"service": "quickbooks", "match": "attachable", "times": 1, "kind": "late"}
    connected.client.post("/_/faults", json=fault)
    with pytest.raises(httpx.TransportError):
        connected.note(requestid="n-1")
    assert connected.note(requestid="n-1").status_code == 200
    assert len(connected.client.get("/_/world").json()["notes"]) == 1


def test_a_note_can_be_taken_back_once(connected: Intuit) -> None:
    """It answers Deleted; the second time it is unknown, unless the requestid is the same."""
    ident = connected.note().json()["Attachable"]["Id"]
    params = {"operation": "delete", "requestid": "d-1"}
    gone = connected.call("POST", "attachable", params=params, json={"Id": ident})
    assert gone.json()["Attachable"] == {"domain": "QBO", "status": "Deleted", "Id": ident}
    repeated = connected.call("POST", "attachable", params=params, json={"Id": ident})
    assert repeated.json()["Attachable"] == gone.json()["Attachable"]
    again = connected.call("POST", "attachable", params={"operation": "delete"}, json={"Id": ident})
    assert code_of(again) == "610"
    assert connected.client.get("/_/world").json()["notes"][0]["deleted"] is True


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({"Note": "x", "Colour": "red"}, "2010"),
        ({"AttachableRef": []}, "2020"),
        ({"Note": "x" * 2001}, "2050"),
        ({"Note": "x", "AttachableRef": "742"}, "2010"),
        ({"Note": "x", "AttachableRef": [{"Entity": "742"}]}, "2010"),
        ([], "2010"),
    ],
)
def test_a_note_that_is_not_right_is_not_kept(connected: Intuit, content: Any, code: str) -> None:
    """Unknown fields, no text, too long, no proper reference."""
    assert code_of(connected.call("POST", "attachable", json=content)) == code
    assert connected.client.get("/_/world").json()["notes"] == []


@pytest.mark.parametrize("value", ["999", 742])
def test_a_note_must_refer_to_something_that_exists(connected: Intuit, value: Any) -> None:
    """By an Id that is a text."""
    refs = [{"EntityRef": {"type": "Invoice", "value": value}}]
    content = {"Note": "x", "AttachableRef": refs}
    assert code_of(connected.call("POST", "attachable", json=content)) == "2500"


def test_a_lapsed_subscription_reads_and_does_not_write(connected: Intuit) -> None:
    """6190, until it is paid again."""
    connected.control("lapse", realm=connected.realm)
    assert code_of(connected.note()) == "6190"
    assert connected.call("GET", "invoice/742").status_code == 200
    connected.control("lapse", realm=connected.realm, lapsed=False)
    assert connected.note().status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "params"),
    [
        ("POST", "invoice", {}),
        ("POST", "invoice", {"operation": "void"}),
        ("POST", "invoice", {"operation": "delete"}),
        ("POST", "invoice/742/send", {}),
        ("POST", "customer", {}),
        ("POST", "payment", {}),
        ("POST", "creditmemo", {}),
        ("POST", "companyinfo", {}),
        ("PUT", "invoice/742", {}),
        ("DELETE", "invoice/742", {}),
        ("POST", "attachable", {"operation": "update"}),
    ],
)
def test_every_other_write_is_refused_and_remembered(
    connected: Intuit, method: str, path: str, params: dict[str, str]
) -> None:
    """The ledger stays as it was."""
    before = json.dumps(connected.call("GET", "invoice/742").json()["Invoice"])
    content = {"Id": "742", "SyncToken": "0", "sparse": True, "PrivateNote": "x"}
    answer = connected.call(method, path, params=params, json=content)
    assert (answer.status_code, code_of(answer)) == (400, "500")
    assert len(connected.client.get("/_/world").json()["refused_writes"]) == 1
    assert json.dumps(connected.call("GET", "invoice/742").json()["Invoice"]) == before


def test_a_batch_answers_item_by_item(connected: Intuit) -> None:
    """A query, a note, a fault and a refused write side by side under status 200."""
    ref = {"EntityRef": {"type": "Invoice", "value": "743"}}
    items = [
        {"bId": "q", "Query": "SELECT * FROM Payment WHERE CustomerRef = '311'"},
        {"bId": "n", "operation": "create", "Attachable": {"Note": "x", "AttachableRef": [ref]}},
        {"bId": "f", "Query": "SELECT * FROM Nothing"},
        {"bId": "w", "operation": "update", "Invoice": {"Id": "742", "SyncToken": "0"}},
    ]
    answer = connected.call("POST", "batch", json={"BatchItemRequest": items})
    by_id = {item["bId"]: item for item in answer.json()["BatchItemResponse"]}
    assert answer.status_code == 200
    assert by_id["q"]["QueryResponse"]["Payment"][0]["Id"] == "803"
    assert by_id["n"]["Attachable"]["Note"] == "x"
    assert by_id["f"]["Fault"]["Error"][0]["code"] == "4001"
    assert by_id["w"]["Fault"]["Error"][0]["code"] == "500"
    assert len(connected.books.refused_writes) == 1


@pytest.mark.parametrize(
    "items",
    [
        [],
        [{"bId": str(n), "Query": "SELECT * FROM Term"} for n in range(31)],
        [{"bId": "12345678901", "Query": "SELECT * FROM Term"}],
        [{"bId": "1", "Query": "SELECT * FROM Term"}] * 2,
        [{"Query": "SELECT * FROM Term"}],
        ["SELECT * FROM Term"],
    ],
)
def test_a_batch_has_its_bounds(connected: Intuit, items: list[Any]) -> None:
    """Thirty items, short and different bIds."""
    assert connected.call("POST", "batch", json={"BatchItemRequest": items}).status_code == 400


def test_batches_have_a_limit_of_their_own(connected: Intuit) -> None:
    """Forty a minute."""
    connected.control("limits", realm=connected.realm, batches_per_minute=1)
    items = {"BatchItemRequest": [{"bId": "1", "Query": "SELECT * FROM Term"}]}
    assert connected.call("POST", "batch", json=items).status_code == 200
    assert connected.call("POST", "batch", json=items).status_code == 429
    assert connected.call("GET", "preferences").status_code == 200


@pytest.mark.parametrize(
    ("status", "sign"),
    [
        (401, '"code":"3200"'),
        (403, '"code":"3100"'),
        (429, '<Error code="3001">'),
        (500, '"code":"10000"'),
        (503, "<html>"),
        (504, '<Error code="6002">'),
        (400, '"code":"6000"'),
    ],
)
def test_an_ordered_status_has_quickbooks_own_shape(
    connected: Intuit, status: int, sign: str
) -> None:
    """Each as the real service words it."""
    fault = {"service": "quickbooks", "match": "preferences", "kind": "status", "status": status}
    connected.client.post("/_/faults", json=fault)
    answer = connected.call("GET", "preferences")
    assert answer.status_code == status
    assert sign in answer.text


@pytest.mark.parametrize(
    ("status", "code", "sign"),
    [
        (400, "5010", '"Detail":"Stale Object Error : You and Rosa Whitcombe'),
        (400, "6210", '"Message":"Account Period Closed'),
        (200, "6190", '"code":"6190"'),
        (403, "120", '"detail":"-11014"'),
        (403, "3001", '<Error code="3001">'),
        (400, "0", '"code":"0"'),
    ],
)
def test_an_ordered_code_comes_with_its_words(
    connected: Intuit, status: int, code: str, sign: str
) -> None:
    """Any code of the documentation, in a fault of any status, a friendly one too."""
    fault = {"service": "quickbooks", "match": "preferences", "kind": "status", "status": status}
    connected.client.post("/_/faults", json=fault | {"code": code})
    answer = connected.call("GET", "preferences")
    assert answer.status_code == status
    assert sign in answer.text


def test_the_links_of_a_card_lead_to_pages(connected: Intuit) -> None:
    """An invoice as its PDF, a customer with what it owes, of the company that the link names."""

    def page(wanted: str, realm: str) -> httpx.Response:
        params = {"pagereq": wanted, "deeplinkcompanyid": realm}
        return connected.client.get("/quickbooks/app/login", params=params)

    assert page("invoice?txnId=742", connected.realm).content.startswith(b"%PDF")
    owes = page("customerdetail?nameId=311", connected.realm).text
    assert "Lantern Row Printers" in owes
    assert "A-2211" in owes
    assert page("invoice?txnId=1", connected.realm).status_code == 404
    assert page("invoice?txnId=742", "1").status_code == 404
