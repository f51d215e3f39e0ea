"""What of each entity may be asked for in a query, and what may not."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Sort(StrEnum):
    """The kinds of property, which decide how a literal is read."""

    ID = "id"
    TEXT = "text"
    MONEY = "money"
    DATE = "date"
    TIME = "time"
    FLAG = "flag"
    REF = "reference"


OPERATORS: Mapping[Sort, frozenset[str]] = {
    Sort.ID: frozenset({"=", "IN"}),
    Sort.REF: frozenset({"=", "IN"}),
    Sort.FLAG: frozenset({"=", "IN"}),
    Sort.TEXT: frozenset({"=", "IN", "<", ">", "<=", ">=", "LIKE"}),
    Sort.MONEY: frozenset({"=", "IN", "<", ">", "<=", ">="}),
    Sort.DATE: frozenset({"=", "IN", "<", ">", "<=", ">="}),
    Sort.TIME: frozenset({"=", "<", ">", "<=", ">="}),
}


@dataclass(frozen=True)
class Schema:
    """An entity: what can be filtered and sorted by, and what exists but cannot."""

    name: str
    filterable: Mapping[str, Sort]
    unsortable: frozenset[str] = frozenset()
    unqueryable: frozenset[str] = frozenset()
    named_list: bool = False  # only active entries unless the statement speaks of Active
    counts: bool = False  # totalCount in the envelope


_STAMPS = {"MetaData.CreateTime": Sort.TIME, "MetaData.LastUpdatedTime": Sort.TIME}
_UNSEEN = frozenset(
    {"SyncToken", "CurrencyRef", "PrivateNote", "ExchangeRate", "Line", "LinkedTxn"}
)

_SCHEMAS = (
    Schema(
        "Invoice",
        {
            "Id": Sort.ID,
            "DocNumber": Sort.TEXT,
            "CustomerRef": Sort.REF,
            "TxnDate": Sort.DATE,
            "DueDate": Sort.DATE,
            "Balance": Sort.MONEY,
            "TotalAmt": Sort.MONEY,
            "SalesTermRef": Sort.REF,
            "ProjectRef": Sort.REF,
            **_STAMPS,
        },
        unsortable=frozenset({"CustomerRef", "TotalAmt", "SalesTermRef", "ProjectRef"}),
        unqueryable=_UNSEEN
        | {"EmailStatus", "CustomerMemo", "BillEmail", "CustomField", "InvoiceLink", "HomeBalance"},
        counts=True,
    ),
    Schema(
        "Customer",
        {
            "Id": Sort.ID,
            "DisplayName": Sort.TEXT,
            "CompanyName": Sort.TEXT,
            "GivenName": Sort.TEXT,
            "FamilyName": Sort.TEXT,
            "FullyQualifiedName": Sort.TEXT,
            "PrimaryEmailAddr": Sort.TEXT,
            "Active": Sort.FLAG,
            "Balance": Sort.MONEY,
            **_STAMPS,
        },
        unqueryable=_UNSEEN | {"ParentRef", "BillWithParent", "Job", "BalanceWithJobs", "Notes"},
        named_list=True,
    ),
    Schema(
        "Payment",
        {
            "Id": Sort.ID,
            "CustomerRef": Sort.REF,
            "TxnDate": Sort.DATE,
            "TotalAmt": Sort.MONEY,
            **_STAMPS,
        },
        unsortable=frozenset({"CustomerRef", "TotalAmt"}),
        unqueryable=_UNSEEN | {"UnappliedAmt", "ProcessPayment", "DepositToAccountRef"},
    ),
    Schema(
        "CreditMemo",
        {
            "Id": Sort.ID,
            "DocNumber": Sort.TEXT,
            "CustomerRef": Sort.REF,
            "TxnDate": Sort.DATE,
            "TotalAmt": Sort.MONEY,
            "Balance": Sort.MONEY,
            **_STAMPS,
        },
        unsortable=frozenset({"CustomerRef", "TotalAmt"}),
        unqueryable=_UNSEEN | {"RemainingCredit", "EmailStatus", "CustomerMemo", "BillEmail"},
    ),
    Schema(
        "CustomerType",
        {"Id": Sort.ID, "Name": Sort.TEXT, "Active": Sort.FLAG, **_STAMPS},
        unqueryable=frozenset({"SyncToken"}),
        named_list=True,
    ),
    Schema(
        "Term",
        {"Id": Sort.ID, "Name": Sort.TEXT, "Active": Sort.FLAG, **_STAMPS},
        unqueryable=frozenset({"DueDays", "Type", "SyncToken"}),
        named_list=True,
    ),
    Schema(
        "Attachable",
        {
            "Id": Sort.ID,
            "AttachableRef.EntityRef.Type": Sort.TEXT,
            "AttachableRef.EntityRef.value": Sort.REF,
            **_STAMPS,
        },
        unsortable=frozenset({"AttachableRef.EntityRef.Type", "AttachableRef.EntityRef.value"}),
        unqueryable=frozenset({"Note", "SyncToken"}),
    ),
    Schema("CompanyInfo", {"Id": Sort.ID, **_STAMPS}),
    Schema("Preferences", {"Id": Sort.ID, **_STAMPS}),
)

ENTITIES: Mapping[str, Schema] = {schema.name.lower(): schema for schema in _SCHEMAS}
CHANGE_TRACKED = frozenset({"Invoice", "Customer", "Payment", "CreditMemo"})
READABLE: Mapping[str, str] = {
    "invoice": "Invoice",
    "customer": "Customer",
    "payment": "Payment",
    "creditmemo": "CreditMemo",
    "attachable": "Attachable",
    "term": "Term",
}
