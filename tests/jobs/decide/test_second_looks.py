"""What a decision leaves as it was: other holds, unread stops, and what was never confirmed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from jobs.decide import access, approve, hold, look
from jobs.decide.access import Answer
from jobs.decide.hold import Holding, take_over
from jobs.decide.reject import Rejection
from jobs.reasoning.by_rules import AUTHOR
from jobs.rules.facts.past import HoldKind
from jobs.rules.rulings import RULINGS, Kind, Ruling, stops_seen
from jobs.rules.states import RejectReason, State
from jobs.rules.verification.ledger_text import to_confirm
from jobs.rules.verification.violations import Violation
from jobs.store import log
from jobs.store.database.tables import drafts as drafts_table
from jobs.triage import drafting
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import MANAGER, CompanyHarness, books, customer, invoice

TWO = books(customer("1"), invoice("71", "1", "840.00", 12), invoice("72", "1", "90.00", 13))
LARGE = books(customer("1"), invoice("71", "1", "26000.00", 12))
SEVERAL = books(customer("1", email="a@x.example, b@x.example"), invoice("71", "1", "840.00", 12))
KEY: dict[str, Any] = {
    "customer": [{"id": "1", "key_account": True}],
    "account_manager": [{**MANAGER, "customers": ["1"]}],
}


def confirm(harness: CompanyHarness, address: str) -> Answer:
    """A person picks this address."""
    answer: Answer = harness.go(look.confirm_address, "UCOLLECT", address).answer
    return answer


def test_looking_again_lifts_no_dispute(open_harness: OpenHarness) -> None:
    """A snooze ends early; what is disputed stays out of the message."""
    harness = open_harness(TWO, swept=True)
    harness.reject("UCOLLECT", Rejection(RejectReason.DISPUTED, "wrong goods", ("71",)))
    harness.run("triage")
    harness.snooze("UCOLLECT", harness.today + timedelta(days=3))
    assert harness.look_again("UCOLLECT") is Answer.RECORDED
    harness.run("triage")
    assert [i.id for i in harness.view().facts.invoices] == ["72"]
    assert len(harness.logged("case.look_again")[0]["data"]["lifted"]) == 1


def test_only_stops_that_were_read_are_set_aside(open_harness: OpenHarness) -> None:
    """A stop that came after the form was opened is not set aside with the others."""
    harness = open_harness(LARGE, swept=True)
    click, read = harness.click("ULEAD1"), stops_seen(harness.rulings())
    harness.notify(harness.credit("1", "30000.00"))
    assert "covered_by_credits" in harness.rules()
    assert (
        harness.go(look.draft_anyway, click, look.SetAside(read, "I called.")).answer
        is Answer.STALE
    )
    assert harness.draft_anyway("ULEAD1") is Answer.RECORDED


def test_stops_set_aside_one_after_the_other(open_harness: OpenHarness) -> None:
    """What was set aside stays so until there is a draft, also where one more has to be."""
    harness = open_harness(LARGE, swept=True)
    harness.draft_anyway("ULEAD1")
    harness.credit("1", "30000.00")
    harness.run("triage")
    assert harness.rules() & {"above_stop_limit", "covered_by_credits"} == {"covered_by_credits"}
    harness.draft_anyway("ULEAD1")
    harness.run("triage")
    assert harness.view().letter is not None


def test_who_disputes_one_invoice_is_not_dunned_for_another(open_harness: OpenHarness) -> None:
    """The account manager sees the message about the other one first, and the card says why."""
    harness = open_harness(TWO, {"account_manager": [{**MANAGER, "customers": ["1"]}]}, swept=True)
    harness.reject("UCOLLECT", Rejection(RejectReason.DISPUTED, "wrong goods", ("71",)))
    harness.run("triage")
    view = harness.view()
    (ruling,) = [r for r in view.rulings if r.rule == "dispute_elsewhere"]
    assert ruling.reason.startswith("Invoice 171 is disputed (wrong goods) and left out")
    assert "tone" not in view.author_reason
    assert view.changed == ("Invoice 171 is on hold, so the message leaves it out.",)
    assert harness.approve("UCOLLECT") is Answer.NOT_OPEN_YET
    assert harness.fine("ULEAD1") is Answer.NOT_ALLOWED  # there is somebody whose word it is
    assert harness.fine("UMANAGER") is Answer.RECORDED
    assert harness.approve("UCOLLECT") is Answer.RECORDED
    harness.wait_out()
    assert len(harness.mails) == 1


def test_a_dispute_gives_the_manager_time_anew(open_harness: OpenHarness) -> None:
    """Also where the time for the message before has passed without a word."""
    lines = {"account_manager": [{**MANAGER, "customers": ["1"]}], **KEY}
    harness = open_harness(TWO, lines, swept=True)
    harness.time.later(hours=6)
    harness.reject("UCOLLECT", Rejection(RejectReason.DISPUTED, "wrong goods", ("71",)))
    harness.run("triage")
    assert harness.approve("ULEAD1") is Answer.NOT_OPEN_YET
    assert harness.fine("UMANAGER") is Answer.RECORDED
    assert harness.approve("ULEAD1") is Answer.SECOND_NEEDED


def test_what_was_paid_before_sending_is_told_in_one_sentence(open_harness: OpenHarness) -> None:
    """The cause and what is asked now; not each figure of the old text that is wrong since then."""
    three = (invoice(id, "1", amount, 12) for id, amount in (("73", "60.00"), ("74", "30.00")))
    harness = open_harness(
        books(customer("1"), invoice("71", "1", "840.00", 12), *three), swept=True
    )
    harness.approve()
    harness.pay("71", "840.00")
    harness.pay("73", "60.00")
    harness.wait_out()
    harness.run("triage")
    told = "Invoices 171 and 173 were paid after the approval; the message now asks for $30.00."
    view = harness.view()
    assert (view.end_reason, view.changed) == (told, ())
    assert any(text == f"<@UCOLLECT>: nothing was sent. {told}" for text in harness.said("thread"))


def test_a_dispute_about_what_is_settled_is_over(open_harness: OpenHarness) -> None:
    """Once the disputed invoice is paid the other one is asked for as usual."""
    harness = open_harness(TWO, swept=True)
    harness.reject("UCOLLECT", Rejection(RejectReason.DISPUTED, "wrong goods", ("71",)))
    harness.run("triage")
    harness.notify(harness.pay("71", "840.00"))
    assert "dispute_elsewhere" not in harness.rules()


EARLY = books(customer("1"), invoice("71", "1", "840.00", 12), invoice("72", "1", "90.00", 2))


@pytest.mark.parametrize("how", ["disputed", "paid", "paid before sending"])
def test_a_message_needs_an_invoice_that_has_crossed(open_harness: OpenHarness, how: str) -> None:
    """What is two days late goes along with another invoice, and is no reason to write."""
    harness = open_harness(EARLY, swept=True)
    assert [i.id for i in harness.view().facts.invoices] == ["71", "72"]
    if how == "disputed":
        harness.reject("UCOLLECT", Rejection(RejectReason.DISPUTED, "wrong goods", ("71",)))
    elif how == "paid":
        harness.notify(harness.pay("71", "840.00"))
    else:
        harness.approve()
        harness.pay("71", "840.00")
        harness.wait_out()
    harness.run("triage")
    wanted = State.HELD if how == "disputed" else State.CANCELLED
    assert (harness.state(), harness.mails) == (wanted, [])
    if how != "disputed":
        assert (
            "Invoice 172 is not overdue long enough for a reminder."
            in harness.view().end_reason.replace("; i", ". I")
        )


def with_memo(id: str, text: str, **more: Any) -> dict[str, Any]:
    """Invoice `id` of customer 1 with a memo."""
    return invoice(id, "1", "840.00", 12, CustomerMemo={"value": text}, **more)


A_GAP = books(customer("1", Balance="850.00"), invoice("71", "1", "840.00", 12))
A_DISPUTE = books(
    customer("1"), with_memo("71", "We dispute this bill."), with_memo("72", "Thank you.")
)
LATER_STOPS: dict[str, tuple[dict[str, Any], str, Callable[[CompanyHarness], object]]] = {
    "a larger gap": (
        A_GAP,
        "balance_does_not_add_up",
        lambda harness: harness.change("Customer", "1", Balance="0.00"),
    ),
    "another amount": (LARGE, "above_stop_limit", lambda harness: harness.pay("71", "100.00")),
    "a dispute on another invoice": (
        A_DISPUTE,
        "dispute",
        lambda harness: harness.change(
            "Invoice", "72", CustomerMemo={"value": "We dispute this bill."}
        ),
    ),
    "a dispute that the policy names": (
        A_DISPUTE,
        "dispute",
        lambda harness: harness.change_policy(customer=[{"id": "1", "disputed": True}]),
    ),
}
"""What comes later → books that its rule stops already, that rule, and how it comes."""


@pytest.mark.parametrize("later", LATER_STOPS)
@pytest.mark.parametrize("when", ["refresh", "last check"])
def test_a_stop_that_says_something_else_is_a_new_one(
    open_harness: OpenHarness, later: str, when: str
) -> None:
    """What was set aside is one stop with its reason and evidence, not whatever its rule says."""
    content, rule, come = LATER_STOPS[later]
    harness = open_harness(content, swept=True)
    assert harness.draft_anyway("ULEAD1") is Answer.RECORDED
    harness.run("triage")
    assert harness.view().letter is not None
    if when == "last check":
        harness.approve("UCOLLECT")
        harness.approve("ULEAD1")
    come(harness)
    if when == "last check":
        harness.wait_out()
        harness.run("triage")
    else:
        harness.refresh()
    assert harness.mails == []
    assert rule in harness.rules()
    assert harness.view().letter is None


@pytest.mark.parametrize("how", ["snooze", "look_again", "wrong_tone"])
def test_what_was_set_aside_is_so_for_one_draft(open_harness: OpenHarness, how: str) -> None:
    """When the case is gathered anew its stops count again."""
    harness = open_harness(LARGE, swept=True)
    harness.draft_anyway("ULEAD1")
    harness.run("triage")
    assert harness.view().letter is not None
    if how == "snooze":
        harness.snooze("UCOLLECT", harness.today + timedelta(days=2))
        harness.time.later(days=2)
    elif how == "look_again":
        harness.look_again("UCOLLECT")
    else:
        harness.reject("UCOLLECT", Rejection(RejectReason.WRONG_TONE))
    harness.run("triage")
    assert "above_stop_limit" in harness.rules()
    assert harness.view().letter is None


def test_a_confirmed_address_that_leaves_the_ledger(open_harness: OpenHarness) -> None:
    """It is used until QuickBooks changes; then a person has to confirm again."""
    harness = open_harness(SEVERAL, swept=True)
    assert confirm(harness, "a@x.example") is Answer.RECORDED
    harness.run("triage")
    assert harness.view().letter is not None
    harness.notify(harness.change("Customer", "1", PrimaryEmailAddr={"Address": "new@y.example"}))
    assert harness.rules() == {"address_not_in_ledger"}
    assert confirm(harness, "new@y.example") is Answer.RECORDED
    harness.run("triage")
    letter = harness.view().letter
    assert letter is not None
    assert letter.to == "new@y.example"


def test_a_name_like_a_web_address_is_confirmed_once(open_harness: OpenHarness) -> None:
    """Until a finance lead has confirmed this very name, letters leave it out."""
    harness = open_harness(
        books(customer("1", DisplayName="Overstock.com"), invoice("71", "1", "840.00", 12)),
        swept=True,
    )
    seen = to_confirm(harness.view().facts)

    def confirms(user: str, read: str) -> Answer:
        answer: Answer = harness.go(look.confirm_name, user, read).answer
        return answer

    def greeted() -> bool:
        letter = harness.view().letter
        assert letter is not None
        return "Overstock.com" in letter.body

    assert (harness.rules(), greeted()) == ({"name_like_a_link"}, False)
    assert confirms("UCOLLECT", seen) is Answer.NOT_ALLOWED
    assert confirms("ULEAD1", "0" * 64) is Answer.STALE
    assert confirms("ULEAD1", seen) is Answer.RECORDED
    harness.run("triage")
    assert (harness.rules(), greeted()) == (set(), True)
    assert harness.logged("name.confirmed")[0]["data"]["name"] == seen
    harness.notify(harness.change("Customer", "1", DisplayName="Overstock.co"))
    assert harness.rules() == {"name_like_a_link"}
    assert confirms("ULEAD1", seen) is Answer.STALE


def test_a_new_key_account_waits_for_its_manager(a_harness: CompanyHarness) -> None:
    """Marked after its card was drawn, it is closed until the card says when it opens."""
    a_harness.change_policy(**KEY)
    refused = a_harness.go(approve.approve, "ULEAD1")
    assert refused.answer is Answer.NOT_OPEN_YET
    with a_harness.database.writing() as conn:
        access.refused(conn, a_harness.click("ULEAD1"), refused, "approve", a_harness.now)
    a_harness.run("triage")
    assert a_harness.case().approval_opens_at is not None
    assert a_harness.approve("ULEAD1") is Answer.NOT_OPEN_YET
    assert a_harness.fine("UMANAGER") is Answer.RECORDED
    assert a_harness.approve("ULEAD1") is Answer.SECOND_NEEDED


def test_the_last_check_waits_for_the_manager_too(a_harness: CompanyHarness) -> None:
    """An approval given before the manager had to see it does not carry the message out."""
    a_harness.approve("ULEAD1")
    a_harness.change_policy(**KEY)
    a_harness.wait_out()
    assert (a_harness.state(), a_harness.mails) == (State.WAITING, [])


def test_the_card_says_what_voided_an_approval(a_harness: CompanyHarness) -> None:
    """Also once it is drawn anew, until somebody decides something."""
    a_harness.approve()
    a_harness.change("Customer", "1", PrimaryEmailAddr={"Address": "new@y.example"})
    a_harness.wait_out()
    a_harness.run("triage")
    assert "new@y.example" in a_harness.view().end_reason
    confirm(a_harness, "new@y.example")
    a_harness.run("triage")
    assert a_harness.view().end_reason == ""


def test_a_customer_who_disputes_everything_has_no_new_case(a_harness: CompanyHarness) -> None:
    """Until the review date; then a card asks what became of it."""
    until = a_harness.today + timedelta(days=5)
    a_harness.hold("UCOLLECT", Holding(HoldKind.DISPUTE, until, "wrong goods"))
    a_harness.time.later(days=1)
    a_harness.sweep()
    assert [case.state for case in a_harness.cases()] == [State.HELD]
    a_harness.time.later(days=4)
    a_harness.sweep()
    assert a_harness.rules() == {"dispute"}
    assert a_harness.go(hold.lift, "UCOLLECT").answer is Answer.RECORDED
    a_harness.run("triage")
    assert a_harness.view().letter is not None
    assert "Ucollect lifted the dispute." in a_harness.said("thread")
    assert a_harness.logged("hold.lifted")


@pytest.mark.parametrize("days", [0, 1])
def test_a_hold_is_lifted_on_its_own_card(a_harness: CompanyHarness, days: int) -> None:
    """Whether or not a sweep came between: a case of its own asks at once what it asked before."""
    a_harness.go(take_over, "UCOLLECT")
    a_harness.time.later(days=days)
    a_harness.sweep()
    held = a_harness.cases()[0]
    assert a_harness.go(hold.lift, a_harness.click("UCOLLECT", held)).answer is Answer.RECORDED
    assert a_harness.go(hold.lift, a_harness.click("UCOLLECT", held)).answer is Answer.STALE
    a_harness.run("triage")
    assert [case.state for case in a_harness.cases()] == [State.HELD, State.WAITING]
    assert a_harness.view().letter is not None
    assert a_harness.view(held).taken_up
    assert "Ucollect lifted the hold." in a_harness.said("thread")


def test_a_lifted_dispute_frees_its_invoices_only(open_harness: OpenHarness) -> None:
    """What another hold takes out stays out."""
    harness = open_harness(TWO, swept=True)
    harness.hold(
        "UCOLLECT", Holding(HoldKind.DISPUTE, harness.today + timedelta(days=3), "", ("71",))
    )
    later = Holding(HoldKind.DISPUTE, harness.today + timedelta(days=30), "", ("72",))
    harness.run("triage")
    harness.hold("UCOLLECT", later)
    harness.time.later(days=3)
    harness.sweep()
    assert harness.rules() == {"dispute", "dispute_elsewhere"}
    assert harness.go(hold.lift, "UCOLLECT").answer is Answer.RECORDED
    harness.run("triage")
    letter = harness.view().letter
    assert letter is not None
    assert [i.id for i in letter.invoices] == ["71"]


def test_what_a_customer_wrote_is_no_hold_to_lift(open_harness: OpenHarness) -> None:
    """A dispute in a memo ends when the memo does, not by a click."""
    disputed = invoice("71", "1", "840.00", 12, CustomerMemo={"value": "We dispute this bill."})
    harness = open_harness(books(customer("1"), disputed), swept=True)
    assert harness.rules() == {"dispute"}
    assert harness.go(hold.lift, "UCOLLECT").answer is Answer.STALE


@pytest.mark.parametrize(
    "why",
    [
        RejectReason.ALREADY_PAID,
        RejectReason.WRONG_CONTACT,
        RejectReason.WRONG_TONE,
        RejectReason.NOT_NEEDED,
    ],
)
def test_a_comment_is_kept_with_its_reason(a_harness: CompanyHarness, why: RejectReason) -> None:
    """Whatever the reason is; it is a person's text, so nothing in it lives in the thread."""
    typed = "ask <!channel> & Bob :fire: https://evil.example/x"
    a_harness.reject("UCOLLECT", Rejection(why, typed))
    (said,) = [
        text for text in a_harness.said("thread") if text.startswith("Ucollect rejected the")
    ]
    told = (
        f"{why.replace('_', ' ')}: ask &lt;!channel&gt; &amp; Bob \u2236fire: https:\u2060//evil."
    )
    assert said.startswith(f"Ucollect rejected the case: {told}\u2060example/x")
    assert "Bob" not in str(a_harness.logged())
    kept = [line["data"]["words"] for line in a_harness.logged() if "words" in line["data"]]
    with a_harness.database.reading() as conn:
        typed_by_hash = log.read_words(conn, kept)
    assert list(typed_by_hash.values()) == ([] if why is RejectReason.ALREADY_PAID else [typed])


