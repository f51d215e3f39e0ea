"""What each button does: who was first, what stays, what comes back."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from bot.surfaces.card.card import card
from jobs.decide import approve as approving
from jobs.decide import approve as undoing
from jobs.decide import look
from jobs.decide.access import Answer, Click, Reply, VerbRefused
from jobs.decide.edit import Text
from jobs.decide.hold import Holding, lift
from jobs.decide.reject import Rejection
from jobs.reports import picture
from jobs.rules.facts.past import HoldKind
from jobs.rules.states import RejectReason, State
from jobs.store.customers import history
from jobs.store.database.tables import crossings, decisions, sends
from tests.jobs.fixtures import OpenHarness, opener
from tests.jobs.harness import CompanyHarness, SharedStandIns, books, customer, invoice

SEND = {"token": "t", "message_id": "<m>", "bytes_sha256": "", "attachments": []}
LARGE = books(customer("1"), invoice("71", "1", "12000.00", 12))
TWO = books(customer("1"), invoice("71", "1", "840.00", 12), invoice("72", "1", "60.00", 30))


def crossed(harness: CompanyHarness) -> list[tuple[str, int]]:
    """The crossings that are in use."""
    used = select(crossings).where(crossings.c.released_at.is_(None)).order_by(crossings.c.id)
    return [(row.invoice, row.stage) for row in harness.rows(used)]


# Clicks that come too late, twice, or at once


def test_a_stale_card_is_refused(a_harness: CompanyHarness) -> None:
    """A button is bound to its draft and hash: neither an old one nor a forged one counts."""
    old = a_harness.click("UCOLLECT")
    a_harness.rewrite("ULEAD1")
    present = a_harness.click("UCOLLECT")
    for click in (
        old,
        Click("UCOLLECT", "1", present.draft, old.draft_hash),
        Click("UCOLLECT", "1", old.draft, present.draft_hash),
        Click("UCOLLECT", "1", "999999", present.draft_hash),
        Click("UCOLLECT", "1"),
    ):
        assert a_harness.approve(click) is Answer.STALE
        assert a_harness.reject(click, Rejection(RejectReason.NOT_NEEDED)) is Answer.STALE
        assert a_harness.edit(click, Text("x", "y")) is Answer.STALE
    assert a_harness.approve(present) is Answer.RECORDED


@pytest.mark.parametrize("case", ["999", "", "-1", "1 OR 1=1", "²", "9" * 30])
def test_a_case_that_does_not_exist(a_harness: CompanyHarness, case: str) -> None:
    """Any other number, or none, is answered and changes nothing."""
    assert a_harness.approve(Click("UCOLLECT", case, "1", "")) is Answer.NO_CASE


def test_a_double_click_approves_once(a_harness: CompanyHarness) -> None:
    """The second click of the same person finds the case decided, by that person."""
    click = a_harness.click("UCOLLECT")
    assert a_harness.approve(click) is Answer.RECORDED
    said = a_harness.go(approving.approve, click)
    assert (said.answer, said.by.actor) == (Answer.DECIDED, "UCOLLECT")
    assert len(a_harness.rows(select(decisions))) == 1


@pytest.mark.parametrize("second", ["UCOLLECT", "ULEAD1"])
def test_two_clicks_in_the_same_instant(
    shared: SharedStandIns, home_url: str, tmp_path: Path, second: str
) -> None:
    """The first one wins; the other is told who it was, on either database."""
    with ExitStack() as stack:
        harness: CompanyHarness = opener(stack, shared, home_url, tmp_path)(swept=True)
        harness.greet()
        clicks = [harness.click("UCOLLECT"), harness.click(second)]
        said = together(harness, clicks)
        assert sorted(one.answer for one in said) == [Answer.DECIDED, Answer.RECORDED]
        winner = next(i for i, one in enumerate(said) if one.answer is Answer.RECORDED)
        loser = said[1 - winner]
        assert loser.by is not None
        assert loser.by.actor == clicks[winner].user
        assert len(harness.logged("approval.given")) == 1


def together(harness: CompanyHarness, clicks: list[Click]) -> list[Reply]:
    """Everybody clicks Approve at once, each on a connection of their own."""
    start, said = threading.Barrier(len(clicks)), dict[int, Reply]()

    def click(number: int) -> None:
        start.wait(10)
        try:
            with harness.database.writing() as conn:
                policy = harness.services.policy
                said[number] = approving.approve(conn, policy, clicks[number], harness.now)
        except VerbRefused as no:
            said[number] = no.said

    threads = [threading.Thread(target=click, args=(n,)) for n in range(len(clicks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return [said[n] for n in range(len(clicks))]


def test_every_button_answers_in_every_state(a_harness: CompanyHarness) -> None:
    """Once it is decided, the buttons of a waiting card say so and change nothing."""
    day = a_harness.today + timedelta(days=3)
    a_harness.approve()
    for _ in ("approved", "done"):
        version = a_harness.case().version
        assert a_harness.approve("ULEAD1") is Answer.DECIDED
        assert a_harness.reject("ULEAD1", Rejection(RejectReason.NOT_NEEDED)) is Answer.DECIDED
        assert a_harness.edit("ULEAD1", Text("x", "y")) is Answer.DECIDED
        assert a_harness.hold("ULEAD1", Holding(HoldKind.QUIET, day)) is Answer.DECIDED
        assert a_harness.snooze("ULEAD1", day) is Answer.DECIDED
        assert a_harness.fine("ULEAD1") is Answer.DECIDED
        assert a_harness.look_again("ULEAD1") is Answer.DECIDED
        assert a_harness.draft_anyway("ULEAD1") is Answer.DECIDED
        assert a_harness.went() is a_harness.did_not_go() is Answer.DECIDED
        assert a_harness.case().version == version
        a_harness.wait_out()
    assert a_harness.undo() is Answer.TOO_LATE


# Two people


def test_two_collectors_are_not_enough(open_harness: OpenHarness) -> None:
    """Where two are needed one of them is a finance lead."""
    harness = open_harness(LARGE, {"people": {"collectors": ["UCOLLECT", "UMANAGER"]}}, swept=True)
    assert harness.approve("UCOLLECT") is Answer.SECOND_NEEDED
    assert harness.approve("UMANAGER") is Answer.SECOND_NEEDED
    assert harness.approve("ULEAD1") is Answer.RECORDED


def test_the_editor_counts_as_one_at_most(open_harness: OpenHarness) -> None:
    """Whoever wrote the text may be one of the two, and needs another."""
    harness = open_harness(LARGE, swept=True)
    harness.rewrite("ULEAD1")
    assert harness.approve("ULEAD1") is Answer.SECOND_NEEDED
    assert harness.approve("ULEAD1") is Answer.ALREADY_APPROVED
    assert harness.approve("UCOLLECT") is Answer.RECORDED
    harness.wait_out()
    assert len(harness.mails) == 1


def test_an_edit_voids_the_first_approval(open_harness: OpenHarness) -> None:
    """Half an approval falls with its text, and its giver is told by whom, unless they did it."""
    harness = open_harness(LARGE, swept=True)
    harness.approve("UCOLLECT")
    harness.rewrite("ULEAD1")
    assert any(
        "<@UCOLLECT>" in text and "Ulead1 has edited" in text for text in harness.said("thread")
    )
    assert harness.approve("ULEAD2") is Answer.SECOND_NEEDED
    harness.rewrite("ULEAD2", "Many thanks.")
    assert not any("ULEAD2" in text for text in harness.said("thread"))
    assert harness.approve("ULEAD1") is Answer.SECOND_NEEDED


def test_an_edit_points_to_its_unusual_words(a_harness: CompanyHarness) -> None:
    """The words of the letter itself are usual, and so are names, amounts and days of the case."""
    assert a_harness.view().unusual_words == ()
    a_harness.rewrite("UCOLLECT", "Many thanks.")
    assert a_harness.view().unusual_words == ()
    a_harness.rewrite("UCOLLECT", "Our gardener and the walrus say hello.")
    assert a_harness.view().unusual_words == ("gardener", "walrus")


def test_an_edit_names_no_other_customer(open_harness: OpenHarness) -> None:
    """A name of several words is refused; one word is a gate, which stays with the text when it is
    drafted again. A job that is billed through a customer may be called anything."""
    names = {"2": "Peregrine Logistics Inc", "3": "Peregrine", "4": "Kitchen Remodel"}
    job = {"ParentRef": {"value": "2"}, "Job": True, "BillWithParent": True}
    others = [customer(id, DisplayName=name) for id, name in names.items()]
    others[2] |= job
    bills = [invoice(f"7{n}", n, "840.00", 12) for n in "1234"]
    harness = open_harness(books(customer("1"), *others, *bills), swept=True)
    letter = harness.view(harness.case("1")).letter
    assert letter is not None

    def edit(said: str, *, insist: bool = False) -> list[tuple[str, bool]]:
        body = letter.body.replace("\n\nThank you and", f"\n\nIt went {said}.\n\nThank you and")
        click = harness.click("UCOLLECT", harness.case("1"))
        answer = harness.edit(click, Text(letter.subject, body, insist))
        if isinstance(answer, Answer):
            assert answer is Answer.RECORDED
            return []
        return [(one.kind, one.hard) for one in answer.violations]

    assert edit("with the kitchen remodel") == []
    assert edit("with Peregrine Logistics", insist=True) == [("another_customer", True)]
    assert edit("with Peregrine") == [("like_another_customer", False)]
    assert edit("with Peregrine", insist=True) == []
    assert "text_breaks_a_rule" in harness.rules(harness.case("1"))
    version = harness.view(harness.case("1")).draft_version
    assert harness.go(look.look_again, harness.click("ULEAD1", harness.case("1"))).recorded
    harness.run("triage")
    view = harness.view(harness.case("1"))
    assert view.draft_version > version
    assert view.violations == ("“Peregrine” is also the name of another customer.",)
    assert "text_breaks_a_rule" in harness.rules(harness.case("1"))


def test_an_edit_that_insists_needs_two(a_harness: CompanyHarness) -> None:
    """Terms marked as such are shown first; saved anyway, a second person has to approve."""
    letter = a_harness.view().letter
    assert letter is not None
    body = letter.body.replace(
        "\n\nThank you and kind", "\n\nWe allow 3 days.\n\nThank you and kind"
    )
    unmarked = a_harness.edit("UCOLLECT", Text(letter.subject, body, insist=True))
    assert not isinstance(unmarked, Answer)
    assert unmarked.hard
    shown = a_harness.edit("UCOLLECT", Text(letter.subject, body, marked=True))
    assert not isinstance(shown, Answer)
    assert not shown.hard
    terms = Text(letter.subject, body, insist=True, marked=True)
    assert a_harness.edit("UCOLLECT", terms) is Answer.RECORDED
    assert "marked as an instalment" in a_harness.view().violations[0]
    assert a_harness.approve("UCOLLECT") is Answer.SECOND_NEEDED
    assert a_harness.approve("ULEAD1") is Answer.RECORDED
    a_harness.wait_out()
    assert len(a_harness.mails) == 1


@pytest.mark.parametrize(
    "words",
    [
        "Write to boss@evil.example.",
        "Pay at https://evil.example/now.",
        "Our IBAN is DE02 1203 0000 0000 2020 51.",
        "Make the cheque out to Robin Roe.",
        "You can also use PayPal.",
        "The open balance is $931.40.",
        "Invoice 171 is open with $931.40.",
    ],
)
def test_some_text_nobody_can_save(a_harness: CompanyHarness, words: str) -> None:
    """What moves money, or a figure that is not the ledger's, is refused even from people."""
    letter = a_harness.view().letter
    assert letter is not None
    closing = "\n\nThank you and kind"
    body = letter.body.replace(closing, f"\n\n{words}{closing}")
    said = a_harness.edit("ULEAD1", Text(letter.subject, body, insist=True, marked=True))
    assert not isinstance(said, Answer)
    assert said.hard
    assert a_harness.versions() == 1


