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
from tests.jobs.house import MANAGER, House, books, customer, invoice
from tests.jobs.houses import OpenHouse

TWO = books(customer("1"), invoice("71", "1", "840.00", 12), invoice("72", "1", "90.00", 13))
LARGE = books(customer("1"), invoice("71", "1", "26000.00", 12))
SEVERAL = books(customer("1", email="a@x.example, b@x.example"), invoice("71", "1", "840.00", 12))
KEY: dict[str, Any] = {
    "customer": [{"id": "1", "key_account": True}],
    "account_manager": [{**MANAGER, "customers": ["1"]}],
}


def confirm(house: House, address: str) -> Answer:
    """A person picks this address."""
    answer: Answer = house.go(look.confirm_address, "UCOLLECT", address).answer
    return answer


def test_looking_again_lifts_no_dispute(open_house: OpenHouse) -> None:
    """A snooze ends early; what is disputed stays out of the message."""
    house = open_house(TWO)
    house.sweep()
    house.reject("UCOLLECT", Rejection(RejectReason.DISPUTED, "wrong goods", ("71",)))
    house.run("triage")
    house.snooze("UCOLLECT", house.today + timedelta(days=3))
    assert house.look_again("UCOLLECT") is Answer.RECORDED
    house.run("triage")
    assert [i.id for i in house.view().facts.invoices] == ["72"]
    assert len(house.logged("case.look_again")[0]["data"]["lifted"]) == 1


def test_only_stops_that_were_read_are_set_aside(open_house: OpenHouse) -> None:
    """A stop that came after the form was opened is not set aside with the others."""
    house = open_house(LARGE)
    house.sweep()
    click, read = house.click("ULEAD1"), stops_seen(house.rulings())
    house.notify(house.credit("1", "30000.00"))
    assert "covered_by_credits" in house.rules()
    assert (
        house.go(look.draft_anyway, click, look.SetAside(read, "I called.")).answer is Answer.STALE
    )
    assert house.draft_anyway("ULEAD1") is Answer.RECORDED


def test_stops_set_aside_one_after_the_other(open_house: OpenHouse) -> None:
    """What was set aside stays so until there is a draft, also where one more has to be."""
    house = open_house(LARGE)
    house.sweep()
    house.draft_anyway("ULEAD1")
    house.credit("1", "30000.00")
    house.run("triage")
    assert house.rules() & {"above_stop_limit", "covered_by_credits"} == {"covered_by_credits"}
    house.draft_anyway("ULEAD1")
    house.run("triage")
    assert house.view().letter is not None


def test_who_disputes_one_invoice_is_not_dunned_for_another(open_house: OpenHouse) -> None:
    """The account manager sees the message about the other one first, and the card says why."""
    house = open_house(TWO, {"account_manager": [{**MANAGER, "customers": ["1"]}]})
    house.sweep()
    house.reject("UCOLLECT", Rejection(RejectReason.DISPUTED, "wrong goods", ("71",)))
    house.run("triage")
    view = house.view()
    (ruling,) = [r for r in view.rulings if r.rule == "dispute_elsewhere"]
    assert ruling.reason.startswith("Invoice 171 is disputed (wrong goods) and left out")
    assert "tone" not in view.author_reason
    assert view.changed == ("Invoice 171 is on hold, so the message leaves it out.",)
    assert house.approve("UCOLLECT") is Answer.NOT_OPEN_YET
    assert house.fine("UMANAGER") is Answer.RECORDED
    assert house.approve("UCOLLECT") is Answer.RECORDED
    house.wait_out()
    assert len(house.mails) == 1


def test_a_dispute_gives_the_manager_time_anew(open_house: OpenHouse) -> None:
    """Also where the time for the message before has passed without a word."""
    lines = {"account_manager": [{**MANAGER, "customers": ["1"]}], **KEY}
    house = open_house(TWO, lines)
    house.sweep()
    house.time.later(hours=6)
    house.reject("UCOLLECT", Rejection(RejectReason.DISPUTED, "wrong goods", ("71",)))
    house.run("triage")
    assert house.approve("ULEAD1") is Answer.NOT_OPEN_YET
    assert house.fine("UMANAGER") is Answer.RECORDED
    assert house.approve("ULEAD1") is Answer.SECOND_NEEDED


