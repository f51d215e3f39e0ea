"""What is read of an object, and what is left behind."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from pydantic import BaseModel, ValidationError

from qbo import (
    CompanyInfo,
    CreditMemo,
    Customer,
    CustomField,
    Deleted,
    Invoice,
    Payment,
    Preferences,
)
from tests.qbo.payload import parsed

MODELS = [Invoice, Customer, Payment, CreditMemo, CompanyInfo, Preferences, Deleted]


def invoice(**changes: object) -> Invoice:
    return Invoice.model_validate({**parsed("invoice_partly_paid"), **changes})


def test_an_invoice_is_read_in_our_types() -> None:
    """Money is exact, dates are dates, times are UTC, ids are strings."""
    read = invoice()
    assert (read.id, read.sync_token, read.number) == ("742", "5", "A-2210")
    assert (read.total, read.balance, read.currency) == (Decimal(845), Decimal("512.4"), "USD")
    assert (read.txn_date, read.due_date) == (date(2026, 9, 2), date(2026, 10, 2))
    assert read.updated_at == datetime(2026, 9, 18, 22, 3, 9, tzinfo=UTC)
    assert read.updated_at.tzinfo is UTC
    assert read.customer_id == "311"


def test_addresses_come_as_they_stand_in_the_ledger() -> None:
    """A list with commas is not taken apart here."""
    assert invoice().email == "accounts@lantern-row.example,desk@lantern-row.example"


def test_private_notes_and_unknown_fields_are_dropped() -> None:
    """What we may not see is not held, by any name."""
    held = repr(invoice(SomethingNew={"a": 1}))
    assert "rude" not in held
    assert "INVALID" not in held


@pytest.mark.parametrize("model", MODELS)
def test_no_model_can_hold_private_or_bank_data(model: type[BaseModel]) -> None:
    """The forbidden fields exist under no model, and none keeps what it does not know."""
    aliases = {str(field.validation_alias).lower() for field in model.model_fields.values()}
    assert not any(word in alias for alias in aliases for word in ("note", "bank", "accountref"))
    assert model.model_config["extra"] == "ignore"
    assert model.model_config["frozen"]


def test_the_pay_link_shows_in_no_text() -> None:
    """The link is a bearer secret: only who asks for its value gets it."""
    read = invoice()
    assert "scs-v1" not in f"{read} {read!r} {read.model_dump()}"
    assert read.invoice_link is not None
    assert read.invoice_link.get_secret_value().endswith("scs-v1-sample")


@pytest.mark.parametrize("name", ["P.O. Number", "PO Number", "PO", "po", "Purchase Order #"])
def test_a_po_number_is_found_by_the_name_of_its_field(name: str) -> None:
    """The customer's order number is taken from the custom field people use for it."""
    fields = [{"Name": "Crew", "StringValue": "7"}, {"Name": name, "StringValue": "77"}]
    assert invoice(CustomField=fields).po_number == "77"


@pytest.mark.parametrize("fields", [[], None, [{"Name": "Sales Rep", "StringValue": "7"}]])
def test_without_such_a_field_there_is_no_po_number(fields: object) -> None:
    """Nothing is guessed from other fields."""
    assert invoice(CustomField=fields).po_number == ""


def test_custom_fields_keep_name_and_value() -> None:
    """A field without a value is there, empty."""
    assert invoice().custom_fields == (
        CustomField(name="Crew #"),
        CustomField(name="P.O. Number", value="PO-4471"),
    )


def test_what_an_invoice_may_lack_is_empty_or_none() -> None:
    """An old or sparse invoice is read, not refused."""
    read = Invoice.model_validate(parsed("invoice_voided"))
    assert (read.number, read.email, read.customer_memo, read.po_number) == ("", "", "", "")
    assert (read.due_date, read.currency, read.invoice_link) == (None, None, None)
    assert (read.exchange_rate, read.online_payment) == (Decimal(1), False)


def test_nulls_count_as_absent() -> None:
    """QuickBooks sends null where others leave a field out."""
    read = invoice(BillEmail=None, CustomerMemo={"value": None}, CustomField=None, DocNumber=None)
    assert (read.email, read.customer_memo, read.custom_fields, read.number) == ("", "", (), "")


def test_voided_means_nothing_left_of_nothing() -> None:
    """A paid invoice keeps its total; only a void has none."""
    assert Invoice.model_validate(parsed("invoice_voided")).voided
    assert not invoice(Balance=0).voided