# Reject


def test_not_needed_comes_back_at_the_next_stage(open_harness: OpenHarness) -> None:
    """A rejected reminder is over; the follow-up comes in its time."""
    harness = open_harness(books(customer("1"), invoice("71", "1", "840.00", 5)), swept=True)
    assert (
        harness.reject("UCOLLECT", Rejection(RejectReason.NOT_NEEDED, "they called"))
        is Answer.RECORDED
    )
    assert (harness.state(), harness.view().end_reason) == (State.REJECTED, "they called")
    harness.time.later(days=1)
    harness.sweep()
    assert len(harness.cases()) == 1
    harness.time.later(days=4)
    harness.sweep()
    assert [int(case.stage) for case in harness.cases()] == [1, 2]


def test_a_comment_stands_once_on_the_card(a_harness: CompanyHarness) -> None:
    """Whether it ended the case, put it off, or came with a hold, whose kind is said as well."""
    day = a_harness.today + timedelta(days=3)
    for what, told in (
        (Rejection(RejectReason.OTHER, "they moved"), "Rejected: other"),
        (Holding(HoldKind.PLAN, day, "they moved"), "On hold: payment plan"),
        (Rejection(RejectReason.ALREADY_PAID, "they moved"), "Waiting for the payment"),
    ):
        if isinstance(what, Holding):
            a_harness.hold("ULEAD1", what)
        else:
            a_harness.reject("UCOLLECT", what)
        text = card(a_harness.view(), a_harness.now, people={}).text
        assert text.count("hey moved") == 1
        assert told in text
        a_harness.undo()
        a_harness.go(lift, "ULEAD1")
        a_harness.run("triage")