def test_what_was_paid_before_sending_is_told_in_one_sentence(open_house: OpenHouse) -> None:
    """The cause and what is asked now; not each figure of the old text that is wrong since then."""
    three = (invoice(id, "1", amount, 12) for id, amount in (("73", "60.00"), ("74", "30.00")))
    house = open_house(books(customer("1"), invoice("71", "1", "840.00", 12), *three))
    house.sweep()
    house.approve()
    house.pay("71", "840.00")
    house.pay("73", "60.00")
    house.wait_out()
    house.run("triage")
    told = "Invoices 171 and 173 were paid after the approval; the message now asks for $30.00."
    view = house.view()
    assert (view.end_reason, view.changed) == (told, ())
    assert any(text == f"<@UCOLLECT>: nothing was sent. {told}" for text in house.said("thread"))


def test_a_dispute_about_what_is_settled_is_over(open_house: OpenHouse) -> None:
    """Once the disputed invoice is paid the other one is asked for as usual."""
    house = open_house(TWO)
    house.sweep()
    house.reject("UCOLLECT", Rejection(RejectReason.DISPUTED, "wrong goods", ("71",)))
    house.run("triage")
    house.notify(house.pay("71", "840.00"))
    assert "dispute_elsewhere" not in house.rules()


EARLY = books(customer("1"), invoice("71", "1", "840.00", 12), invoice("72", "1", "90.00", 2))


@pytest.mark.parametrize("how", ["disputed", "paid", "paid before sending"])
def test_a_message_needs_an_invoice_that_has_crossed(open_house: OpenHouse, how: str) -> None:
    """What is two days late goes along with another invoice, and is no reason to write."""
    house = open_house(EARLY)
    house.sweep()
    assert [i.id for i in house.view().facts.invoices] == ["71", "72"]
    if how == "disputed":
        house.reject("UCOLLECT", Rejection(RejectReason.DISPUTED, "wrong goods", ("71",)))
    elif how == "paid":
        house.notify(house.pay("71", "840.00"))
    else:
        house.approve()
        house.pay("71", "840.00")
        house.wait_out()
    house.run("triage")
    wanted = State.HELD if how == "disputed" else State.CANCELLED
    assert (house.state(), house.mails) == (wanted, [])
    if how != "disputed":
        assert (
            "Invoice 172 is not overdue long enough for a reminder."
            in house.view().end_reason.replace("; i", ". I")
        )


def with_memo(id: str, text: str, **more: Any) -> dict[str, Any]:
    """Invoice `id` of customer 1 with a memo."""
    return invoice(id, "1", "840.00", 12, CustomerMemo={"value": text}, **more)


A_GAP = books(customer("1", Balance="850.00"), invoice("71", "1", "840.00", 12))
A_DISPUTE = books(
    customer("1"), with_memo("71", "We dispute this bill."), with_memo("72", "Thank you.")
)
LATER_STOPS: dict[str, tuple[dict[str, Any], str, Callable[[House], object]]] = {
    "a larger gap": (
        A_GAP,
        "balance_does_not_add_up",
        lambda house: house.change("Customer", "1", Balance="0.00"),
    ),
    "another amount": (LARGE, "above_stop_limit", lambda house: house.pay("71", "100.00")),
    "a dispute on another invoice": (
        A_DISPUTE,
        "dispute",
        lambda house: house.change(
            "Invoice", "72", CustomerMemo={"value": "We dispute this bill."}
        ),
    ),
    "a dispute that the policy names": (
        A_DISPUTE,
        "dispute",
        lambda house: house.change_policy(customer=[{"id": "1", "disputed": True}]),
    ),
}
"""What comes later → books that its rule stops already, that rule, and how it comes."""


