"""Cases to show: one quiet reminder, and the same case in every state and shape it can take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from jobs.rules.case import Approvals, CaseView, Decision, HeldUp, Reason, SendOutcome
from jobs.rules.facts.evidence import Document, Evidence, TextToRead
from jobs.rules.facts.facts import Company, Credit, Customer, Facts, Habit, Invoice
from jobs.rules.figures import Money
from jobs.rules.gates.about_texts import NAME_LIKE_A_LINK, UNREADABLE
from jobs.rules.letters.letter import Attachment, Letter, LetterInvoice
from jobs.rules.policy.rights import POLICY_FILE, Manager
from jobs.rules.rulings import Kind, Ruling
from jobs.rules.states import CaseClass, Stage, State

NOW = datetime(2026, 11, 6, 15, 4, 5, tzinfo=UTC)
ZONE = ZoneInfo("America/New_York")
PEOPLE = {
    "UCOLLECT": "Cora Lector",
    "UMANAGER": "Max Anager",
    "ULEAD1": "Lena Lead",
    "ULEAD2": "Leo Lead",
}
MARKUP = "<!channel> *Bold* _it_ ~no~ `code` :fire: <https://evil.example|x> & \u202e\u0007> q\n"
HOSTILE = (MARKUP * 8)[:500]
BODY = """Hello Pat,

Our records show invoice 1037 over $2,300.00 as open; it was due on October 3, 2026.

You can pay it here: [pay link 1037]

If it is already on its way, please ignore this reminder.