def test_paid_on_account_waits_until_it_is_applied(a_harness: CompanyHarness) -> None:
    """The card names the money: what is missing is that somebody applies it."""
    a_harness.credit("1", "840.00")
    a_harness.refresh()
    assert a_harness.reject("UCOLLECT", Rejection(RejectReason.ALREADY_PAID)) is Answer.RECORDED
    assert a_harness.view().end_reason.endswith("if it is not applied.")
    text = card(a_harness.view(), a_harness.now, people={}).text
    assert "Waiting for the payment to be applied" in text


def test_already_paid_waits_five_working_days(a_harness: CompanyHarness) -> None:
    """The case sleeps for five working days, then asks again; a payment closes it meanwhile."""
    assert a_harness.reject("UCOLLECT", Rejection(RejectReason.ALREADY_PAID)) is Answer.RECORDED
    assert a_harness.state() is State.SNOOZED
    a_harness.time.later(days=4)
    a_harness.sweep()
    assert a_harness.state() is State.SNOOZED
    a_harness.time.later(days=1)
    a_harness.run("triage")
    assert a_harness.state() is State.WAITING
    assert len(a_harness.cases()) == 1


def test_a_payment_ends_what_waited_for_it(a_harness: CompanyHarness) -> None:
    """The quiet time goes with the case: nobody reviews on a later day what has been paid."""
    a_harness.reject("UCOLLECT", Rejection(RejectReason.ALREADY_PAID))
    a_harness.notify(a_harness.pay("71", "840.00"))
    assert a_harness.state() is State.CANCELLED
    with a_harness.database.reading() as conn:
        assert history.unlifted(conn, a_harness.realm, "1") == ()


