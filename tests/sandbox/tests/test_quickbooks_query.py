"""The query language of the sandbox's QuickBooks: what it reads and what it refuses."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.sandbox.company import build
from tests.sandbox.quickbooks.books import Books
from tests.sandbox.quickbooks.errors import RefusalError
from tests.sandbox.quickbooks.query import parse
from tests.sandbox.quickbooks.select import Selection

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)


def books() -> Books:
    """Two customers, one of them inactive, and four invoices."""
    customers = [
        {"Id": "9", "DisplayName": "Harbor's Edge", "PrimaryEmailAddr": {"Address": "a@b.example"}},
        {"Id": "10", "DisplayName": "Möbel 🌿", "Active": False},
    ]
    invoices = [
        {"Id": "100", "TotalAmt": 50, "DueDate": "today-3", "TxnDate": "today-33"},
        {"Id": "99", "TotalAmt": 10.5, "DueDate": "today-1", "DocNumber": "A-7"},
        {"Id": "101", "TotalAmt": 10.5, "DueDate": "today+1", "Balance": 0},
        {"Id": "102", "TotalAmt": 7, "TxnDate": "today-9"},
    ]
    for invoice in invoices:
        invoice["CustomerRef"] = {"value": "9" if invoice["Id"] != "102" else "10"}
    memos = [{"Id": "200", "CustomerRef": {"value": "9"}, "TotalAmt": 5, "TxnDate": "today-1"}]
    data: dict[str, Any] = {"customers": customers, "invoices": invoices, "credit_memos": memos}
    return Books(build(data, NOW), lambda: NOW)


def ids(statement: str) -> list[str]:
    """The Ids that a statement finds, in order."""
    return [entity["Id"] for entity in Selection(books()).rows(parse(statement))]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("", ["99", "100", "101", "102"]),
        ("WHERE Balance > '0'", ["99", "100", "102"]),
        ("WHERE Balance > '0' AND DueDate < '2026-11-20'", ["99", "100"]),
        ("WHERE DueDate < '2026-11-19' ORDERBY DueDate", ["100"]),
        ("WHERE Id IN ('102', '99')", ["99", "102"]),
        ("WHERE Id = '7'", []),
        ("WHERE CustomerRef = '10'", ["102"]),
        ("WHERE CustomerRef IN ('9','10') AND TotalAmt >= '10.50'", ["99", "100", "101"]),
        ("WHERE DocNumber LIKE 'A-%'", ["99"]),
        ("WHERE DocNumber LIKE 'A_7'", []),
        ("ORDERBY Balance DESC, Id DESC", ["100", "99", "102", "101"]),
        ("ORDER BY TxnDate ASC", ["100", "102", "99", "101"]),
        ("ORDERBY DueDate", ["102", "100", "99", "101"]),
        ("WHERE MetaData.LastUpdatedTime >= '2026-11-18T00:00:00-08:00'", ["99", "101"]),
    ],
)
def test_conditions_and_order_mean_what_they_say(where: str, found: list[str]) -> None:
    """Rows come by Id as a number unless an order is asked for."""
    assert ids(f"SELECT * FROM Invoice {where}") == found


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("select * from customer", ["9"]),
        ("SELECT * FROM Customer WHERE Active IN (true,false)", ["9", "10"]),
        ("SELECT * FROM Customer WHERE Active IN ('true', 'false')", ["9", "10"]),
        ("SELECT * FROM Customer WHERE Active = false", ["10"]),
        (r"SELECT * FROM Customer WHERE DisplayName = 'Harbor\'s Edge'", ["9"]),
        ("SELECT * FROM Customer WHERE DisplayName LIKE '%🌿' AND Active = false", ["10"]),
        ("SELECT * FROM Customer WHERE PrimaryEmailAddr = 'a@b.example'", ["9"]),
        ("SELECT Id, DisplayName FROM Customer", ["9"]),
    ],
)
def test_name_lists_hold_active_entries_unless_asked(statement: str, found: list[str]) -> None:
    """Inactive customers come only when the statement speaks of Active."""
    assert ids(statement) == found


def test_the_balance_filter_sees_open_credits_with_the_other_sign() -> None:
    """Who filters credit memos by Balance > '0' finds none of those that are open."""
    assert ids("SELECT * FROM CreditMemo WHERE Balance > '0'") == []
    assert ids("SELECT * FROM CreditMemo") == ["200"]


def test_both_orders_of_the_tail_are_read() -> None:
    """STARTPOSITION and MAXRESULTS, either first; 100 rows unless told."""
    one = parse("SELECT * FROM Invoice STARTPOSITION 3 MAXRESULTS 1000")
    other = parse("SELECT * FROM Invoice MAXRESULTS 1000 STARTPOSITION 3")
    usual = parse("SELECT * FROM Invoice")
    assert (one.start, one.rows) == (other.start, other.rows) == (3, 1000)
    assert (usual.start, usual.rows, usual.count) == (1, 100, False)
    assert parse("SELECT COUNT(*) FROM Invoice").count


def test_literals_are_read_by_the_kind_of_their_property() -> None:
    """Amounts as Decimal, text with its escapes taken away."""
    amount = parse("SELECT * FROM Invoice WHERE Balance = '10.50'").where[0]
    text = parse(r"SELECT * FROM Customer WHERE DisplayName = 'a\'b\\c'").where[0]
    assert amount.values == (Decimal("10.50"),)
    assert text.values == (r"a'b\c",)


@pytest.mark.parametrize(
    "statement",
    [
        "",
        "SELECT * FROM Invoice WHERE Id = '1' OR Id = '2'",
        "SELECT * FROM Invoice WHERE Balance != '0'",
        "SELECT * FROM Invoice WHERE Balance <> '0'",
        "SELECT * FROM Invoice WHERE Balance > 0",
        "SELECT * FROM Invoice WHERE DueDate < 2026-11-20",
        'SELECT * FROM Invoice WHERE Id = "1"',
        "SELECT * FROM Customer WHERE DisplayName = 'Harbor''s Edge'",
        "SELECT * FROM Customer WHERE DisplayName = 'Harbor's Edge'",
        "SELECT * FROM Customer WHERE DisplayName = 'open",
        "SELECT * FROM Invoice JOIN Customer",
        "SELECT * FROM Invoice GROUP BY CustomerRef",
        "SELECT * FROM Invoice WHERE (Id = '1')",
        "SELECT * FROM Invoice WHERE Id IN ()",
        "SELECT * FROM Invoice WHERE Id IN (1, 2)",
        "SELECT * FROM Invoice WHERE DocNumber LIKE IN",
        "SELECT * FROM Invoice MAXRESULTS '10'",
        "SELECT * FROM Invoice MAXRESULTS 10 MAXRESULTS 10",
        "SELECT * FROM Invoice STARTPOSITION -1",
        "SELECT * FROM Invoice LIMIT 10",
        "SELECT * FROM Invoice WHERE",
        "SELECT * FROM Invoice ORDERBY",
        "DELETE FROM Invoice",
        "SELECT * FROM Invoice; SELECT * FROM Customer",
    ],
)
def test_what_does_not_parse_is_refused(statement: str) -> None:
    """Code 4000 with the parser's words."""
    with pytest.raises(RefusalError) as refused:
        parse(statement)
    assert refused.value.code == "4000"
    assert refused.value.detail.startswith("QueryParserError: ")


