"""Sources besides the ledger: what they say counts, and what they do not say is never "clean"."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from jobs.decide.access import Answer
from jobs.decide.edit import Text
from jobs.decide.hold import Holding
from jobs.mail.addresses import named
from jobs.rules.facts.findings import Owner
from jobs.rules.facts.past import HoldKind
from jobs.rules.policy.rights import POLICY_FILE, Manager
from jobs.rules.rulings import Kind
from jobs.rules.states import State
from jobs.sources.imap import ImapServer
from jobs.sources.mailbox import Mailbox, Us
from jobs.store import managers, people, work
from jobs.store.database.tables import assessments, schedule
from tests.jobs.house import MANAGER, House, books, customer, invoice
from tests.jobs.houses import OpenHouse
from tests.jobs.sources.help_desk import HelpDesk
from tests.sandbox.inbox import Inbox


def with_desk(house: House) -> HelpDesk:
    """The help desk that this house has from now on."""
    desk = HelpDesk()
    house.add_source(desk)
    return desk


def test_a_ticket_stops_a_case(open_house: OpenHouse) -> None:
    """Its text is read like any other, and quoted; other customers of the reading go on."""
    house = open_house(
        books(
            customer("1"),
            customer("2", email="ap@b.example, Boss@B.example"),
            invoice("71", "1", "840.00", 12),
            invoice("72", "2", "90.00", 12),
            invoice("73", "2", "90.00", -9, BillEmail={"Address": "c@b.example"}),
        )
    )
    desk = with_desk(house)
    desk.texts["1"] = "Hello,\nwe dispute this bill.\n"
    house.sweep()
    asked = [account for reading in desk.readings for account in reading]
    addresses = {account.id: account.addresses for account in asked}
    assert addresses["2"] >= {"ap@b.example", "boss@b.example", "c@b.example"}
    view = house.view(house.case("1"))
    assert view.letter is None
    assert {"dispute", "open_ticket"} <= {ruling.rule for ruling in view.rulings}
    assert "we dispute this bill." in [one.quote for one in view.evidence]
    assert house.rules(house.case("2")) == {"several_recipients"}
    desk.texts["1"], desk.subject = "Thank you, that is settled.", "Delivery"
    house.refresh(house.case("1"))
    assert house.view(house.case("1")).letter is not None


def test_an_outage_waits_then_stops_then_heals(open_house: OpenHouse) -> None:
    """No card for four hours, then one without a draft; an answer completes the same card."""
    house = open_house()
    desk = with_desk(house)
    desk.away = "It answered 503."
    house.sweep()
    assert (house.state(), house.rules(), house.cards()) == (State.NEW, {"source_away"}, [])
    house.time.later(minutes=15)
    desk.away = "It did not answer."
    house.run("triage")
    house.time.later(hours=3, minutes=44)
    house.run("triage")
    assert (house.state(), house.cards()) == (State.NEW, [])
    house.time.later(minutes=1)
    house.run("triage")
    (ruling,) = house.view().rulings
    assert (house.state(), house.view().letter) == (State.WAITING, None)
    assert (ruling.kind, ruling.rule) == (Kind.STOP, "source_down")
    since = "The help desk has not been readable since November 18, 2026: It answered 503."
    assert since in ruling.reason
    assert house.view().sources_down == ("help desk",)
    version = house.case().version
    house.time.later(minutes=15)
    house.run("triage")
    assert house.case().version == version
    desk.away = ""
    house.time.later(minutes=15)
    house.run("triage")
    assert house.view().letter is not None
    assert house.rules() == set()
    assert house.view().sources_down == ()
    assert house.view().sources_absent == ("CRM", "mailbox")
    assert house.cards() == [house.case().id]


def test_a_lead_may_write_in_spite_of_an_outage(open_house: OpenHouse) -> None:
    """The stop is set aside while the outage lasts, whatever the source says about it by then."""
    house = open_house()
    desk = with_desk(house)
    desk.away = "It answered 503."
    house.sweep()
    house.time.later(hours=4)
    house.run("triage")
    assert house.draft_anyway("ULEAD1") is Answer.RECORDED
    desk.away = "It did not answer."
    house.time.later(minutes=15)
    house.run("triage")
    assert house.view().letter is not None
    desk.away = ""
    desk.texts["1"] = "We dispute this bill."
    house.refresh()
    assert house.view().letter is None


def test_a_source_that_raises_ends_nothing(open_house: OpenHouse) -> None:
    """It is down for its customers; the batch goes on, and nobody is taken for clean."""
    house = open_house()
    desk = with_desk(house)
    desk.answer = ZeroDivisionError("a mistake of its author")
    house.sweep()
    assert (house.state(), house.rules()) == (State.NEW, {"source_away"})
    assert house.case().attempts == 0


def test_mail_that_came_back_forbids_the_address(open_house: OpenHouse) -> None:
    """A bounce seen by a source counts like one of our own, and a colleague's mail like ours."""
    house = open_house()
    desk = with_desk(house)
    desk.bounced = frozenset({"billing@customer1.example"})
    house.sweep()
    assert "address_bounced" in house.rules()
    desk.bounced, desk.we_wrote_at = frozenset(), house.now
    house.refresh()
    assert (house.state(), house.rules()) == (State.SNOOZED, {"too_soon"})