def test_wrong_contact_is_never_until_confirmed(a_harness: CompanyHarness) -> None:
    """The address is not used again until a person confirms one; no stage is lost by it."""
    assert a_harness.reject("UCOLLECT", Rejection(RejectReason.WRONG_CONTACT)) is Answer.RECORDED
    assert not crossed(a_harness)
    a_harness.time.later(days=1)
    a_harness.sweep()
    assert a_harness.rules() == {"wrong_contact"}
    assert a_harness.view().letter is None


@pytest.mark.parametrize(
    "why", [RejectReason.NOT_NEEDED, RejectReason.OTHER, RejectReason.WRONG_CONTACT]
)
def test_a_rejection_can_be_undone(a_harness: CompanyHarness, why: RejectReason) -> None:
    """The text waits again as a new draft, its stages are its own, the address is right again."""
    before = crossed(a_harness)
    a_harness.reject("UCOLLECT", Rejection(why, "a mistake"))
    assert a_harness.view().may_return
    assert a_harness.undo("UMANAGER") is Answer.NOT_ALLOWED
    assert a_harness.undo("ULEAD1") is Answer.RECORDED
    assert (a_harness.state(), a_harness.case().row.closed_at) == (State.WAITING, None)
    assert crossed(a_harness) == before
    a_harness.sweep()
    assert (len(a_harness.cases()), a_harness.rules()) == (1, set())
    assert "Ulead1 took the rejection back." in a_harness.said("thread")
    assert a_harness.approve() is Answer.RECORDED
    a_harness.wait_out()
    assert len(a_harness.mails) == 1


