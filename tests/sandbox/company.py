"""A company's books from a file: `FILE.json` becomes entities as QuickBooks would hold them.

The file holds `company`, `preferences`, `terms`, `customers`, `invoices`, `payments`,
`credit_memos` in QuickBooks' own JSON, and `crm`, `tickets`, `mails` for the other stand-ins.
A string that is exactly `today`, `today-12` or `today+5` is a date, resolved once, in the
company's own zone; `today-3T14:05` is a time there. What a file leaves out is derived; what it
states is kept, even if it is odd.

`companies/lifelike.json` is Brass Fern Supply, a wholesaler on the Pacific coast: 48 customers,
US dollars at home and some in euro, about two years of payments, 29 with something overdue. The
interesting Ids:

    customer 101  Northgate Hospitality Group: the key account, 41,960.50 open, PO numbers
    customer 102  Calder & Voss Contract Interiors: one overdue invoice above 25,000
    customer 103  Lantern Row Printers: usually pays a few days late, one invoice partly paid
    customer 104  O'Brien's "Corner" Café: quotes in the name
    customer 105  Blume & Söhne Möbelwerk 🌿: umlauts, emoji, pays in euro
    customer 106  <!channel> *Bold* Fixtures & Co.: markup in the name
    customer 107  Harrow Lane Salvage: no e-mail address anywhere
    customer 108  Stonebridge Property Partners: a comma-separated list of addresses
    customer 109  Tidewater Schools: parent of 110 and 111 (billed to it) and 112 (billed alone)
    customer 113  Pinecrest Dental Studio: an unapplied payment that covers what is open
    customer 114  Meridian Yoga Collective: an open credit memo that covers what is open
    customer 115  Old Mill Brewing: a credit memo that covers a part
    customer 116  Juniper & Rye Kitchens: CustomerMemo politely says that the PO number is missing
    customer 117  Apex Vale Trading: CustomerMemo tries to give orders and to change the bank
    customer 118  Rook & Feather Events: eleven overdue invoices of three stages, above 10,000
    customer 119  ZZ Test Customer (do not use): a test customer
    customer 120  Sable Point Marina: a bad payer, pays late and in parts, 52 days past due
    customer 121  Kestrel Coffee Roasters: always on time, first time overdue
    customer 122  Quill & Anchor Books: an overdue invoice below the smallest balance
    customer 123  Atelier Ferrand: euro, overdue
    customer 134  Silver Thistle Inn: one overdue invoice that QuickBooks never e-mailed
    mails  120 promises, 132 misses a pallet, 124 asks for the invoice, 105 writes in German,
        135 has paid, 121 says thanks, 126 is out of the office, a colleague passes on 118's wish
    customers 126, 132  also above 10,000 in all · 128, 135  past 45 days · 124, 129  ordinary
    in the CRM 101 is a key account · 120 asks for instalments · 132 is two firms · 104, 117 have an
    owner who has left · 129 one who is a guest
    open tickets about the bill 4101 (125), 4102 (128), 4103 (105, in German), 4108 (117, hostile)
    · about something else 4104 (109), 4105 (123) · not open 4106 (103), 4107 (115)
    invoice 5001  voided · 5002 without DocNumber (103) · 5003 without DueDate (125)
    invoice 5010  the missing PO number (116) · 5011 the hostile memo (117)
    invoice 5020  33,480.00 above the stop limit (102) · 5030 partly paid (103)
    invoice 5050  settled by a credit memo through a payment of 0 (141)
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

Entity = dict[str, Any]

LIFELIKE = Path(__file__).parent / "companies" / "lifelike.json"
# QuickBooks stamps MetaData with the Pacific offset, whatever the company's zone is.
PACIFIC = ZoneInfo("America/Los_Angeles")
CURRENCIES = {
    "USD": "United States Dollar",
    "EUR": "Euro",
    "CAD": "Canadian Dollar",
    "GBP": "British Pound Sterling",
}
TERMS = (("1", "Due on receipt", 0), ("2", "Net 15", 15), ("3", "Net 30", 30), ("4", "Net 60", 60))
_RELATIVE = re.compile(r"today(?:([+-])(\d+))?(T\d\d:\d\d)?")
ZERO = Decimal(0)


@dataclass
class Company:
    """A company's books, complete: every list is keyed by Id, amounts are Decimal."""

    info: Entity
    preferences: Entity
    terms: dict[str, Entity] = field(default_factory=dict)
    customer_types: dict[str, Entity] = field(default_factory=dict)
    customers: dict[str, Entity] = field(default_factory=dict)
    invoices: dict[str, Entity] = field(default_factory=dict)
    payments: dict[str, Entity] = field(default_factory=dict)
    credit_memos: dict[str, Entity] = field(default_factory=dict)
    crm: list[Entity] = field(default_factory=list)
    tickets: list[Entity] = field(default_factory=list)
    mails: list[Entity] = field(default_factory=list)
    today: date = date.min

    @property
    def home_currency(self) -> str:
        """The code of the currency the company reports in."""
        return str(self.preferences["CurrencyPrefs"]["HomeCurrency"]["value"])