def test_undone_on_a_friday(open_harness: OpenHarness) -> None:
    """The next look at the ledger is some working days later, as after drafting."""
    harness = open_harness(policy={"calendar": {"business_days_only": True, "holiday_country": ""}})
    harness.time.later(days=2)
    harness.sweep()
    drafted = harness.case().row.due_at
    assert harness.approve() is Answer.RECORDED
    assert harness.undo() is Answer.RECORDED
    assert harness.case().row.due_at == drafted


def test_an_account_manager_cannot_say_what_became_of_a_mail(open_harness: OpenHarness) -> None:
    """That takes a look into the Sent folder: collectors and finance leads."""
    harness = open_harness(
        policy={"account_manager": [{**MANAGER, "customers": ["1"]}]}, swept=True
    )
    harness.approve()
    harness.fault("mail", "SMTP END", "late")
    harness.wait_out()
    assert harness.state() is State.UNKNOWN
    assert harness.went("UMANAGER") is harness.did_not_go("UMANAGER") is Answer.NOT_ALLOWED
    assert harness.went("UCOLLECT") is Answer.RECORDED


@pytest.mark.parametrize("act", [approve.approve, look.draft_anyway])
def test_who_is_stopped_is_told_by_what(open_harness: OpenHarness, act: Any) -> None:
    """The answer carries the sentence of the rule."""
    harness = open_harness(books(customer("1"), invoice("71", "1", "840.00", 12)), swept=True)
    ruling = Ruling(Kind.NEVER, "unsafe_text", "“evil.example” is a link.")
    with harness.database.writing() as conn:
        said = RULINGS.dump_python((ruling,), mode="json")
        conn.execute(drafts_table.update().values(rulings=said))
    harness.altered = True
    more = (look.SetAside("", "I called."),) if act is look.draft_anyway else ()
    answer = harness.go(act, "ULEAD1", *more)
    assert (answer.answer, answer.detail) == (Answer.STOPPED, ruling.reason)


@pytest.mark.parametrize("hard", [True, False])
def test_a_template_that_breaks_a_rule_says_so(
    open_harness: OpenHarness, monkeypatch: pytest.MonkeyPatch, hard: bool
) -> None:
    """What nobody may save cannot be approved; the rest needs two people, as after an edit."""
    found = Violation("link" if hard else "money", "99", hard)
    monkeypatch.setattr(drafting, "verify", lambda *_, **__: (found,))
    harness = open_harness()
    harness.altered = True
    harness.sweep()
    view = harness.view()
    assert (view.author, view.violations) == (AUTHOR, (found.sentence,))
    assert harness.rules() == {"unsafe_text" if hard else "text_breaks_a_rule"}
    expected = Answer.STOPPED if hard else Answer.SECOND_NEEDED
    assert harness.approve("UCOLLECT") is expected