@pytest.mark.parametrize("what", ["case", "hold", "contact", "moved"])
def test_a_rejection_stands_once_something_has_followed(
    a_harness: CompanyHarness, what: str
) -> None:
    """Undo is refused with what it was, and the card offers it no more."""
    a_harness.reject("UCOLLECT", Rejection(RejectReason.WRONG_CONTACT))
    rejected, mine = a_harness.case(), a_harness.case().customer
    if what == "case":
        a_harness.sweep()
    with a_harness.database.writing() as conn:
        if what == "hold":
            until = a_harness.today + timedelta(days=3)
            kind, now = HoldKind.QUIET, a_harness.now
            history.hold(conn, a_harness.realm, mine, (), kind, until, "ULEAD1", "", now)
        if what == "contact":
            sent = {"state": "sent", "began_at": a_harness.now, "recipient": "x@y.example"}
            conn.execute(
                insert(sends).values(
                    SEND | sent | {"case_id": rejected.id, "draft": rejected.draft}
                )
            )
        if what == "moved":
            given = dict(conn.execute(select(crossings)).mappings().one())
            del given["id"]
            conn.execute(insert(crossings).values(given | {"released_at": None}))
    said = a_harness.go(undoing.undo, a_harness.click("UCOLLECT", rejected))
    assert said.answer is Answer.FOLLOWED
    told = {"case": "Case 2 of", "hold": "on hold", "contact": "contacted", "moved": "Another case"}
    assert told[what] in said.detail
    assert not a_harness.view(rejected).may_return
    assert a_harness.cases()[0].state is State.REJECTED


def test_after_a_wrong_contact_another_address_is_confirmed(a_harness: CompanyHarness) -> None:
    """On the rejected card: the customer is written to there, in a case of its own."""
    a_harness.reject("UCOLLECT", Rejection(RejectReason.WRONG_CONTACT))
    (invoice_71,) = [i for i in a_harness.books.tables["Invoice"] if i == "71"]
    a_harness.change("Invoice", invoice_71, BillEmail={"Address": "ap@customer1.example"})
    said = a_harness.go(look.confirm_address, a_harness.click("UCOLLECT"), "ap@customer1.example")
    assert said.answer is Answer.RECORDED
    a_harness.run("triage")
    first, second = a_harness.cases()
    assert (first.state, second.state) == (State.REJECTED, State.WAITING)
    letter = a_harness.view(second).letter
    assert letter is not None
    assert letter.to == "ap@customer1.example"
    assert a_harness.go(undoing.undo, a_harness.click("UCOLLECT", first)).answer is Answer.FOLLOWED


def test_a_dispute_takes_out_the_chosen_invoices(open_harness: OpenHarness) -> None:
    """The others go on without them; after the review date they come back at their stage."""
    harness = open_harness(TWO, swept=True)
    assert (
        harness.reject("UCOLLECT", Rejection(RejectReason.DISPUTED, "", ("72",))) is Answer.RECORDED
    )
    harness.run("triage")
    letter = harness.view().letter
    assert letter is not None
    assert [i.id for i in letter.invoices] == ["71"]
    assert "172" not in letter.body
    assert crossed(harness) == [("71", 2)]
    harness.time.later(days=14)
    harness.sweep()
    assert ("72", 2) in crossed(harness)


