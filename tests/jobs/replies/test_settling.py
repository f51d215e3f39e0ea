"""People settle what customers write: promises, plans, disputes; payments and days do the rest."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from jobs.decide import hold, promise
from jobs.decide.access import Answer, Click
from jobs.decide.hold import Holding
from jobs.decide.promise import Agreed
from jobs.rules.facts.past import HoldKind
from jobs.rules.states import Stage, State
from jobs.store.database.tables import holds, promises, replies
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import CompanyHarness, books, customer, invoice
from tests.jobs.replies.test_noticing import DANA, about_replies, poll, sent, with_mailbox
from tests.sandbox.mail.inbox import Inbox

TWO = books(customer("1"), invoice("71", "1", "840.00", 12), invoice("72", "1", "60.00", 11))
RECORDED = Answer.RECORDED
PROMISE = "We will pay the $840.00 on December 4."


def answered(harness: CompanyHarness, inbox: Inbox, text: str) -> Click:
    """The customer answers our message; a click below its line in the thread."""
    mail = sent(harness)
    inbox.receive({"from": DANA, "text": text, "in_reply_to": mail})
    poll(harness)
    return below(harness)


def below(harness: CompanyHarness, user: str = "UCOLLECT") -> Click:
    """A click below the latest reply."""
    row = harness.rows(select(replies).order_by(replies.c.id.desc()).limit(1))[0]
    return Click(user, row.case_id, reply=row.id)


def says(harness: CompanyHarness, act: Any, click: Click, *more: Any) -> Answer:
    """What the person is told."""
    said: Answer = harness.go(act, click, *more).answer
    return said


def morning(harness: CompanyHarness, **later: float) -> None:
    """Some days later: the sweep, then the promises, then what follows."""
    harness.time.later(**later)
    harness.sweep()
    harness.run("promises", "triage")


def states(harness: CompanyHarness) -> list[str]:
    return [row.state for row in harness.rows(select(promises).order_by(promises.c.id))]


def test_a_confirmed_promise_waits_and_a_broken_one_raises(open_harness: OpenHarness) -> None:
    """One click holds the invoice for three working days more than promised; then stage 3."""
    harness = open_harness()
    inbox = with_mailbox(harness, "promised")
    click = answered(harness, inbox, PROMISE)
    assert says(harness, promise.confirm_promise, click) is Answer.RECORDED
    assert says(harness, promise.confirm_promise, click) is Answer.STALE, "once is enough"
    (noted,), (settled,) = harness.logged("promise.made"), harness.logged("reply.settled")
    assert noted["data"]["instalments"] == [["2026-12-04", "840"]]
    assert settled["data"]["stances"] == ["promise"]
    (held,) = harness.rows(select(holds))
    assert (held.kind, held.invoice, held.until) == ("promise", "71", date(2026, 12, 7))
    assert harness.said("thread")[-1] == (
        "Ucollect confirmed the promise: $840.00 promised for December 4, 2026."
    )
    morning(harness, days=18)
    assert (states(harness), len(harness.cases())) == (["open"], 1), "the day before"
    morning(harness, days=1)
    assert states(harness) == ["broken"]
    first, second = harness.cases()
    assert (first.stage, second.stage, second.state) == (Stage.FOLLOW_UP, Stage.FIRM, State.WAITING)
    assert {"broken_promise", "manager_first"} <= harness.rules()
    assert "promise_mentioned" not in harness.rules(), "that mail is settled"
    (ruling,) = [r for r in harness.rulings() if r.rule == "broken_promise"]
    assert "was to pay $840.00 by December 4, 2026" in ruling.reason
    assert ":warning: The promise" in harness.said("thread")[-1]


def test_payments_close_a_promise_as_kept(open_harness: OpenHarness) -> None:
    """Each payment counts; the case of what was promised in part goes on with the rest."""
    harness = open_harness()
    inbox = with_mailbox(harness, "kept")
    click = answered(harness, inbox, "We will pay $400.00 on November 27.")
    assert says(harness, promise.confirm_promise, click) is Answer.RECORDED
    harness.notify(harness.pay("71", "150.00"))
    harness.time.later(hours=1)
    harness.run("promises")
    assert states(harness) == ["open"]
    harness.notify(harness.pay("71", "250.00"))
    harness.time.later(hours=1)
    harness.run("promises")
    assert states(harness) == ["kept"]
    (held,) = harness.rows(select(holds))
    assert held.lifted_by == "system:promises"
    assert ":white_check_mark: The promise" in harness.said("thread")[-1]
    assert [line["data"]["state"] for line in harness.logged("promise.ended")] == ["kept"]


def test_a_plan_is_watched_instalment_by_instalment(open_harness: OpenHarness) -> None:
    """Only a finance lead enters one; the second instalment is missed, and the case comes back."""
    harness = open_harness()
    inbox = with_mailbox(harness, "planned")
    click = answered(harness, inbox, "Could we pay in three instalments?")
    usd = harness.view().facts.asked
    part = type(usd)(usd.amount / 3, usd.currency)
    agreed = Agreed(tuple((harness.today + timedelta(days=10 * n), part) for n in (1, 2, 3)))
    assert says(harness, promise.plan, click, agreed) is Answer.NOT_ALLOWED
    lead = below(harness, "ULEAD1")
    assert says(harness, promise.plan, lead, agreed) is Answer.RECORDED
    harness.notify(harness.pay("71", "280.00"))
    morning(harness, days=13)
    assert (states(harness), len(harness.cases())) == (["open"], 1)
    morning(harness, days=10)
    assert states(harness) == ["broken"]
    assert harness.case().stage is Stage.FIRM
    assert "broken_promise" in harness.rules()


def test_a_promise_confirmed_by_mistake_is_taken_back(open_harness: OpenHarness) -> None:
    """Its hold ends, and the mail can be settled again; a second time is refused."""
    harness = open_harness()
    inbox = with_mailbox(harness, "mistaken")
    click = answered(harness, inbox, PROMISE)
    assert says(harness, promise.withdraw, click) is Answer.STALE, "nothing was promised yet"
    assert says(harness, promise.confirm_promise, click) is RECORDED
    assert says(harness, promise.withdraw, click) is RECORDED
    assert states(harness) == ["withdrawn"]
    assert [row.lifted_by for row in harness.rows(select(holds))] == ["UCOLLECT"]
    assert says(harness, promise.withdraw, click) is Answer.STALE
    assert says(harness, promise.confirm_promise, click) is RECORDED
    assert states(harness) == ["withdrawn", "open"]


def test_a_later_promise_replaces_the_earlier_one(open_harness: OpenHarness) -> None:
    """Also in part: the earlier one is broken only for what it is still about."""
    harness = open_harness(TWO)
    inbox = with_mailbox(harness, "replaced")
    click = answered(harness, inbox, "We will pay on December 4.")
    assert says(harness, promise.confirm_promise, click) is RECORDED
    inbox.receive({"from": DANA, "text": "Sorry, we will pay on December 18."})
    poll(harness)
    later = Agreed(((date(2026, 12, 18), None),), ("71",))
    assert says(harness, promise.promise, below(harness), later) is RECORDED
    assert (
        "(replaces part of the promise for December 4, 2026, of which $60.00 promised for December "
        "4, 2026 is left)"
    ) in harness.said("thread")[-1]
    ended = [(row.invoice, row.until) for row in harness.rows(select(holds)) if row.lifted_at]
    assert ended == [("71", date(2026, 12, 7))]
    morning(harness, days=19)
    assert states(harness) == ["broken", "open"]
    assert [i.id for i in harness.view().facts.invoices] == ["72"]
    parts = Agreed(((date(2026, 12, 28), None),), ("71",))
    on = harness.click("ULEAD1", harness.cases()[0])
    assert says(harness, promise.plan, on, parts) is RECORDED
    assert states(harness) == ["broken", "withdrawn", "open"]
    assert "(replaces the promise for December 18, 2026)" in harness.said("thread")[-1]
    assert len(harness.logged("promise.replaced")) == 2


def test_a_plan_goes_on_without_a_voided_invoice(open_harness: OpenHarness) -> None:
    """Its last instalments are cut to what is owed, its hold ends with them, and the thread says
    so; what is missing of it then is missing from that."""
    harness = open_harness(TWO)
    harness.sweep()
    usd = [type(harness.view().facts.asked)(Decimal(n), "USD") for n in ("440", "400", "60")]
    days = [harness.today + timedelta(days=10 * n) for n in (1, 2, 3)]
    agreed = Agreed(tuple(zip(days, usd, strict=True)))
    assert says(harness, promise.plan, harness.click("ULEAD1"), agreed) is RECORDED
    harness.notify(harness.void("72"))
    harness.time.later(hours=1)
    harness.run("promises")
    assert harness.said("thread")[-1] == (
        "Invoice 172 was voided or deleted: the payment plan is now $840.00 in 2 instalments, the "
        "last on December 8, 2026."
    )
    (changed,) = harness.logged("promise.changed")
    assert changed["data"]["gone"] == ["72"]
    (held,) = (row for row in harness.rows(select(holds)) if not row.lifted_at)
    assert (held.invoice, held.until) == ("71", date(2026, 12, 11))
    harness.notify(harness.pay("71", "440.00"))
    harness.time.later(hours=1)
    harness.run("promises")
    assert len(harness.logged("promise.changed")) == 1, "once is enough"
    morning(harness, days=24)
    assert states(harness) == ["broken"]
    (ruling,) = (r for r in harness.rulings() if r.rule == "broken_promise")
    assert "was to pay $400.00 by December 8, 2026" in ruling.reason


def test_taking_a_promise_back_goes_on_with_a_held_case(open_harness: OpenHarness) -> None:
    """The card says that the hold was lifted, and a new case asks for what is still overdue."""
    harness = open_harness()
    inbox = with_mailbox(harness, "held")
    harness.sweep()
    inbox.receive({"from": DANA, "text": PROMISE})
    poll(harness)
    click = below(harness)
    assert says(harness, promise.confirm_promise, click) is RECORDED
    assert harness.state() is State.HELD
    assert says(harness, promise.withdraw, click) is RECORDED
    harness.run("triage")
    first, second = harness.cases()
    assert (first.state, harness.view(first).taken_up) == (State.HELD, True)
    assert (second.state, harness.rules()) == (State.WAITING, {"promise_mentioned"})


def test_a_promise_on_the_phone_is_watched_too(open_harness: OpenHarness) -> None:
    """It is entered as a hold on the card; whoever lifts the hold withdraws it. A mail that
    promised as well is settled with it."""
    harness = open_harness()
    inbox = with_mailbox(harness, "phoned")
    harness.sweep()
    inbox.receive({"from": DANA, "text": PROMISE})
    poll(harness)
    held = Holding(HoldKind.PROMISE, harness.today + timedelta(days=10), "on the phone")
    assert says(harness, promise.hold_or_promise, harness.click("UCOLLECT"), held) is RECORDED
    assert (harness.state(), states(harness)) == (State.HELD, ["open"])
    assert harness.rows(select(replies.c.settled))[0].settled == ["promise"]
    assert "On hold until December 1, 2026" in harness.view().end_reason
    assert says(harness, hold.lift, harness.click("UCOLLECT")) is RECORDED
    assert states(harness) == ["withdrawn"]
    harness.run("triage")
    assert harness.view().letter is not None


def test_disputed_invoices_are_held_and_the_others_go_on(open_harness: OpenHarness) -> None:
    """Until somebody chooses, everything stops; then only what was chosen is left out."""
    harness = open_harness(TWO)
    inbox = with_mailbox(harness, "disputed")
    harness.sweep()
    inbox.receive({"from": DANA, "text": "We dispute invoice 172, the pallet was damaged."})
    poll(harness)
    assert (harness.view().letter, "dispute" in harness.rules()) == (None, True)
    click = below(harness)
    held = Holding(HoldKind.DISPUTE, harness.today + timedelta(days=14), "damaged", ("72",))
    assert says(harness, promise.dealt_with, click) is Answer.STALE, "it does not go away so"
    assert says(harness, promise.dispute, click, held) is Answer.RECORDED
    harness.run("triage")
    letter = harness.view().letter
    assert letter is not None
    assert [one.id for one in letter.invoices] == ["71"]
    assert harness.rules() == {"dispute_elsewhere"}
    assert len(about_replies(harness)) == 1


def test_a_question_is_dealt_with_once(open_harness: OpenHarness) -> None:
    """Whoever has answered says so; a guest may not, and somebody else's reply is refused."""
    harness = open_harness()
    inbox = with_mailbox(harness, "asked")
    harness.sweep()
    inbox.receive({"from": DANA, "text": "Which bank do you use?"})
    poll(harness)
    assert harness.rules() == {"open_question"}
    assert says(harness, promise.dealt_with, below(harness, "UGUEST")) is Answer.NOT_A_MEMBER
    wrong = Click("UCOLLECT", harness.case().id, reply="99")
    assert says(harness, promise.dealt_with, wrong) is Answer.STALE
    assert says(harness, promise.dealt_with, below(harness)) is Answer.RECORDED
    harness.run("triage")
    assert harness.rules() == set()
    assert harness.view().letter is not None
