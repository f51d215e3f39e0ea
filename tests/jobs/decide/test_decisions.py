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
from jobs.store import history
from jobs.store.database.tables import crossings, decisions, sends
from tests.jobs.house import House, Neighbourhood, books, customer, invoice
from tests.jobs.houses import OpenHouse, opener

SEND = {"token": "t", "message_id": "<m>", "bytes_sha256": "", "attachments": []}
LARGE = books(customer("1"), invoice("71", "1", "12000.00", 12))
TWO = books(customer("1"), invoice("71", "1", "840.00", 12), invoice("72", "1", "60.00", 30))


def crossed(house: House) -> list[tuple[str, int]]:
    """The crossings that are in use."""
    used = select(crossings).where(crossings.c.released_at.is_(None)).order_by(crossings.c.id)
    return [(row.invoice, row.stage) for row in house.rows(used)]


# Clicks that come too late, twice, or at once


def test_a_stale_card_is_refused(a_house: House) -> None:
    """A button is bound to its draft and hash: neither an old one nor a forged one counts."""
    old = a_house.click("UCOLLECT")
    a_house.rewrite("ULEAD1")
    present = a_house.click("UCOLLECT")
    for click in (
        old,
        Click("UCOLLECT", "1", present.draft, old.draft_hash),
        Click("UCOLLECT", "1", old.draft, present.draft_hash),
        Click("UCOLLECT", "1", "999999", present.draft_hash),
        Click("UCOLLECT", "1"),
    ):
        assert a_house.approve(click) is Answer.STALE
        assert a_house.reject(click, Rejection(RejectReason.NOT_NEEDED)) is Answer.STALE
        assert a_house.edit(click, Text("x", "y")) is Answer.STALE
    assert a_house.approve(present) is Answer.RECORDED


@pytest.mark.parametrize("case", ["999", "", "-1", "1 OR 1=1", "²", "9" * 30])
def test_a_case_that_does_not_exist(a_house: House, case: str) -> None:
    """Any other number, or none, is answered and changes nothing."""
    assert a_house.approve(Click("UCOLLECT", case, "1", "")) is Answer.NO_CASE


def test_a_double_click_approves_once(a_house: House) -> None:
    """The second click of the same person finds the case decided, by that person."""
    click = a_house.click("UCOLLECT")
    assert a_house.approve(click) is Answer.RECORDED
    said = a_house.go(approving.approve, click)
    assert (said.answer, said.by.actor) == (Answer.DECIDED, "UCOLLECT")
    assert len(a_house.rows(select(decisions))) == 1


@pytest.mark.parametrize("second", ["UCOLLECT", "ULEAD1"])
def test_two_clicks_in_the_same_instant(
    neighbours: Neighbourhood, home_url: str, tmp_path: Path, second: str
) -> None:
    """The first one wins; the other is told who it was, on either database."""
    with ExitStack() as stack:
        house: House = opener(stack, neighbours, home_url, tmp_path)()
        house.sweep()
        house.greet()
        clicks = [house.click("UCOLLECT"), house.click(second)]
        said = together(house, clicks)
        assert sorted(one.answer for one in said) == [Answer.DECIDED, Answer.RECORDED]
        winner = next(i for i, one in enumerate(said) if one.answer is Answer.RECORDED)
        loser = said[1 - winner]
        assert loser.by is not None
        assert loser.by.actor == clicks[winner].user
        assert len(house.logged("approval.given")) == 1