Kind regards
Cora Lector
+1 555 0100"""


def usd(amount: str | int | Decimal) -> Money:
    return Money(Decimal(amount), "USD")


def invoice(number: str = "1037", *, amount: str = "2300.00", paid: str = "0") -> Invoice:
    return Invoice(
        id=f"7{number}" if number.isalnum() and len(number) < 20 else "7000",
        number=number,
        customer="C1",
        txn_date=date(2026, 9, 3),
        due=date(2026, 10, 3),
        total=usd(amount),
        open=usd(Decimal(amount) - Decimal(paid)),
        email="pat@acme.example",
    )


def facts(invoices: tuple[Invoice, ...] = (), **changes: Any) -> Facts:
    some = invoices or (invoice(), invoice("1041", amount="950.50", paid="450.50"))
    made = Facts(
        company=Company("9130", "Harbour Supplies", ZONE, "USD"),
        customer=Customer("C1", "Acme Ltd", "pat@acme.example", usd(2800)),
        currency="USD",
        as_of=NOW,
        invoices=some,
        stages={one.id: Stage.FOLLOW_UP for one in some},
        habit=Habit(count=11, late=9, median_days_late=6),
    )
    return replace(made, **changes)


def letter(body: str = BODY, **changes: Any) -> Letter:
    made = Letter(
        sender="Harbour Supplies <billing@harbour.example>",
        reply_to="replies@harbour.example",
        to="pat@acme.example",
        subject="Invoices 1037 and 1041",
        body=body,
        note="[Overdue 412] reminder 2 e-mailed to the billing contact, approved in Slack",
        stage=Stage.FOLLOW_UP,
        invoices=(LetterInvoice("71037", "1037", usd(2300), date(2026, 10, 3)),),
        attachments=(Attachment("invoice_pdf", "71037", "Invoice 1037.pdf"),),
    )
    return replace(made, **changes)


def view(**changes: Any) -> CaseView:
    """A case that waits for one approval; `changes` are fields of CaseView."""
    made = CaseView(
        id="412",
        version=3,
        state=State.WAITING,
        shadow=False,
        facts=facts(),
        stage=Stage.FOLLOW_UP,
        class_=CaseClass.ROUTINE_REMINDER,
        summary="Looks like an oversight.",
        reasons=(Reason("The customer paid late before", ("payment:9",)),),
        evidence=(Evidence("payment:9", "payment", "Payment 2041 of Aug 12, 2026"),),
        draft_id="88",
        draft_version=2,
        draft_hash="a" * 64,
        letter=letter(),
        judged_by="gpt-5-mini, propose 3",
        author="gpt-5-mini, propose 3",
        approvals=Approvals(needed=1),
        manager=Manager("UMANAGER", POLICY_FILE),
        sources_read=("QuickBooks",),
        sources_absent=("CRM", "help desk"),
        sources_down=("<mailbox>",),
    )
    return replace(made, **changes)


def decision(kind: str, actor: str = "UCOLLECT", reason: str = "", comment: str = "") -> Decision:
    return Decision(kind, actor, NOW - timedelta(minutes=2), reason, comment)


def stopped(kind: Kind = Kind.STOP, rule: str = "covered_by_credits", **changes: Any) -> CaseView:
    """A case without a draft."""
    ruling = Ruling(kind, rule, "Payment 2044 over $2,800.00 is not applied yet", ("payment:9",))
    bare = {"letter": None, "draft_id": "", "draft_hash": "", "draft_version": 0}
    bare |= {"judged_by": "template", "author": ""}
    return view(**{**bare, "rulings": (ruling,), "approvals": None, **changes})


def approved(**changes: Any) -> CaseView:
    """A case inside its undo window."""
    later = NOW + timedelta(seconds=60)
    given = Approvals(needed=1, given=(decision("approve"),))
    window = {"undo_until": later, "send_at": later, "lapses_at": NOW + timedelta(hours=24)}
    return view(**{"state": State.APPROVED, "approvals": given, **window, **changes})


def sent(state: State = State.SENT, **changes: Any) -> CaseView:
    """A case whose mail the server accepted."""
    return approved(**{"state": state, "outcome": SendOutcome("sent", NOW), **changes})


def two_needed(*given: str) -> CaseView:
    """A stage 4 case that two people have to approve."""
    asked = Approvals(2, tuple(decision("approve", one) for one in given), lead_needed=True)
    gate = Ruling(Kind.GATE, "stage_4", "A final letter needs two people", approvers=2, lead=True)
    return view(stage=Stage.FINAL, approvals=asked, rulings=(gate,))


def to_read(*texts: str) -> CaseView:
    """A case with tickets that no program could read whole."""
    found = [Document(f"ticket:{n}", "help desk", "ticket", NOW, t) for n, t in enumerate(texts)]
    ids = tuple(document.id for document in found)
    gate = Ruling(Kind.GATE, UNREADABLE, "They are too long.", ids, approvers=2, lead=True)
    read = tuple(TextToRead(document, document.sha256) for document in found)
    return view(rulings=(gate,), to_read=read, approvals=Approvals(2, lead_needed=True))


def many(count: int = 200) -> CaseView:
    """A customer with `count` invoices, all of them in the letter."""
    some = tuple(invoice(str(1000 + n), amount="100.10", paid="0.10") for n in range(count))
    lines = "\n".join(f"{one.number}  October 3, 2026  $100.00" for one in some)
    return view(facts=facts(some), letter=letter(f"{BODY}\n\n{lines}"))


def hostile(outside: str = HOSTILE) -> CaseView:
    """Everything that we did not write is this text: 500 characters of markup."""
    who = Customer("C1", outside, outside, usd(1))
    text = letter(outside, subject=outside, to=outside, sender=outside, note=outside)
    return view(
        facts=facts((invoice(outside),), customer=who),
        letter=text,
        summary=outside,
        reasons=(Reason(outside, ("e",)),),
        evidence=(Evidence("e", "mail", outside, outside),),
        rulings=(Ruling(Kind.GATE, "x_y", outside, ("e",)),),
        judged_by=outside,
        author=outside,
        author_reason=outside,
        violations=(outside,),
        changed=(outside,),
        end_reason=outside,
        manager=Manager(outside, outside, outside),
    )


VIEWS: dict[str, Callable[[], CaseView]] = {
    "new": lambda: view(state=State.NEW, letter=None, draft_id="", draft_hash=""),
    "new, not connected": lambda: view(
        state=State.NEW, letter=None, draft_id="", draft_hash="", held_up=HeldUp.NOT_CONNECTED
    ),
    "waiting": view,
    "bare": lambda: view(
        class_=None, summary="", reasons=(), evidence=(), manager=None, facts=facts(habit=None)
    ),
    "shadow": lambda: view(shadow=True),
    "template": lambda: view(
        judged_by="template", author="template", author_reason="no model is configured", summary=""
    ),
    "edited": lambda: view(
        edited_by="UCOLLECT", author="UCOLLECT", unusual_words=("escrow", "<!channel>")
    ),
    "insisted": lambda: view(
        edited_by="UCOLLECT",
        violations=("“$2,500.00” is no amount of this case",),
        approvals=Approvals(2, lead_needed=True),
    ),
    "lead": lambda: view(approvals=Approvals(1, lead_needed=True)),
    "two": two_needed,
    "one of two": lambda: two_needed("UCOLLECT"),
    "manager first": lambda: view(
        stage=Stage.FIRM,
        approvals=Approvals(1, opens_at=NOW + timedelta(hours=4), manager_fine=False),
    ),
    "voided": lambda: view(
        end_reason="Payment of $500.00 arrived after the approval", changed=("1041 is now paid",)
    ),
    "credits": lambda: view(
        facts=facts(
            other_open=(invoice("1050", amount="300"),),
            credits=(Credit("K1", "payment", "C1", "2044", date(2026, 11, 1), usd(120)),),
        )
    ),
    "covered": lambda: stopped(
        facts=facts(
            (invoice(amount="560.00"),),
            credits=(Credit("K1", "payment", "C1", "2044", date(2026, 11, 1), usd(600)),),
        )
    ),
    "stop": stopped,
    "never": lambda: stopped(Kind.NEVER, "several_recipients"),
    "no address": lambda: stopped(
        Kind.NEVER,
        "no_recipient",
        facts=facts(
            (replace(invoice(), email=""),), customer=Customer("C1", "Acme Ltd", "", usd(2300))
        ),
    ),
    "unsafe": lambda: view(
        rulings=(Ruling(Kind.NEVER, "unsafe_text", "“evil.example” is a link. Edit the text."),),
        violations=("“evil.example” is a link.",),
    ),
    "name like a link": lambda: view(
        rulings=(Ruling(Kind.GATE, NAME_LIKE_A_LINK, "It reads “Overstock.com”."),)
    ),
    "to read": lambda: to_read(f"{HOSTILE}\n" * 40, ""),
    "disputed": lambda: stopped(rule="dispute"),
    "wait": lambda: stopped(
        Kind.WAIT,
        "minimum_gap",
        rulings=(
            Ruling(Kind.WAIT, "minimum_gap", "Written to 2 days ago", until=NOW + timedelta(4)),
        ),
    ),
    "needs a look": lambda: stopped(
        rule="needs_a_look",
        last_error="QuickBooks answered 500",
        class_=None,
        summary="",
        judged_by="",
    ),
    "approved": approved,
    "approved, window over": lambda: approved(undo_until=NOW),
    "approved, shadow": lambda: approved(shadow=True),
    "approved, refused": lambda: approved(last_error="451 try again later"),
    "approved, held up": lambda: approved(undo_until=NOW, held_up=HeldUp.REMINDERS),
    "sending": lambda: approved(state=State.SENDING),
    "sent": sent,
    "done": lambda: sent(State.DONE, note_state="written"),
    "kept": lambda: sent(State.DONE, note_state="kept", note_detail="the books are closed"),
    "note failed": lambda: sent(State.DONE, note_state="failed", note_detail="QuickBooks said no"),
    "unknown": lambda: approved(state=State.UNKNOWN, outcome=SendOutcome("unknown", NOW, "cut")),
    "went": lambda: sent(State.SENT, decisions=(decision("went", "ULEAD1"),)),
    "rejected, followed": lambda: replace(VIEWS["rejected"](), may_return=False),
    "wrong contact": lambda: view(
        state=State.REJECTED,
        may_return=True,
        decisions=(decision("reject", reason="wrong_contact"),),
    ),
    "rejected": lambda: view(
        may_return=True, state=State.REJECTED, decisions=(decision("reject", reason="not_needed"),)
    ),
    "rejected, final": lambda: view(
        state=State.REJECTED,
        stage=Stage.FINAL,
        decisions=(decision("reject", reason="not_needed"),),
    ),
    "rejected, other": lambda: view(
        state=State.REJECTED, decisions=(decision("reject", reason="They are moving house"),)
    ),
    "held": lambda: view(
        state=State.HELD,
        decisions=(decision("hold", reason="dispute", comment="PO missing"),),
        end_reason="On hold until Nov 20, 2026.",
    ),
    "held, no comment": lambda: view(
        state=State.HELD, decisions=(decision("hold", reason="plan"),)
    ),
    "taken over": lambda: view(state=State.HELD, decisions=(decision("takeover"),)),
    "said to be paid": lambda: view(
        state=State.SNOOZED, decisions=(decision("reject", reason="already_paid"),)
    ),
    "paid on account": lambda: stopped(
        rule="possibly_paid",
        state=State.SNOOZED,
        decisions=(decision("reject", reason="already_paid"),),
    ),
    "waits": lambda: replace(
        VIEWS["wait"](),
        state=State.SNOOZED,
        decisions=(decision("reject", reason="already_paid"),),
    ),
    "paid claim": lambda: stopped(rule="paid_claim", evidence=()),
    "snoozed": lambda: view(state=State.SNOOZED, decisions=(decision("snooze"),)),
    "cancelled": lambda: view(
        state=State.CANCELLED, end_reason="Invoice 1037 was paid.", closed_at=NOW
    ),
    "shadow run": lambda: sent(State.CANCELLED, shadow=True, outcome=SendOutcome("shadow", NOW)),
    "many": many,
    "long": lambda: view(letter=letter("A long line of words. " * 400)),
    "too long": lambda: view(letter=letter("A long line of words.\n" * 2000)),
    "hostile": hostile,
    "hostile stop": lambda: replace(hostile(), letter=None, last_error=HOSTILE),
    "empty": lambda: view(facts=facts(customer=Customer("C1", "", "", usd(0))), letter=letter("")),
}