@pytest.mark.parametrize(
    ("statement", "detail"),
    [
        ("SELECT * FROM Invioce", "invalid context declaration: Invioce"),
        (
            "SELECT * FROM Payment WHERE UnappliedAmt > '0'",
            "property 'UnappliedAmt' is not queryable",
        ),
        (
            "SELECT * FROM CreditMemo WHERE RemainingCredit > '0'",
            "property 'RemainingCredit' is not queryable",
        ),
        ("SELECT * FROM Invoice WHERE CurrencyRef = 'USD'", "'CurrencyRef' is not queryable"),
        ("SELECT * FROM Invoice WHERE EmailStatus = 'NotSet'", "'EmailStatus' is not queryable"),
        ("SELECT * FROM Invoice WHERE Amount = '1'", "Property Amount not found for Entity Inv"),
        ("SELECT * FROM Invoice WHERE balance > '0'", "Property balance not found"),
        ("SELECT * FROM Invoice ORDERBY TotalAmt", "'TotalAmt' is not sortable"),
        ("SELECT * FROM Invoice WHERE Id > '5'", "Operator > is not supported for property Id"),
        ("SELECT * FROM Invoice WHERE Balance LIKE '1%'", "Operator LIKE is not supported"),
        ("SELECT * FROM Invoice WHERE DueDate < '11/20/2026'", "value '11/20/2026' is not valid"),
        ("SELECT * FROM Invoice WHERE DueDate < '20261120'", "is not valid for property DueDate"),
        ("SELECT * FROM Invoice WHERE Balance > '1,000'", "is not valid for property Balance"),
        ("SELECT * FROM Invoice WHERE Id = 'x'", "is not valid for property Id"),
        (
            "SELECT * FROM Invoice WHERE MetaData.CreateTime > '2026-11-20T00:00:00'",
            "is not valid for property MetaData.CreateTime",
        ),
        ("SELECT * FROM Customer WHERE Active = 'maybe'", "is not valid for property Active"),
        ("SELECT * FROM Invoice MAXRESULTS 1001", "value 1001 is not allowed for MAXRESULTS"),
        ("SELECT * FROM Invoice MAXRESULTS 0", "value 0 is not allowed for MAXRESULTS"),
        ("SELECT * FROM Invoice STARTPOSITION 0", "start position must be 1 or greater"),
    ],
)
def test_what_parses_and_makes_no_sense_is_refused(statement: str, detail: str) -> None:
    """Code 4001 with the validator's words."""
    with pytest.raises(RefusalError) as refused:
        parse(statement)
    assert refused.value.code == "4001"
    assert detail in refused.value.detail


def test_found_rows_follow_the_books() -> None:
    """A selection that was remembered is forgotten when the books change."""
    ledger = books()
    selection, query = Selection(ledger), parse("SELECT * FROM Invoice WHERE Balance > '0'")
    assert len(selection.rows(query)) == 3
    ledger.void("100")
    assert [entity["Id"] for entity in selection.rows(query)] == ["99", "102"]
