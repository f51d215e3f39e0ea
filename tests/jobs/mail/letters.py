"""Letters that the mail tests send."""

from datetime import UTC, date, datetime
from decimal import Decimal
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from jobs.mail.compose import File, message
from jobs.rules.figures import Money
from jobs.rules.letters.letter import Attachment, Letter, LetterInvoice
from jobs.rules.states import Stage

AT = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
SENDER = "ar@ours.example"
CUSTOMER = "billing@acme.example"
PDF = File("Invoice 1037.pdf", b"%PDF-1.4\n" + bytes(range(256)) * 8)


def letter(**changed: Any) -> Letter:
    """An ordinary first reminder, with what a test wants different."""
    ordinary: dict[str, Any] = {
        "sender": f"Dana Reyes <{SENDER}>",
        "reply_to": SENDER,
        "to": CUSTOMER,
        "subject": "Invoice 1037 from Ours",
        "body": "Hello Ann,\n\n.invoice 1037 is open.\n\nDana — Ours ☕",
        "note": "[Overdue 412] reminder 1 e-mailed",
        "stage": Stage.REMINDER,
        "invoices": (
            LetterInvoice("742", "1037", Money(Decimal("120.50"), "USD"), date(2026, 11, 2)),
        ),
        "attachments": (Attachment("invoice_pdf", "742", PDF.name),),
    }
    return Letter(**ordinary | changed)


def built(one: Letter, **changed: Any) -> bytes:
    """The bytes of a letter, with what a test wants different."""
    ordinary: dict[str, Any] = {"links": {}, "files": [PDF], "case_id": "412", "at": AT}
    return message(one, **ordinary | {"domain": "ours.example"} | changed)


def parsed(raw: bytes) -> EmailMessage:
    """A mail as its reader's program sees it."""
    return message_from_bytes(raw, policy=policy.default)


def ours() -> bool:
    """A fence that never holds anything back."""
    return True