@pytest.mark.parametrize("field", ["AllowOnlineCreditCardPayment", "AllowOnlineACHPayment"])
def test_either_way_of_paying_online_counts(field: str) -> None:
    """Card or bank transfer: one is enough for a pay link."""
    off = {"AllowOnlineCreditCardPayment": False, "AllowOnlineACHPayment": False}
    assert invoice(**{**off, field: True}).online_payment
    assert not invoice(**off).online_payment


@pytest.mark.parametrize("missing", ["Balance", "TotalAmt", "CustomerRef", "TxnDate", "Id"])
def test_an_invoice_without_its_essentials_is_refused(missing: str) -> None:
    """No amount and no customer is ever made up."""
    rest = {k: v for k, v in parsed("invoice_partly_paid").items() if k != missing}
    with pytest.raises(ValidationError):
        Invoice.model_validate(rest)


@pytest.mark.parametrize(
    "odd",
    [
        {"DocNumber": "9" * 41},
        {"DocNumber": "\0" + "9" * 41},
        {"CurrencyRef": {"value": "USDOL"}},
        {"CustomerRef": {"value": "3" * 65}},
        {"Id": "7" * 65},
        {"Id": "7\0"},
    ],
)
def test_what_no_column_can_hold_is_refused(odd: dict[str, object]) -> None:
    """The one record is named; if the database refused it, no other would be stored either."""
    with pytest.raises(ValidationError):
        invoice(**odd)


def test_a_long_number_is_kept_whole() -> None:
    """Longer than QuickBooks documents."""
    assert invoice(DocNumber="9" * 40).number == "9" * 40


def test_a_payment_names_what_it_paid() -> None:
    """Each line becomes the invoice and the amount."""
    read = Payment.model_validate(parsed("payment_applied"))
    assert read.applied == (("756", Decimal(276)),)
    assert read.applied[0].invoice_id == "756"
    assert (read.customer_id, read.date, read.unapplied) == ("348", date(2026, 9, 20), Decimal(0))


def test_a_payment_that_links_a_credit_brings_no_money() -> None:
    """Only its invoice line counts, and its total is zero."""
    read = Payment.model_validate(parsed("payment_linking_a_credit"))
    assert (read.total, read.applied) == (Decimal(0), (("756", Decimal(105)),))


def test_money_on_account_is_applied_to_nothing() -> None:
    """A payment without lines is all unapplied."""
    content = {**parsed("payment_applied"), "Line": [], "UnappliedAmt": Decimal("90.25")}
    read = Payment.model_validate(content)
    assert (read.applied, read.unapplied) == ((), Decimal("90.25"))


def test_a_customer_is_read_with_family_and_balance() -> None:
    """A sub-customer in credit that is billed through its parent."""
    read = Customer.model_validate(parsed("customer_of_a_parent"))
    assert (read.parent_id, read.bill_with_parent) == ("348", True)
    assert read.balance == Decimal("-49.75")
    assert (read.name, read.currency, read.customer_type_id) == ("Harbor's Edge", "CAD", "4")
    assert (read.email, read.active) == ("ines@harbor.example", True)


def test_a_credit_memo_tells_what_remains() -> None:
    """What is left of it is not its total."""
    content = {"Id": "790", "CustomerRef": {"value": "348"}, "TxnDate": "2026-09-01"}
    read = CreditMemo.model_validate({**content, "TotalAmt": 105, "RemainingCredit": 40})
    assert read.remaining == Decimal(40)


def test_the_company_tells_its_name_country_and_zone() -> None:
    """As it calls itself; the zone is the one its dates are meant in."""
    content = {"CompanyName": "Ledger & Sons", "Country": "US", "NameValue": [{"Name": "a"}]}
    read = CompanyInfo.model_validate({**content, "DefaultTimeZone": "America/Chicago"})
    assert (read.name, read.country, read.zone) == ("Ledger & Sons", "US", "America/Chicago")


def test_preferences_tell_currency_and_closing_date() -> None:
    """Two corners of one large object."""
    content = {
        "CurrencyPrefs": {"HomeCurrency": {"value": "USD"}, "MultiCurrencyEnabled": True},
        "AccountingInfoPrefs": {"BookCloseDate": "2025-12-31"},
    }
    read = Preferences.model_validate(content)
    assert (read.home_currency, read.book_close_date) == ("USD", date(2025, 12, 31))
    assert Preferences.model_validate({}).book_close_date is None


def test_models_can_be_made_by_our_own_names() -> None:
    """Tests and stores need not speak QuickBooks' names."""
    made = Payment(
        id="1",
        customer_id="2",
        date=date(2026, 1, 1),
        total=Decimal(3),
        applied=[("7", Decimal(3))],
    )
    assert made.applied[0].invoice_id == "7"