@pytest.mark.parametrize("later", LATER_STOPS)
@pytest.mark.parametrize("when", ["refresh", "last check"])
def test_a_stop_that_says_something_else_is_a_new_one(
    open_house: OpenHouse, later: str, when: str
) -> None:
    """What was set aside is one stop with its reason and evidence, not whatever its rule says."""
    content, rule, come = LATER_STOPS[later]
    house = open_house(content)
    house.sweep()
    assert house.draft_anyway("ULEAD1") is Answer.RECORDED
    house.run("triage")
    assert house.view().letter is not None
    if when == "last check":
        house.approve("UCOLLECT")
        house.approve("ULEAD1")
    come(house)
    if when == "last check":
        house.wait_out()
        house.run("triage")
    else:
        house.refresh()
    assert house.mails == []
    assert rule in house.rules()
    assert house.view().letter is None


@pytest.mark.parametrize("how", ["snooze", "look_again", "wrong_tone"])
def test_what_was_set_aside_is_so_for_one_draft(open_house: OpenHouse, how: str) -> None:
    """When the case is gathered anew its stops count again."""
    house = open_house(LARGE)
    house.sweep()
    house.draft_anyway("ULEAD1")
    house.run("triage")
    assert house.view().letter is not None
    if how == "snooze":
        house.snooze("UCOLLECT", house.today + timedelta(days=2))
        house.time.later(days=2)
    elif how == "look_again":
        house.look_again("UCOLLECT")
    else:
        house.reject("UCOLLECT", Rejection(RejectReason.WRONG_TONE))
    house.run("triage")
    assert "above_stop_limit" in house.rules()
    assert house.view().letter is None


def test_a_confirmed_address_that_leaves_the_ledger(open_house: OpenHouse) -> None:
    """It is used until QuickBooks changes; then a person has to confirm again."""
    house = open_house(SEVERAL)
    house.sweep()
    assert confirm(house, "a@x.example") is Answer.RECORDED
    house.run("triage")
    assert house.view().letter is not None
    house.notify(house.change("Customer", "1", PrimaryEmailAddr={"Address": "new@y.example"}))
    assert house.rules() == {"address_not_in_ledger"}
    assert confirm(house, "new@y.example") is Answer.RECORDED
    house.run("triage")
    letter = house.view().letter
    assert letter is not None
    assert letter.to == "new@y.example"


def test_a_name_like_a_web_address_is_confirmed_once(open_house: OpenHouse) -> None:
    """Until a finance lead has confirmed this very name, letters leave it out."""
    house = open_house(
        books(customer("1", DisplayName="Overstock.com"), invoice("71", "1", "840.00", 12))
    )
    house.sweep()
    seen = to_confirm(house.view().facts)

    def confirms(user: str, read: str) -> Answer:
        answer: Answer = house.go(look.confirm_name, user, read).answer
        return answer

    def greeted() -> bool:
        letter = house.view().letter
        assert letter is not None
        return "Overstock.com" in letter.body

    assert (house.rules(), greeted()) == ({"name_like_a_link"}, False)
    assert confirms("UCOLLECT", seen) is Answer.NOT_ALLOWED
    assert confirms("ULEAD1", "0" * 64) is Answer.STALE
    assert confirms("ULEAD1", seen) is Answer.RECORDED
    house.run("triage")
    assert (house.rules(), greeted()) == (set(), True)
    assert house.logged("name.confirmed")[0]["data"]["name"] == seen
    house.notify(house.change("Customer", "1", DisplayName="Overstock.co"))
    assert house.rules() == {"name_like_a_link"}
    assert confirms("ULEAD1", seen) is Answer.STALE


def test_a_new_key_account_waits_for_its_manager(a_house: House) -> None:
    """Marked after its card was drawn, it is closed until the card says when it opens."""
    a_house.change_policy(**KEY)
    refused = a_house.go(approve.approve, "ULEAD1")
    assert refused.answer is Answer.NOT_OPEN_YET
    with a_house.database.writing() as conn:
        access.refused(conn, a_house.click("ULEAD1"), refused, "approve", a_house.now)
    a_house.run("triage")
    assert a_house.case().approval_opens_at is not None
    assert a_house.approve("ULEAD1") is Answer.NOT_OPEN_YET
    assert a_house.fine("UMANAGER") is Answer.RECORDED
    assert a_house.approve("ULEAD1") is Answer.SECOND_NEEDED