def load(path: Path, now: datetime | None = None) -> Company:
    """The company of a file as of `now` (the present by default).

    Raises ValueError for a file that is not a company, FileNotFoundError for none.
    """
    data = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    if not isinstance(data, dict):
        raise ValueError(f"{path} is not a company: it must hold a JSON object")
    return build(data, now)


def as_of(path: Path, ago: int, now: datetime) -> Company:
    """The company of a file without what was written later than so many days before `now`."""
    data = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    for kind in ("invoices", "payments", "credit_memos"):
        data[kind] = [entity for entity in data[kind] if _days_ago(entity["TxnDate"]) >= ago]
    return build(data, now)


def _days_ago(day: str) -> int:
    return -int(day.removeprefix("today") or 0)


def build(data: Mapping[str, Any], now: datetime | None = None) -> Company:
    """A company from the content of a file, with every derived field filled."""
    now = now or datetime.now(UTC)
    zone = ZoneInfo(data.get("company", {}).get("DefaultTimeZone", "America/Los_Angeles"))
    today = now.astimezone(zone).date()
    data = resolved(dict(data), today)
    company = Company(info=_info(data), preferences=_preferences(data), today=today)
    company.terms = _keyed(data.get("terms") or _default_terms())
    company.customer_types = _keyed(data.get("customer_types", ()))
    company.customers = _keyed(data.get("customers", ()))
    company.invoices = _keyed(data.get("invoices", ()))
    company.payments = _keyed(data.get("payments", ()))
    company.credit_memos = _keyed(data.get("credit_memos", ()))
    company.crm, company.tickets, company.mails = (
        list(data.get(key, ())) for key in ("crm", "tickets", "mails")
    )
    _fill(company, now)
    return company


