"""Ledger facts in the words of a finance team: amounts, dates, stages, habits, invoices."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from babel import Locale
from babel.numbers import format_currency

from bot.blockkit.escaping import cap, one_line
from jobs.rules.case import HeldUp
from jobs.rules.facts.facts import Credit, Habit, Invoice
from jobs.rules.figures import Money, how_late, short_day
from jobs.rules.letters.slots import labels
from jobs.rules.states import STAGE_WORDS, CaseClass, ConnectionStatus, Stage

CLASS_WORDS = {
    CaseClass.ROUTINE_REMINDER: "Routine reminder",
    CaseClass.LIKELY_DISPUTE: "Likely dispute",
    CaseClass.PAYMENT_PLAN_CANDIDATE: "Payment-plan candidate",
    CaseClass.HIGH_TOUCH_ESCALATION: "Personal touch",
}
_LETTERS_BEFORE = re.compile(r"(?<=[A-Z]{3})(?=\d)")
HELD_UP = {
    HeldUp.NOT_CONNECTED: "QuickBooks has to be connected again first; a finance lead finds the "
    "link in App Home.",
    HeldUp.PAUSED: "Sending is paused until a finance lead resumes it.",
    HeldUp.SHADOW: "The company is back in shadow mode until a finance lead takes it live.",
    HeldUp.REMINDERS: "Nobody has confirmed that QuickBooks' own reminders are off; a finance lead "
    "can do that in App Home.",
}
"""Why an approved message does not go out yet, and what to do about it."""
CONNECTION = {
    ConnectionStatus.CONNECTED: "Connected to QuickBooks.",
    ConnectionStatus.DISCONNECTED: "Disconnected from QuickBooks: nothing is read, written or "
    "sent.",
    ConnectionStatus.REAUTH_REQUIRED: "QuickBooks has to be connected again; until then all work "
    "waits.",
}
REMINDERS = "Nobody has confirmed yet that QuickBooks' own reminders are off, so nothing is sent."
MARK_WORDS = {
    "key_account": "key account",
    "do_not_chase": "do not chase",
    "consumer": "private person",
    "disputed": "disputed",
}
RULE_WORDS = {
    "above_stop_limit": "above the stop limit",
    "account_in_family": "money on account in the customer's family",
    "address_bounced": "mail to the address came back",
    "address_changed": "e-mail address changed",
    "address_left": "nobody reads the address any more",
    "address_not_in_ledger": "confirmed address no longer in QuickBooks",
    "balance_does_not_add_up": "balance does not add up",
    "bank_details_mentioned": "bank details mentioned",
    "broken_promise": "broken promise",
    "consumer": "private person",
    "covered_by_credits": "covered by credits",
    "dispute": "dispute",
    "dispute_elsewhere": "another invoice in dispute",
    "do_not_chase": "do not chase",
    "doubtful_match": "doubtful match with another system",
    "hardship_wording": "insolvency, hardship or legal steps mentioned",
    "key_account": "key account",
    "ledger_text": "QuickBooks text left out",
    "likely_dispute": "likely dispute",
    "looks_like_a_test": "looks like a test",
    "manager_first": "account manager first",
    "marked_wording": "marked wording",
    "name_like_a_link": "name like a link",
    "needs_a_look": "needs a look",
    "never_emailed": "never e-mailed",
    "new_contact": "new contact",
    "no_recipient": "no e-mail address in QuickBooks",
    "on_hold": "on hold",
    "one_person": "one person",
    "open_question": "open question",
    "open_ticket": "open ticket",
    "paid_claim": "said to be paid",
    "plan_request": "asks for more time",
    "possibly_paid": "possibly paid",
    "promise_mentioned": "promise mentioned",
    "second_approver": "second approver",
    "several_recipients": "several e-mail addresses in QuickBooks",
    "source_away": "source not readable",
    "source_down": "source not readable for long",
    "stage_four": "final message",
    "text_breaks_a_rule": "a person's text that breaks a rule",
    "too_many_invoices": "too many invoices for one message",
    "too_soon": "too soon",
    "unhappy_customer": "unhappy customer",
    "unknown_mark": "unknown mark",
    "unread_text": "text that no model has read",
    "unreadable_text": "text that no program could read",
    "unsafe_text": "unsafe text",
    "wrong_contact": "wrong contact",
}
"""The name of each rule as people read it, within a sentence."""


def customer(name: str, most: int = 100) -> str:
    """A customer's name on one line of at most `most` characters, not escaped; never empty."""
    return cap(one_line(name), most) or "Customer without a name"


def in_language(code: str) -> str:
    """ " in German" for "de"; empty for English, in which people here expect a message."""
    return "" if code == "en" else f" in {Locale(code).get_language_name('en')}"


def money(amount: Money) -> str:
    """ "$1,200.50", "€310.00", "CHF 45.00": every digit in the ledger, never rounded."""
    told = format_currency(
        amount.amount, amount.currency, locale="en_US", decimal_quantization=False
    )
    return _LETTERS_BEFORE.sub(" ", told.replace("\xa0", " "))


def instant(at: datetime, zone: ZoneInfo) -> str:
    """ "Nov 22, 2026 14:05 EST", for text that is read aloud."""
    local = at.astimezone(zone)
    return f"{short_day(local.date())} {local:%H:%M %Z}"


def clock(at: datetime, zone: ZoneInfo) -> str:
    """ "14:05:15 EST", for text that is read aloud."""
    return f"{at.astimezone(zone):%H:%M:%S %Z}"


def days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


def rule(name: str) -> str:
    """ "above the stop limit": the name of a rule as people read it, within a sentence."""
    return RULE_WORDS.get(name, name.replace("_", " "))


def marked_as(kind: str) -> str:
    """A kind of mark in words."""
    return MARK_WORDS.get(kind, kind.replace("_", " "))


def working_days(count: int) -> str:
    return "1 working day" if count == 1 else f"{count} working days"


def overdue(count: int) -> str:
    return f"{days(count)} overdue" if count > 0 else "not overdue"


def stage(of: Stage) -> str:
    return f"stage {of.value}, {STAGE_WORDS[of]}"


def invoice_names(invoices: tuple[Invoice, ...]) -> dict[str, str]:
    """Invoice id → its number, with its date if it has none or another has the same."""
    return {id: one_line(name) for id, name in labels(invoices, "en_US").items()}


def credit_name(credit: Credit) -> str:
    """ "Payment of Oct 5, 2026": as the letter calls it."""
    return f"{'Payment' if credit.kind == 'payment' else 'Credit'} of {short_day(credit.on)}"


def habit(how: Habit) -> str:
    """ "usually pays 6 days late; 9 of 11 late"."""
    return f"usually pays {how_late(how.median_days_late)}; {how.late} of {how.count} late"


def against_habit(late: int, usual: int | None) -> str:
    """ "usually 6 days late, now 25": how late it is, beside how late this customer usually is."""
    if usual is None:
        return f"{days(late)} late"
    usually = f"usually {days(usual)} late" if usual > 0 else "usually on time"
    return f"{usually}, now {late}"


def first_few(names: Sequence[str], most: int) -> str:
    """ "a, b, c and 6 more"."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def sentence(words: str) -> str:
    """`words` with a full stop, unless they have one already."""
    end = words.rstrip()
    return end if not end or end[-1] in ".!?…" else end + "."