def test_the_owner_in_a_source_looks_after_the_customer(open_house: OpenHouse) -> None:
    """Found in Slack by the address, the owner edits and holds, and never approves.

    That lasts while Slack's answer is recent and the source names them; the policy file goes first.
    """
    house = open_house(policy={"people": {"managers_approve": True}})
    desk, marc = with_desk(house), "marc@brassfern.example"
    desk.owner = Owner("Marc", marc)
    with house.database.writing() as conn:
        work.ensure(conn, work.EVERYBODY, "people", house.now + timedelta(minutes=5))
    house.sweep()
    assert house.view().manager == Manager("", "help desk", "Marc")
    assert [row.owner for row in house.rows(select(assessments))] == [marc]
    due = select(schedule).where(schedule.c.kind == "people")
    assert [row.due_at for row in house.rows(due)] == [house.now]
    hold = Holding(HoldKind.QUIET, house.today + timedelta(days=14))
    assert house.hold("UMANAGER", hold) is Answer.NOT_ALLOWED

    def found(user: str) -> None:
        with house.database.writing() as conn:
            people.put_address(conn, marc, user, house.now)

    def owned() -> frozenset[str]:
        with house.database.reading() as conn:
            return managers.owned(conn, house.realm, house.policy, "UMANAGER", house.now)

    found("UMANAGER")
    assert house.view().manager == Manager("UMANAGER", "help desk", "Marc")
    assert owned() == {"1"}
    assert house.approve("UMANAGER") is Answer.NOT_ALLOWED
    letter = house.view().letter
    assert letter is not None
    changed = Text(letter.subject, letter.body.replace("Hello", "Good day"))
    assert house.edit("UMANAGER", changed) is Answer.RECORDED
    assert house.fine("UMANAGER") is Answer.RECORDED
    assert house.approve("UMANAGER") is Answer.NOT_ALLOWED
    found("")
    assert (house.hold("UMANAGER", hold), owned()) == (Answer.NOT_ALLOWED, frozenset())
    found("UMANAGER")
    house.time.later(minutes=15)
    assert (house.hold("UMANAGER", hold), owned()) == (Answer.NOT_ALLOWED, frozenset())
    found("UMANAGER")
    house.change_policy(account_manager=[{**MANAGER, "slack": "ULEAD2", "customers": ["1"]}])
    assert house.view().manager == Manager("ULEAD2", POLICY_FILE)
    assert house.hold("UMANAGER", hold) is Answer.NOT_ALLOWED
    house.change_policy(account_manager=[])
    desk.owner = None
    house.refresh()
    assert (house.view().manager, owned()) == (None, frozenset())
    desk.owner = Owner("Marc", marc)
    house.refresh()
    found("UMANAGER")
    assert house.hold("UMANAGER", hold) is Answer.RECORDED


def with_mailbox(house: House, folder: str) -> Inbox:
    """The finance mailbox that this house has from now on, in a folder of its own."""
    inbox = house.outside.inbox
    inbox.folder = folder
    us = Us(named(house.process.settings.mail_from))
    house.add_source(Mailbox(ImapServer.from_url(inbox.url), us))
    return inbox


def test_an_answer_voids_the_approval_and_is_read(open_house: OpenHouse) -> None:
    """Between approval and sending the customer writes: nothing goes, and the card quotes it."""
    house = open_house()
    inbox = with_mailbox(house, "before it went")
    house.sweep()
    assert house.approve() is Answer.RECORDED
    inbox.receive({"from": "bob@customer1.example", "text": "Hello,\nwe dispute this bill."})
    house.wait_out()
    house.run("send", "triage")
    assert (house.mails, house.state()) == ([], State.WAITING)
    assert house.view().letter is None
    assert "we dispute this bill." in [one.quote for one in house.view().evidence]


def test_an_answer_to_our_message_counts_whoever_writes_it(open_house: OpenHouse) -> None:
    """Of a stranger's mails only the one in our thread is about the customer."""
    house = open_house()
    inbox = with_mailbox(house, "after it went")
    house.sweep()
    assert house.approve() is Answer.RECORDED
    house.wait_out()
    house.run("send", "write_back")
    (sent,) = house.mails
    for more in ({}, {"in_reply_to": str(sent.message["Message-ID"])}):
        text = "We dispute it." if more else "We pay nothing."
        inbox.receive({"from": "kate@books.example", "text": text} | more)
    house.time.later(days=21)
    house.sweep()
    quotes = {one.quote for one in house.view().evidence}
    assert "We dispute it." in quotes
    assert "We pay nothing." not in quotes
    assert "dispute" in house.rules()
