"""The policy of the sandbox: any day and any hour will do, and the cast has its roles."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Marks:
    """What the policy says of single customers, by their QuickBooks Ids."""

    managed: tuple[str, ...] = ()  # by UMANAGER
    key_accounts: tuple[str, ...] = ()
    do_not_chase: tuple[str, ...] = ()
    german: tuple[str, ...] = ()  # they read it


UNMARKED = Marks()
LIFELIKE = Marks(
    managed=("101", "118", "120"), key_accounts=("101",), do_not_chase=("119",), german=("105",)
)
"""What fits the lifelike company; see tests/sandbox/company.py for who is who."""


def policy_text(undo_seconds: int, marks: Marks = UNMARKED) -> str:
    """A policy file for a company of the sandbox."""
    return "\n".join(
        [
            "[people]",
            'collectors = ["UCOLLECT"]',
            'finance_leads = ["ULEAD1", "ULEAD2"]',
            "[pace]",
            f"undo_seconds = {undo_seconds}",
            "[message]",
            'sender_name = "Cora Lindqvist"',
            'sender_title = "Accounts receivable"',
            'sender_phone = "+1 503 555 0142"',
            'how_to_pay = "You can pay by bank transfer; the account is on the invoice."',
            "[calendar]",
            "business_days_only = false",
            "digest_hour = 0",
            'holiday_country = ""',
            "[[account_manager]]",
            'slack = "UMANAGER"',
            'name = "Marc Oduya"',
            f"customers = [{', '.join(_quoted(marks.managed))}]",
            *_customers(marks.key_accounts, "key_account = true"),
            *_customers(marks.do_not_chase, "do_not_chase = true"),
            *_customers(marks.german, 'locale = "de_DE"'),
            "[language.de]",
            'sender_title = "Debitorenbuchhaltung"',
            'how_to_pay = "Gern auch per Überweisung; das Konto steht auf der Rechnung."',
            "",
        ]
    )


def _customers(ids: Iterable[str], line: str) -> list[str]:
    return [each for id in _quoted(ids) for each in ("[[customer]]", f"id = {id}", line)]


def _quoted(ids: Iterable[str]) -> list[str]:
    return [f'"{id}"' for id in ids]
