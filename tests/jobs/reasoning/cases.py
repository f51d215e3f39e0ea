"""The facts and documents that the reasoning tests talk about; canaries mark outside text."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from jobs.rules.facts.evidence import Document
from jobs.rules.facts.facts import Company, Credit, Customer, Facts, Habit, Invoice
from jobs.rules.figures import Money
from jobs.rules.states import Stage

AS_OF = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
CANARIES = (
    *("Canary Birdseed", "Tweety Sylvester", "tweety@canary.example", "ap@canary.example"),
    *("DOC-CANARY", "PO-CANARY", "CREDIT-CANARY", "4155550188", "Warbler"),
    *("DE89370400440532013000", "4111111111111111", "canary.example", "555 0188"),
)


def usd(amount: str) -> Money:
    """Dollars."""
    return Money(Decimal(amount), "USD")


def facts(stage: Stage = Stage.REMINDER, habit: Habit | None = None) -> Facts:
    """One customer with two overdue invoices, one partly paid, and a credit."""
    company = Company("9341", "Warbler Supplies", ZoneInfo("America/Los_Angeles"), "USD")
    customer = Customer(
        "58", "Canary Birdseed <b>Ltd</b>", "ap@canary.example", usd("500"), contact=CANARIES[1]
    )
    old = invoice("742", date(2026, 11, 1), open_="512.40")
    new = invoice("743", date(2026, 11, 9), open_="845.00")
    return Facts(
        company=company,
        customer=customer,
        currency="USD",
        as_of=AS_OF,
        invoices=(old, new),
        stages={"742": stage, "743": stage},
        credits=(Credit("88", "payment", "58", "CREDIT-CANARY", date(2026, 11, 2), usd("10")),),
        habit=habit,
    )


def invoice(id_: str, due: date, open_: str) -> Invoice:
    """An invoice over 845 dollars whose number and PO are outside text."""
    return Invoice(
        id=id_,
        number=f"DOC-CANARY-{id_}",
        customer="58",
        txn_date=date(2026, 10, 2),
        due=due,
        total=usd("845.00"),
        open=usd(open_),
        email="ap@canary.example",
        po_number="PO-CANARY",
    )


def document(text: str, id_: str = "memo:742") -> Document:
    """A memo."""
    return Document(id_, "quickbooks", "memo", AS_OF, text)