def resolved(value: Any, today: date) -> Any:
    """The same JSON with `today`, `today-12` and `today+5` as ISO dates, numbers as Decimal."""
    if isinstance(value, str):
        return _resolved_text(value, today)
    if isinstance(value, dict):
        return {key: resolved(item, today) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [resolved(item, today) for item in value]
    return Decimal(str(value)) if isinstance(value, float) else value


def _resolved_text(text: str, today: date) -> str:
    match = _RELATIVE.fullmatch(text)
    if match is None:
        return text
    days = int(match[2] or 0)
    return (today + timedelta(days=-days if match[1] == "-" else days)).isoformat() + (
        match[3] or ""
    )


def zone_of(company: Company) -> ZoneInfo:
    """The zone in which the company's own dates and times are meant."""
    return ZoneInfo(company.info["DefaultTimeZone"])


def moment(text: str, zone: tzinfo, now: datetime) -> datetime:
    """A resolved date or time of the file, as UTC; what would be later than `now` is `now`."""
    at = datetime.fromisoformat(text if "T" in text else f"{text}T09:00")
    return min(at.replace(tzinfo=zone).astimezone(UTC), now)


def _keyed(entities: Iterable[Entity]) -> dict[str, Entity]:
    keyed: dict[str, Entity] = {}
    for entity in entities:
        ident = str(entity["Id"])
        if ident in keyed:
            raise ValueError(f"the Id {ident} occurs twice in one list")
        keyed[ident] = {"domain": "QBO", "sparse": False} | entity | {"Id": ident}
    return keyed


def currency_ref(code: str) -> Entity:
    """A CurrencyRef as QuickBooks writes it."""
    return {"value": code, "name": CURRENCIES.get(code, code)}


def stamp(when: datetime) -> str:
    """A MetaData time as QuickBooks writes it: seconds, with the Pacific offset."""
    return when.astimezone(PACIFIC).isoformat(timespec="seconds")


def _info(data: Mapping[str, Any]) -> Entity:
    info: Entity = {
        "domain": "QBO",
        "sparse": False,
        "Id": "1",
        "SyncToken": "0",
        "CompanyName": "A company",
        "Country": "US",
        "DefaultTimeZone": "America/Los_Angeles",
        "NameValue": [{"Name": "SubscriptionStatus", "Value": "PAID"}],
    } | data.get("company", {})
    info.setdefault("LegalName", info["CompanyName"])
    return info


def _preferences(data: Mapping[str, Any]) -> Entity:
    currencies = {
        ref["value"]
        for key in ("customers", "invoices")
        for entity in data.get(key, ())
        if (ref := entity.get("CurrencyRef"))
    }
    usual: Entity = {
        "domain": "QBO",
        "sparse": False,
        "Id": "1",
        "SyncToken": "0",
        "AccountingInfoPrefs": {"CustomerTerminology": "Customers"},
        "SalesFormsPrefs": {"CustomTxnNumbers": True, "ETransactionPaymentEnabled": True},
        "CurrencyPrefs": {
            "MultiCurrencyEnabled": len(currencies | {"USD"}) > 1,
            "HomeCurrency": currency_ref("USD"),
        },
    }
    return usual | dict(data.get("preferences", {}))


def _default_terms() -> list[Entity]:
    return [
        {"Id": ident, "Name": name, "DueDays": days, "Type": "STANDARD", "Active": True}
        for ident, name, days in TERMS
    ]


def _fill(company: Company, now: datetime) -> None:
    for customer in company.customers.values():
        _fill_customer(customer, company)
    for memo in company.credit_memos.values():
        _fill_transaction(memo, company)
    for invoice in company.invoices.values():
        _fill_transaction(invoice, company)
    for payment in company.payments.values():
        _fill_payment(payment, company)
    _fill_links(company)
    _fill_balances(company)
    for entity in _everything(company):
        _fill_history(entity, now)


def _everything(company: Company) -> Iterable[Entity]:
    yield company.info
    yield company.preferences
    for held in (company.terms, company.customer_types, company.customers, company.invoices):
        yield from held.values()
    yield from company.payments.values()
    yield from company.credit_memos.values()


def _fill_customer(customer: Entity, company: Company) -> None:
    parent = company.customers.get(customer.get("ParentRef", {}).get("value", ""))
    name = customer.setdefault("DisplayName", f"Customer {customer['Id']}")
    path = f"{parent['DisplayName']}:{name}" if parent else name
    for key, value in {
        "FullyQualifiedName": path,
        "PrintOnCheckName": name,
        "Active": True,
        "Job": parent is not None,
        "BillWithParent": False,
        "IsProject": False,
        "PreferredDeliveryMethod": "Print",
        "CurrencyRef": currency_ref(company.home_currency),
    }.items():
        customer.setdefault(key, value)
    if parent is not None:
        customer.setdefault("Level", 1)


def _fill_transaction(txn: Entity, company: Company) -> None:
    """What an invoice and a credit memo have in common."""
    customer = _customer_of(txn, company)
    txn["CustomerRef"] = {"name": customer["DisplayName"]} | txn["CustomerRef"]
    txn["TotalAmt"] = Decimal(txn["TotalAmt"])
    txn.setdefault("TxnDate", txn.get("DueDate") or resolved("today", company.today))
    txn.setdefault("CurrencyRef", dict(customer["CurrencyRef"]))
    for key, empty in {"CustomField": [], "LinkedTxn": [], "Line": _lines(txn)}.items():
        txn.setdefault(key, empty)
    txn.setdefault("PrintStatus", "NotSet")
    txn.setdefault("EmailStatus", "EmailSent")
    for key in ("AllowOnlineCreditCardPayment", "AllowOnlineACHPayment"):
        txn.setdefault(key, False)


def _lines(txn: Entity) -> list[Entity]:
    amount = txn["TotalAmt"]
    item = {"ItemRef": {"value": "1", "name": "Goods"}, "Qty": 1, "UnitPrice": amount}
    return [
        {"Id": "1", "LineNum": 1, "Amount": amount, "DetailType": "SalesItemLineDetail"}
        | {"SalesItemLineDetail": item, "CustomExtensions": []},
        {"Amount": amount, "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}},
    ]


def _fill_payment(payment: Entity, company: Company) -> None:
    customer = _customer_of(payment, company)
    payment["CustomerRef"] = {"name": customer["DisplayName"]} | payment["CustomerRef"]
    payment["TotalAmt"] = Decimal(payment["TotalAmt"])
    for line in payment.setdefault("Line", []):
        line["Amount"] = Decimal(line["Amount"])
    payment.setdefault("ProcessPayment", False)
    payment.setdefault("CurrencyRef", dict(customer["CurrencyRef"]))
    payment.setdefault("DepositToAccountRef", {"value": "12"})
    payment["UnappliedAmt"] = _stated(payment, "UnappliedAmt", unapplied(payment))
    if payment["UnappliedAmt"] < 0:
        raise ValueError(f"payment {payment['Id']} pays more than it brings")


def _customer_of(entity: Entity, company: Company) -> Entity:
    ident = entity["CustomerRef"]["value"]
    if ident not in company.customers:
        raise ValueError(f"{entity['Id']} refers to customer {ident}, who is not in the file")
    return company.customers[ident]


def applied(payment: Entity) -> Iterable[tuple[str, str, Decimal]]:
    """What a payment is applied to: (TxnType, TxnId, amount) of each line."""
    for line in payment["Line"]:
        for link in line.get("LinkedTxn", ()):
            yield link["TxnType"], link["TxnId"], Decimal(line["Amount"])


def unapplied(payment: Entity) -> Decimal:
    """What is left of a payment: its total and the credits it uses, less what it pays."""
    signs = {"Invoice": -1, "CreditMemo": 1}
    used = sum((signs.get(kind, 0) * amount for kind, _, amount in applied(payment)), ZERO)
    return Decimal(payment["TotalAmt"]) + used


def _fill_links(company: Company) -> None:
    used: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    links: dict[tuple[str, str], list[Entity]] = defaultdict(list)
    for payment in company.payments.values():
        for kind, ident, amount in applied(payment):
            used[kind, ident] += amount
            links[kind, ident].append({"TxnId": payment["Id"], "TxnType": "Payment"})
    for ident, invoice in company.invoices.items():
        invoice["LinkedTxn"] = invoice["LinkedTxn"] or links["Invoice", ident]
        paid = used["Invoice", ident] + Decimal(invoice.get("Deposit", 0))
        invoice["Balance"] = _stated(invoice, "Balance", invoice["TotalAmt"] - paid)
        if invoice["Balance"] < 0:
            raise ValueError(f"invoice {ident} is paid more than its total")
    for ident, memo in company.credit_memos.items():
        left = memo["TotalAmt"] - used["CreditMemo", ident]
        memo["RemainingCredit"] = _stated(memo, "RemainingCredit", left)
        memo["Balance"] = _stated(memo, "Balance", memo["RemainingCredit"])


def _stated(entity: Entity, key: str, derived: Decimal) -> Decimal:
    """What the file says, or else what follows from the rest."""
    return Decimal(entity.get(key, derived))


def _fill_balances(company: Company) -> None:
    owed: dict[str, Decimal] = defaultdict(Decimal)
    for kind, sign, key in (
        (company.invoices, 1, "Balance"),
        (company.payments, -1, "UnappliedAmt"),
        (company.credit_memos, -1, "RemainingCredit"),
    ):
        for entity in kind.values():
            owed[entity["CustomerRef"]["value"]] += sign * Decimal(entity[key])
    for ident, customer in company.customers.items():
        customer["Balance"] = _stated(customer, "Balance", owed[ident])
    for customer in company.customers.values():
        customer.setdefault("BalanceWithJobs", _with_jobs(customer, company.customers))
    _fill_home_amounts(company)


def _with_jobs(customer: Entity, customers: Mapping[str, Entity]) -> Decimal:
    if customer["Job"]:
        return Decimal(customer["Balance"])
    jobs = (
        Decimal(job["Balance"])
        for job in customers.values()
        if job["Job"] and job.get("ParentRef", {}).get("value") == customer["Id"]
    )
    return Decimal(customer["Balance"]) + sum(jobs, ZERO)


def _fill_home_amounts(company: Company) -> None:
    if not company.preferences["CurrencyPrefs"]["MultiCurrencyEnabled"]:
        return
    for invoice in company.invoices.values():
        home_amounts(invoice)


def home_amounts(invoice: Entity) -> None:
    """Set what an invoice of a company with several currencies says in the home currency."""
    rate = Decimal(invoice.setdefault("ExchangeRate", 1))
    invoice["HomeTotalAmt"] = (invoice["TotalAmt"] * rate).quantize(Decimal("0.01"))
    invoice["HomeBalance"] = (invoice["Balance"] * rate).quantize(Decimal("0.01"))


def _fill_history(entity: Entity, now: datetime) -> None:
    entity.setdefault("SyncToken", "0")
    day = date.fromisoformat(entity["TxnDate"]) if entity.get("TxnDate") else None
    created = datetime.combine(day, time(17), UTC) if day else now - timedelta(days=800)
    written = stamp(min(created, now))
    times = {"CreateTime": written, "LastUpdatedTime": written}
    entity["MetaData"] = times | entity.get("MetaData", {})