def test_the_last_check_waits_for_the_manager_too(a_house: House) -> None:
    """An approval given before the manager had to see it does not carry the message out."""
    a_house.approve("ULEAD1")
    a_house.change_policy(**KEY)
    a_house.wait_out()
    assert (a_house.state(), a_house.mails) == (State.WAITING, [])


def test_the_card_says_what_voided_an_approval(a_house: House) -> None:
    """Also once it is drawn anew, until somebody decides something."""
    a_house.approve()
    a_house.change("Customer", "1", PrimaryEmailAddr={"Address": "new@y.example"})
    a_house.wait_out()
    a_house.run("triage")
    assert "new@y.example" in a_house.view().end_reason
    confirm(a_house, "new@y.example")
    a_house.run("triage")
    assert a_house.view().end_reason == ""


def test_a_customer_who_disputes_everything_has_no_new_case(a_house: House) -> None:
    """Until the review date; then a card asks what became of it."""
    until = a_house.today + timedelta(days=5)
    a_house.hold("UCOLLECT", Holding(HoldKind.DISPUTE, until, "wrong goods"))
    a_house.time.later(days=1)
    a_house.sweep()
    assert [case.state for case in a_house.cases()] == [State.HELD]
    a_house.time.later(days=4)
    a_house.sweep()
    assert a_house.rules() == {"dispute"}
    assert a_house.go(hold.lift, "UCOLLECT").answer is Answer.RECORDED
    a_house.run("triage")
    assert a_house.view().letter is not None
    assert "Ucollect lifted the dispute." in a_house.said("thread")
    assert a_house.logged("hold.lifted")


@pytest.mark.parametrize("days", [0, 1])
def test_a_hold_is_lifted_on_its_own_card(a_house: House, days: int) -> None:
    """Whether or not a sweep came between: a case of its own asks at once what it asked before."""
    a_house.go(take_over, "UCOLLECT")
    a_house.time.later(days=days)
    a_house.sweep()
    held = a_house.cases()[0]
    assert a_house.go(hold.lift, a_house.click("UCOLLECT", held)).answer is Answer.RECORDED
    assert a_house.go(hold.lift, a_house.click("UCOLLECT", held)).answer is Answer.STALE
    a_house.run("triage")
    assert [case.state for case in a_house.cases()] == [State.HELD, State.WAITING]
    assert a_house.view().letter is not None
    assert a_house.view(held).taken_up
    assert "Ucollect lifted the hold." in a_house.said("thread")


def test_a_lifted_dispute_frees_its_invoices_only(open_house: OpenHouse) -> None:
    """What another hold takes out stays out."""
    house = open_house(TWO)
    house.sweep()
    house.hold("UCOLLECT", Holding(HoldKind.DISPUTE, house.today + timedelta(days=3), "", ("71",)))
    later = Holding(HoldKind.DISPUTE, house.today + timedelta(days=30), "", ("72",))
    house.run("triage")
    house.hold("UCOLLECT", later)
    house.time.later(days=3)
    house.sweep()
    assert house.rules() == {"dispute", "dispute_elsewhere"}
    assert house.go(hold.lift, "UCOLLECT").answer is Answer.RECORDED
    house.run("triage")
    letter = house.view().letter
    assert letter is not None
    assert [i.id for i in letter.invoices] == ["71"]


def test_what_a_customer_wrote_is_no_hold_to_lift(open_house: OpenHouse) -> None:
    """A dispute in a memo ends when the memo does, not by a click."""
    disputed = invoice("71", "1", "840.00", 12, CustomerMemo={"value": "We dispute this bill."})
    house = open_house(books(customer("1"), disputed))
    house.sweep()
    assert house.rules() == {"dispute"}
    assert house.go(hold.lift, "UCOLLECT").answer is Answer.STALE


