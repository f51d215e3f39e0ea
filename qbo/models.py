"""The parts of QuickBooks' records that we may see, and nothing else.

Each model lists its fields; anything else that QuickBooks sends is dropped on arrival, so private
notes and bank data cannot leak: we never have them. Money is Decimal in the currency of the
object, dates are in the company's zone, times are UTC, and ids are strings that are unique per
company and entity. Every field can also be given by its Python name.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import (
    AfterValidator,
    AliasPath,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
)

ONE = Decimal(1)
Date = date  # a second name, for classes that have a field called `date`
PURCHASE_ORDER_NAMES = frozenset({"ponumber", "po", "purchaseorder", "purchaseordernumber"})


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def _text(value: object) -> object:
    """Missing text becomes ""; what no database can store (NUL, lone surrogates) is removed."""
    if not isinstance(value, str):
        return "" if value is None else value
    return value.encode("utf-8", "ignore").decode().replace("\0", "")


def _absent(value: object) -> object:
    return None if value == "" else value


def _listed(value: object) -> object:
    return () if value is None else value


MOST_CASH = Decimal(10**13)
"""Ten trillion of any currency: more is a typing error, and a database cannot store any sum."""
Cash = Annotated[Decimal, Field(decimal_places=4, gt=-MOST_CASH, lt=MOST_CASH)]
"""QuickBooks uses two decimal places; more than four would be silently rounded later."""
Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Plain = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]
Text = Annotated[Plain | Annotated[str, BeforeValidator(_text)], Field(union_mode="left_to_right")]
"""Nearly always plain, which is checked without calling into Python."""
AN_ID = "[A-Za-z0-9-]{1,64}"
LONGEST_NUMBER = 40  # characters; QuickBooks documents 21
Number = Annotated[
    Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=LONGEST_NUMBER)]
    | Annotated[str, BeforeValidator(_text), StringConstraints(max_length=LONGEST_NUMBER)],
    Field(union_mode="left_to_right"),
]
Id = Annotated[str, StringConstraints(pattern=f"^{AN_ID}$")]
Reference = Annotated[str, StringConstraints(pattern=f"^({AN_ID})?$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[^\x00]{0,3}$")]
"""A longer value is no currency code, so such a record counts as broken and is reported."""
Day = Annotated[date | None, BeforeValidator(_absent)]


class Record(BaseModel):
    """The base model: immutable, and it ignores unknown fields."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", populate_by_name=True, coerce_numbers_to_str=True
    )


class Entity(Record):
    """A record with an id, and with a name in the query language."""

    ENTITY: ClassVar[str]

    id: Id = Field(validation_alias="Id")
    sync_token: Text = Field("", validation_alias="SyncToken")
    updated_at: Moment | None = Field(
        None, validation_alias=AliasPath("MetaData", "LastUpdatedTime")
    )
    """When it last changed in QuickBooks; together with the SyncToken it orders readings."""


class CustomField(Record):
    """A legacy custom field on a form."""

    name: Text = Field("", validation_alias="Name")
    value: Text = Field("", validation_alias="StringValue")


class Invoice(Entity):
    ENTITY = "Invoice"

    number: Number = Field("", validation_alias="DocNumber")
    """Not unique, and empty if the form has none."""
    customer_id: Id = Field(validation_alias=AliasPath("CustomerRef", "value"))
    txn_date: date = Field(validation_alias="TxnDate")
    due_date: Day = Field(None, validation_alias="DueDate")
    """If the form has none, the client computes it from the term."""
    term_id: str | None = Field(None, validation_alias=AliasPath("SalesTermRef", "value"))
    total: Cash = Field(validation_alias="TotalAmt")
    balance: Cash = Field(validation_alias="Balance")
    currency: Currency | None = Field(None, validation_alias=AliasPath("CurrencyRef", "value"))
    """None means the company's home currency."""
    exchange_rate: Decimal = Field(ONE, validation_alias="ExchangeRate")
    email: Text = Field("", validation_alias=AliasPath("BillEmail", "Address"))
    """As in the ledger: may be empty, or several addresses separated by commas."""
    email_status: Text = Field("", validation_alias="EmailStatus")
    """NotSet, NeedToSend or EmailSent: whether QuickBooks itself has e-mailed it (Intuit)."""
    customer_memo: Text = Field("", validation_alias=AliasPath("CustomerMemo", "value"))
    card_payment: bool = Field(False, validation_alias="AllowOnlineCreditCardPayment")
    ach_payment: bool = Field(False, validation_alias="AllowOnlineACHPayment")
    invoice_link: SecretStr | None = Field(None, validation_alias="InvoiceLink")
    """A bearer pay link. Only a single read that asks for it returns one, and not always."""
    custom_fields: Annotated[tuple[CustomField, ...], BeforeValidator(_listed)] = Field(
        (), validation_alias="CustomField"
    )

    @property
    def voided(self) -> bool:
        """Whether it was voided: QuickBooks then sets both amounts to zero."""
        return self.total == 0 and self.balance == 0

    @property
    def online_payment(self) -> bool:
        return self.card_payment or self.ach_payment

    @property
    def po_number(self) -> str:
        """The customer's purchase order number, or "" if no custom field has one."""
        fields = (field for field in self.custom_fields if field.value)
        return next((f.value for f in fields if _plain(f.name) in PURCHASE_ORDER_NAMES), "")


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