def together(house: House, clicks: list[Click]) -> list[Reply]:
    """Everybody clicks Approve at once, each on a connection of their own."""
    start, said = threading.Barrier(len(clicks)), dict[int, Reply]()

    def click(number: int) -> None:
        start.wait(10)
        try:
            with house.database.writing() as conn:
                policy = house.services.policy
                said[number] = approving.approve(conn, policy, clicks[number], house.now)
        except VerbRefused as no:
            said[number] = no.said

    threads = [threading.Thread(target=click, args=(n,)) for n in range(len(clicks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return [said[n] for n in range(len(clicks))]


def test_every_button_answers_in_every_state(a_house: House) -> None:
    """Once it is decided, the buttons of a waiting card say so and change nothing."""
    day = a_house.today + timedelta(days=3)
    a_house.approve()
    for _ in ("approved", "done"):
        version = a_house.case().version
        assert a_house.approve("ULEAD1") is Answer.DECIDED
        assert a_house.reject("ULEAD1", Rejection(RejectReason.NOT_NEEDED)) is Answer.DECIDED
        assert a_house.edit("ULEAD1", Text("x", "y")) is Answer.DECIDED
        assert a_house.hold("ULEAD1", Holding(HoldKind.QUIET, day)) is Answer.DECIDED
        assert a_house.snooze("ULEAD1", day) is Answer.DECIDED
        assert a_house.fine("ULEAD1") is Answer.DECIDED
        assert a_house.look_again("ULEAD1") is Answer.DECIDED
        assert a_house.draft_anyway("ULEAD1") is Answer.DECIDED
        assert a_house.went() is a_house.did_not_go() is Answer.DECIDED
        assert a_house.case().version == version
        a_house.wait_out()
    assert a_house.undo() is Answer.TOO_LATE


# Two people


def test_two_collectors_are_not_enough(open_house: OpenHouse) -> None:
    """Where two are needed one of them is a finance lead."""
    house = open_house(LARGE, {"people": {"collectors": ["UCOLLECT", "UMANAGER"]}})
    house.sweep()
    assert house.approve("UCOLLECT") is Answer.SECOND_NEEDED
    assert house.approve("UMANAGER") is Answer.SECOND_NEEDED
    assert house.approve("ULEAD1") is Answer.RECORDED


def test_the_editor_counts_as_one_at_most(open_house: OpenHouse) -> None:
    """Whoever wrote the text may be one of the two, and needs another."""
    house = open_house(LARGE)
    house.sweep()
    house.rewrite("ULEAD1")
    assert house.approve("ULEAD1") is Answer.SECOND_NEEDED
    assert house.approve("ULEAD1") is Answer.ALREADY_APPROVED
    assert house.approve("UCOLLECT") is Answer.RECORDED
    house.wait_out()
    assert len(house.mails) == 1


def test_an_edit_voids_the_first_approval(open_house: OpenHouse) -> None:
    """Half an approval falls with its text, and its giver is told by whom, unless they did it."""
    house = open_house(LARGE)
    house.sweep()
    house.approve("UCOLLECT")
    house.rewrite("ULEAD1")
    assert any(
        "<@UCOLLECT>" in text and "Ulead1 has edited" in text for text in house.said("thread")
    )
    assert house.approve("ULEAD2") is Answer.SECOND_NEEDED
    house.rewrite("ULEAD2", "Many thanks.")
    assert not any("ULEAD2" in text for text in house.said("thread"))
    assert house.approve("ULEAD1") is Answer.SECOND_NEEDED


def test_an_edit_points_to_its_unusual_words(a_house: House) -> None:
    """The words of the letter itself are usual, and so are names, amounts and days of the case."""
    assert a_house.view().unusual_words == ()
    a_house.rewrite("UCOLLECT", "Many thanks.")
    assert a_house.view().unusual_words == ()
    a_house.rewrite("UCOLLECT", "Our gardener and the walrus say hello.")
    assert a_house.view().unusual_words == ("gardener", "walrus")


def test_an_edit_that_insists_needs_two(a_house: House) -> None:
    """Terms marked as such are shown first; saved anyway, a second person has to approve."""
    letter = a_house.view().letter
    assert letter is not None
    body = letter.body.replace(
        "\n\nThank you and kind", "\n\nWe allow 3 days.\n\nThank you and kind"
    )
    unmarked = a_house.edit("UCOLLECT", Text(letter.subject, body, insist=True))
    assert not isinstance(unmarked, Answer)
    assert unmarked.hard
    shown = a_house.edit("UCOLLECT", Text(letter.subject, body, marked=True))
    assert not isinstance(shown, Answer)
    assert not shown.hard
    terms = Text(letter.subject, body, insist=True, marked=True)
    assert a_house.edit("UCOLLECT", terms) is Answer.RECORDED
    assert "marked as an instalment" in a_house.view().violations[0]
    assert a_house.approve("UCOLLECT") is Answer.SECOND_NEEDED
    assert a_house.approve("ULEAD1") is Answer.RECORDED
    a_house.wait_out()
    assert len(a_house.mails) == 1


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
def test_some_text_nobody_can_save(a_house: House, words: str) -> None:
    """What moves money, or a figure that is not the ledger's, is refused even from people."""
    letter = a_house.view().letter
    assert letter is not None
    closing = "\n\nThank you and kind"
    body = letter.body.replace(closing, f"\n\n{words}{closing}")
    said = a_house.edit("ULEAD1", Text(letter.subject, body, insist=True, marked=True))
    assert not isinstance(said, Answer)
    assert said.hard
    assert a_house.versions() == 1


# Reject


def test_not_needed_comes_back_at_the_next_stage(open_house: OpenHouse) -> None:
    """A rejected reminder is over; the follow-up comes in its time."""
    house = open_house(books(customer("1"), invoice("71", "1", "840.00", 5)))
    house.sweep()
    assert (
        house.reject("UCOLLECT", Rejection(RejectReason.NOT_NEEDED, "they called"))
        is Answer.RECORDED
    )
    assert (house.state(), house.view().end_reason) == (State.REJECTED, "they called")
    house.time.later(days=1)
    house.sweep()
    assert len(house.cases()) == 1
    house.time.later(days=4)
    house.sweep()
    assert [int(case.stage) for case in house.cases()] == [1, 2]


def test_a_comment_stands_once_on_the_card(a_house: House) -> None:
    """Whether it ended the case, put it off, or came with a hold, whose kind is said as well."""
    day = a_house.today + timedelta(days=3)
    for what, told in (
        (Rejection(RejectReason.OTHER, "they moved"), "Rejected: other."),
        (Holding(HoldKind.PLAN, day, "they moved"), "On hold: payment plan."),
        (Rejection(RejectReason.ALREADY_PAID, "they moved"), "Waiting for the payment."),
    ):
        if isinstance(what, Holding):
            a_house.hold("ULEAD1", what)
        else:
            a_house.reject("UCOLLECT", what)
        text = card(a_house.view(), a_house.now, people={}).text
        assert text.count("hey moved") == 1
        assert told in text
        a_house.undo()
        a_house.go(lift, "ULEAD1")
        a_house.run("triage")


def test_paid_on_account_waits_until_it_is_applied(a_house: House) -> None:
    """The card names the money: what is missing is that somebody applies it."""
    a_house.credit("1", "840.00")
    a_house.refresh()
    assert a_house.reject("UCOLLECT", Rejection(RejectReason.ALREADY_PAID)) is Answer.RECORDED
    assert a_house.view().end_reason.endswith("if it is not applied.")
    text = card(a_house.view(), a_house.now, people={}).text
    assert "Waiting for the payment to be applied." in text


def test_already_paid_waits_five_working_days(a_house: House) -> None:
    """The case sleeps for five working days, then asks again; a payment closes it meanwhile."""
    assert a_house.reject("UCOLLECT", Rejection(RejectReason.ALREADY_PAID)) is Answer.RECORDED
    assert a_house.state() is State.SNOOZED
    a_house.time.later(days=4)
    a_house.sweep()
    assert a_house.state() is State.SNOOZED
    a_house.time.later(days=1)
    a_house.run("triage")
    assert a_house.state() is State.WAITING
    assert len(a_house.cases()) == 1


def test_a_payment_ends_what_waited_for_it(a_house: House) -> None:
    """The quiet time goes with the case: nobody reviews on a later day what has been paid."""
    a_house.reject("UCOLLECT", Rejection(RejectReason.ALREADY_PAID))
    a_house.notify(a_house.pay("71", "840.00"))
    assert a_house.state() is State.CANCELLED
    with a_house.database.reading() as conn:
        assert history.unlifted(conn, a_house.realm, "1") == ()


def test_wrong_contact_is_never_until_confirmed(a_house: House) -> None:
    """The address is not used again until a person confirms one; no stage is lost by it."""
    assert a_house.reject("UCOLLECT", Rejection(RejectReason.WRONG_CONTACT)) is Answer.RECORDED
    assert not crossed(a_house)
    a_house.time.later(days=1)
    a_house.sweep()
    assert a_house.rules() == {"wrong_contact"}
    assert a_house.view().letter is None


@pytest.mark.parametrize(
    "why", [RejectReason.NOT_NEEDED, RejectReason.OTHER, RejectReason.WRONG_CONTACT]
)
def test_a_rejection_can_be_undone(a_house: House, why: RejectReason) -> None:
    """The text waits again as a new draft, its stages are its own, the address is right again."""
    before = crossed(a_house)
    a_house.reject("UCOLLECT", Rejection(why, "a mistake"))
    assert a_house.view().may_return
    assert a_house.undo("UMANAGER") is Answer.NOT_ALLOWED
    assert a_house.undo("ULEAD1") is Answer.RECORDED
    assert (a_house.state(), a_house.case().row.closed_at) == (State.WAITING, None)
    assert crossed(a_house) == before
    a_house.sweep()
    assert (len(a_house.cases()), a_house.rules()) == (1, set())
    assert "Ulead1 took the rejection back." in a_house.said("thread")
    assert a_house.approve() is Answer.RECORDED
    a_house.wait_out()
    assert len(a_house.mails) == 1


@pytest.mark.parametrize("what", ["case", "hold", "contact", "moved"])
def test_a_rejection_stands_once_something_has_followed(a_house: House, what: str) -> None:
    """Undo is refused with what it was, and the card offers it no more."""
    a_house.reject("UCOLLECT", Rejection(RejectReason.WRONG_CONTACT))
    rejected, mine = a_house.case(), a_house.case().customer
    if what == "case":
        a_house.sweep()
    with a_house.database.writing() as conn:
        if what == "hold":
            until = a_house.today + timedelta(days=3)
            kind, now = HoldKind.QUIET, a_house.now
            history.hold(conn, a_house.realm, mine, (), kind, until, "ULEAD1", "", now)
        if what == "contact":
            sent = {"state": "sent", "began_at": a_house.now, "recipient": "x@y.example"}
            conn.execute(
                insert(sends).values(
                    SEND | sent | {"case_id": rejected.id, "draft": rejected.draft}
                )
            )
        if what == "moved":
            given = dict(conn.execute(select(crossings)).mappings().one())
            del given["id"]
            conn.execute(insert(crossings).values(given | {"released_at": None}))
    said = a_house.go(undoing.undo, a_house.click("UCOLLECT", rejected))
    assert said.answer is Answer.FOLLOWED
    told = {"case": "Case 2 of", "hold": "on hold", "contact": "contacted", "moved": "Another case"}
    assert told[what] in said.detail
    assert not a_house.view(rejected).may_return
    assert a_house.cases()[0].state is State.REJECTED


def test_after_a_wrong_contact_another_address_is_confirmed(a_house: House) -> None:
    """On the rejected card: the customer is written to there, in a case of its own."""
    a_house.reject("UCOLLECT", Rejection(RejectReason.WRONG_CONTACT))
    (invoice_71,) = [i for i in a_house.books.tables["Invoice"] if i == "71"]
    a_house.change("Invoice", invoice_71, BillEmail={"Address": "ap@customer1.example"})
    said = a_house.go(look.confirm_address, a_house.click("UCOLLECT"), "ap@customer1.example")
    assert said.answer is Answer.RECORDED
    a_house.run("triage")
    first, second = a_house.cases()
    assert (first.state, second.state) == (State.REJECTED, State.WAITING)
    letter = a_house.view(second).letter
    assert letter is not None
    assert letter.to == "ap@customer1.example"
    assert a_house.go(undoing.undo, a_house.click("UCOLLECT", first)).answer is Answer.FOLLOWED


def test_a_dispute_takes_out_the_chosen_invoices(open_house: OpenHouse) -> None:
    """The others go on without them; after the review date they come back at their stage."""
    house = open_house(TWO)
    house.sweep()
    assert (
        house.reject("UCOLLECT", Rejection(RejectReason.DISPUTED, "", ("72",))) is Answer.RECORDED
    )
    house.run("triage")
    letter = house.view().letter
    assert letter is not None
    assert [i.id for i in letter.invoices] == ["71"]
    assert "172" not in letter.body
    assert crossed(house) == [("71", 2)]
    house.time.later(days=14)
    house.sweep()
    assert ("72", 2) in crossed(house)


def test_a_dispute_of_everything_ends_the_case(a_house: House) -> None:
    """Where all of it is disputed the case is held and its stages are given back."""
    assert (
        a_house.reject("UCOLLECT", Rejection(RejectReason.DISPUTED, "", ("71",))) is Answer.RECORDED
    )
    assert a_house.state() is State.HELD
    a_house.time.later(days=1)
    a_house.sweep()
    assert len(a_house.cases()) == 1
    a_house.time.later(days=13)
    a_house.sweep()
    assert "dispute" in a_house.rules()


# Hold and snooze


def test_a_hold_of_some_leaves_the_rest(open_house: OpenHouse) -> None:
    """A promise about one invoice takes just that one out."""
    house = open_house(TWO)
    house.sweep()
    until = house.today + timedelta(days=10)
    holding = Holding(HoldKind.PROMISE, until, "promised", ("71",))
    assert house.hold("UCOLLECT", holding) is Answer.RECORDED
    assert house.approve() is Answer.STALE  # the old text cannot go any more
    house.run("triage")
    with house.database.reading() as conn:
        (listed,), _ = picture.top_cases(conn, house.company, "", house.now, 5)
    assert listed.open == house.view().facts.total_overdue  # as its card says
    assert house.approve() is Answer.RECORDED
    house.wait_out()
    assert "171" not in house.mails[0].shown()["text"]


def test_a_held_customer_is_left_in_peace(a_house: House) -> None:
    """A quiet time ends the case; a new one waits for the date, without a card."""
    until = a_house.today + timedelta(days=14)
    a_house.hold("UCOLLECT", Holding(HoldKind.QUIET, until))
    assert a_house.state() is State.HELD
    a_house.time.later(days=1)
    a_house.sweep()
    assert (a_house.state(), a_house.rules()) == (State.NEW, {"on_hold"})
    assert len(a_house.cards()) == 1
    a_house.time.later(days=13)
    a_house.run("triage")
    assert a_house.state() is State.WAITING


def test_a_snooze_wakes_by_itself(a_house: House) -> None:
    """The card comes back on its day, gathered anew."""
    a_house.snooze("UCOLLECT", a_house.today + timedelta(days=3))
    a_house.time.later(days=2)
    a_house.run("triage")
    assert a_house.state() is State.SNOOZED
    a_house.time.later(days=1)
    a_house.run("triage")
    assert a_house.state() is State.WAITING


def test_look_again_ends_a_snooze(a_house: House) -> None:
    """Somebody who wants the card back now has it at once."""
    a_house.snooze("UCOLLECT", a_house.today + timedelta(days=3))
    assert a_house.look_again("UCOLLECT") is Answer.RECORDED
    a_house.run("triage")
    assert a_house.state() is State.WAITING
    assert a_house.approve() is Answer.RECORDED


# It was sent, it was not


@pytest.mark.parametrize("verb", ["went", "did_not_go"])
def test_what_nobody_knows_is_settled_once(a_house: House, verb: str) -> None:
    """After one person has said what became of the mail, the other answer comes too late."""
    a_house.approve()
    a_house.fault("mail", "SMTP END", "late" if verb == "went" else "reset")
    a_house.wait_out()
    assert a_house.state() is State.UNKNOWN
    click = a_house.click("ULEAD1")
    assert getattr(a_house, verb)(click) is Answer.RECORDED
    a_house.run("write_back")
    assert a_house.went(click) is a_house.did_not_go(click) is Answer.DECIDED
    assert len(a_house.notes) == (1 if verb == "went" else 0)
    assert a_house.state() is (State.DONE if verb == "went" else State.WAITING)