def test_a_dispute_of_everything_ends_the_case(a_harness: CompanyHarness) -> None:
    """Where all of it is disputed the case is held and its stages are given back."""
    assert (
        a_harness.reject("UCOLLECT", Rejection(RejectReason.DISPUTED, "", ("71",)))
        is Answer.RECORDED
    )
    assert a_harness.state() is State.HELD
    a_harness.time.later(days=1)
    a_harness.sweep()
    assert len(a_harness.cases()) == 1
    a_harness.time.later(days=13)
    a_harness.sweep()
    assert "dispute" in a_harness.rules()


# Hold and snooze


def test_a_hold_of_some_leaves_the_rest(open_harness: OpenHarness) -> None:
    """A promise about one invoice takes just that one out."""
    harness = open_harness(TWO, swept=True)
    until = harness.today + timedelta(days=10)
    holding = Holding(HoldKind.PROMISE, until, "promised", ("71",))
    assert harness.hold("UCOLLECT", holding) is Answer.RECORDED
    assert harness.approve() is Answer.STALE  # the old text cannot go any more
    harness.run("triage")
    with harness.database.reading() as conn:
        (listed,), _ = picture.top_cases(conn, harness.company, "", harness.now, 5)
    assert listed.open == harness.view().facts.total_overdue  # as its card says
    assert harness.approve() is Answer.RECORDED
    harness.wait_out()
    assert "171" not in harness.mails[0].shown()["text"]


def test_a_held_customer_is_left_in_peace(a_harness: CompanyHarness) -> None:
    """A quiet time ends the case; a new one waits for the date, without a card."""
    until = a_harness.today + timedelta(days=14)
    a_harness.hold("UCOLLECT", Holding(HoldKind.QUIET, until))
    assert a_harness.state() is State.HELD
    a_harness.time.later(days=1)
    a_harness.sweep()
    assert (a_harness.state(), a_harness.rules()) == (State.NEW, {"on_hold"})
    assert len(a_harness.cards()) == 1
    a_harness.time.later(days=13)
    a_harness.run("triage")
    assert a_harness.state() is State.WAITING


def test_a_snooze_wakes_by_itself(a_harness: CompanyHarness) -> None:
    """The card comes back on its day, gathered anew."""
    a_harness.snooze("UCOLLECT", a_harness.today + timedelta(days=3))
    a_harness.time.later(days=2)
    a_harness.run("triage")
    assert a_harness.state() is State.SNOOZED
    a_harness.time.later(days=1)
    a_harness.run("triage")
    assert a_harness.state() is State.WAITING


def test_look_again_ends_a_snooze(a_harness: CompanyHarness) -> None:
    """Somebody who wants the card back now has it at once."""
    a_harness.snooze("UCOLLECT", a_harness.today + timedelta(days=3))
    assert a_harness.look_again("UCOLLECT") is Answer.RECORDED
    a_harness.run("triage")
    assert a_harness.state() is State.WAITING
    assert a_harness.approve() is Answer.RECORDED


# It was sent, it was not


@pytest.mark.parametrize("verb", ["went", "did_not_go"])
def test_what_nobody_knows_is_settled_once(a_harness: CompanyHarness, verb: str) -> None:
    """After one person has said what became of the mail, the other answer comes too late."""
    a_harness.approve()
    a_harness.fault("mail", "SMTP END", "late" if verb == "went" else "reset")
    a_harness.wait_out()
    assert a_harness.state() is State.UNKNOWN
    click = a_harness.click("ULEAD1")
    assert getattr(a_harness, verb)(click) is Answer.RECORDED
    a_harness.run("write_back")
    assert a_harness.went(click) is a_harness.did_not_go(click) is Answer.DECIDED
    assert len(a_harness.notes) == (1 if verb == "went" else 0)
    assert a_harness.state() is (State.DONE if verb == "went" else State.WAITING)