@pytest.mark.parametrize(
    "why",
    [
        RejectReason.ALREADY_PAID,
        RejectReason.WRONG_CONTACT,
        RejectReason.WRONG_TONE,
        RejectReason.NOT_NEEDED,
    ],
)
def test_a_comment_is_kept_with_its_reason(a_house: House, why: RejectReason) -> None:
    """Whatever the reason is; it is a person's text, so nothing in it lives in the thread."""
    typed = "ask <!channel> & Bob :fire: https://evil.example/x"
    a_house.reject("UCOLLECT", Rejection(why, typed))
    (said,) = [text for text in a_house.said("thread") if text.startswith("Ucollect rejected the")]
    told = (
        f"{why.replace('_', ' ')}: ask &lt;!channel&gt; &amp; Bob \u2236fire: https:\u2060//evil."
    )
    assert said.startswith(f"Ucollect rejected the case: {told}\u2060example/x")
    assert "Bob" not in str(a_house.logged())
    kept = [line["data"]["words"] for line in a_house.logged() if "words" in line["data"]]
    with a_house.database.reading() as conn:
        typed_by_hash = log.read_words(conn, kept)
    assert list(typed_by_hash.values()) == ([] if why is RejectReason.ALREADY_PAID else [typed])


def test_undone_on_a_friday(open_house: OpenHouse) -> None:
    """The next look at the ledger is some working days later, as after drafting."""
    house = open_house(policy={"calendar": {"business_days_only": True, "holiday_country": ""}})
    house.time.later(days=2)
    house.sweep()
    drafted = house.case().row.due_at
    assert house.approve() is Answer.RECORDED
    assert house.undo() is Answer.RECORDED
    assert house.case().row.due_at == drafted


def test_an_account_manager_cannot_say_what_became_of_a_mail(open_house: OpenHouse) -> None:
    """That takes a look into the Sent folder: collectors and finance leads."""
    house = open_house(policy={"account_manager": [{**MANAGER, "customers": ["1"]}]})
    house.sweep()
    house.approve()
    house.fault("mail", "SMTP END", "late")
    house.wait_out()
    assert house.state() is State.UNKNOWN
    assert house.went("UMANAGER") is house.did_not_go("UMANAGER") is Answer.NOT_ALLOWED
    assert house.went("UCOLLECT") is Answer.RECORDED


@pytest.mark.parametrize("act", [approve.approve, look.draft_anyway])
def test_who_is_stopped_is_told_by_what(open_house: OpenHouse, act: Any) -> None:
    """The answer carries the sentence of the rule."""
    house = open_house(books(customer("1"), invoice("71", "1", "840.00", 12)))
    house.sweep()
    ruling = Ruling(Kind.NEVER, "unsafe_text", "“evil.example” is a link.")
    with house.database.writing() as conn:
        said = RULINGS.dump_python((ruling,), mode="json")
        conn.execute(drafts_table.update().values(rulings=said))
    more = (look.SetAside("", "I called."),) if act is look.draft_anyway else ()
    answer = house.go(act, "ULEAD1", *more)
    assert (answer.answer, answer.detail) == (Answer.STOPPED, ruling.reason)


@pytest.mark.parametrize("hard", [True, False])
def test_a_template_that_breaks_a_rule_says_so(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch, hard: bool
) -> None:
    """What nobody may save cannot be approved; the rest needs two people, as after an edit."""
    found = Violation("link" if hard else "money", "99", hard)
    monkeypatch.setattr(drafting, "verify", lambda *_, **__: (found,))
    house = open_house()
    house.sweep()
    view = house.view()
    assert (view.author, view.violations) == (AUTHOR, (found.sentence,))
    assert house.rules() == {"unsafe_text" if hard else "text_breaks_a_rule"}
    expected = Answer.STOPPED if hard else Answer.SECOND_NEEDED
    assert house.approve("UCOLLECT") is expected