class Customer(Entity):
    ENTITY = "Customer"

    name: Text = Field("", validation_alias="DisplayName")
    company_name: Text = Field("", validation_alias="CompanyName")
    given_name: Text = Field("", validation_alias="GivenName")
    family_name: Text = Field("", validation_alias="FamilyName")
    email: Text = Field("", validation_alias=AliasPath("PrimaryEmailAddr", "Address"))
    phone: Text = Field("", validation_alias=AliasPath("PrimaryPhone", "FreeFormNumber"))
    balance: Cash = Field(validation_alias="Balance")
    """Open invoices less unapplied payments and remaining credits; negative = net credit."""
    parent_id: Reference | None = Field(None, validation_alias=AliasPath("ParentRef", "value"))
    bill_with_parent: bool = Field(False, validation_alias="BillWithParent")
    active: bool = Field(True, validation_alias="Active")
    currency: Currency | None = Field(None, validation_alias=AliasPath("CurrencyRef", "value"))
    customer_type_id: str | None = Field(
        None, validation_alias=AliasPath("CustomerTypeRef", "value")
    )
    customer_type: str = ""
    """The name of that type; it is in another list, so the client fills it in."""


class CustomerType(Entity):
    """A category that the company sorts its customers into."""

    ENTITY = "CustomerType"

    name: Text = Field("", validation_alias="Name")


class Term(Entity):
    """When an invoice is due: so many days after its date, or on a day of the month (None)."""

    ENTITY = "Term"

    days: int | None = Field(None, validation_alias="DueDays", ge=0, le=3650)


class Applied(NamedTuple):
    """How much of a payment went to which invoice."""

    invoice_id: str
    amount: Decimal


def _applied(lines: object) -> object:
    """A payment's lines, reduced to how much they paid of which invoice."""
    if not isinstance(lines, list):
        return () if lines is None else lines
    raw = [line for line in lines if isinstance(line, Mapping)]
    return [pair for line in raw for pair in _invoice_of(line)] if raw else lines


def _invoice_of(line: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    links = [link for link in line.get("LinkedTxn") or () if link.get("TxnType") == "Invoice"]
    # a line has a single amount, so it can only belong to one invoice
    return [(link.get("TxnId"), line.get("Amount") or 0) for link in links[:1]]


class Payment(Entity):
    ENTITY = "Payment"

    customer_id: Id = Field(validation_alias=AliasPath("CustomerRef", "value"))
    date: Date = Field(validation_alias="TxnDate")
    total: Cash = Field(validation_alias="TotalAmt")
    """Zero if QuickBooks made the payment itself to link a credit: no money was received."""
    unapplied: Cash = Field(Decimal(0), validation_alias="UnappliedAmt")
    currency: Currency | None = Field(None, validation_alias=AliasPath("CurrencyRef", "value"))
    applied: Annotated[tuple[Applied, ...], BeforeValidator(_applied)] = Field(
        (), validation_alias="Line"
    )


class CreditMemo(Entity):
    ENTITY = "CreditMemo"

    number: Number = Field("", validation_alias="DocNumber")
    customer_id: Id = Field(validation_alias=AliasPath("CustomerRef", "value"))
    date: Date = Field(validation_alias="TxnDate")
    remaining: Cash = Field(Decimal(0), validation_alias="RemainingCredit")
    currency: Currency | None = Field(None, validation_alias=AliasPath("CurrencyRef", "value"))


class CompanyInfo(Record):
    name: Text = Field("", validation_alias="CompanyName")
    country: Text = Field("", validation_alias="Country")
    zone: Text = Field("", validation_alias="DefaultTimeZone")
    """An IANA name, or "" if QuickBooks does not say; due dates are in this zone."""


class Preferences(Record):
    home_currency: Text = Field(
        "", validation_alias=AliasPath("CurrencyPrefs", "HomeCurrency", "value")
    )
    book_close_date: Day = Field(
        None, validation_alias=AliasPath("AccountingInfoPrefs", "BookCloseDate")
    )


class Deleted(Record):
    """What change data capture says about a deleted object."""

    entity: str
    id: str
