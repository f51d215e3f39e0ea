"""The main job as people do it: every step by what stands on the page, none behind it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.flows.firms import COLLECTOR, OTHER_LEAD, Firm, Owing, firms, owing
from tests.real_processes import PATIENCE
from tests.sandbox.processes import LEAD, Sandbox

pytestmark = [
    pytest.mark.browser,
    pytest.mark.processes,
    pytest.mark.parametrize("running", ["sqlite"], indirect=True),
]

SECONDS = PATIENCE
PICTURES = os.environ.get("SCREENSHOTS")
"""A folder for pictures of the page; without it none is taken."""
ORDINARY = Owing("Amber Lane Café")
LARGE = Owing("Rook & Feather Events", "12400.00")
HUGE = Owing("Calder & Voss Interiors", "26500.00")
TWO = {"PrimaryEmailAddr": {"Address": "ann@two.example, bob@two.example"}}
SHARED = Owing("Stonebridge Property", more=TWO)


class Finance:
    """The finance channel of one company on the page, and somebody in front of it."""

    def __init__(self, company: Firm, tab: Page) -> None:
        self.company, self.tab = company, tab
        tab.set_viewport_size({"width": 1440, "height": 1500})
        tab.goto(f"{company.running.url}/#/archives/{company.channel}")

    def at(self, testid: str) -> Locator:
        """A part of the page."""
        return self.tab.get_by_test_id(testid)

    def be(self, user: str) -> None:
        """Sit down as somebody of the cast."""
        self.at(f"person-{user}").click()

    def card(self, words: str) -> Locator:
        """The newest message that says `words` now, whatever it will say later."""
        found = self.at("messages").locator("article:not(.private)", has_text=words).last
        see(found)
        return self.at(found.get_attribute("data-testid") or "")

    def press(self, card: Locator, action: str, *, agree: bool = False) -> None:
        """Click a button of a card, and confirm where a dialog asks."""
        card.get_by_test_id(f"action-{action}").click()
        if agree:
            self.at("confirm-yes").click()

    def told(self, words: str) -> Locator:
        """The private answer that says `words`."""
        found = self.at("messages").locator(".private", has_text=words).last
        see(found)
        return found

    def type(self, words: str) -> None:
        """Type `/overdue words` and press Enter."""
        self.at("command").fill(words)
        self.at("command").press("Enter")

    def order(self, words: str, answer: str) -> None:
        """Type a command until one is known and `answer` comes."""
        self.once_known(lambda: self.type(words))
        self.told(answer)

    def once_known(self, act: Callable[[], None]) -> None:
        """Do it again each time the answer is that one is being looked up."""
        private = self.at("messages").locator(".private")
        for _ in range(100):
            before = private.count()
            act()
            see(private.nth(before))
            if "looking you up" not in private.nth(before).inner_text():
                return
            see(private.nth(before + 1))  # what came of it

    def write(self, words: str) -> None:
        """Put these words in the place of the message's text.

        Between selecting the old text and typing, the page may draw the modal anew, and the new
        words would stand before the old ones.
        """
        field = self.at("action-body")
        for _ in range(3):
            field.fill(words)
            if field.input_value() == words:
                return
        expect(field).to_have_value(words)

    def submit(self) -> None:
        """Press the button of the modal."""
        self.at("modal-submit").click()

    def notes(self) -> Locator:
        """What stands beside, under QuickBooks."""
        self.at("tab-quickbooks").click()
        return self.at("panel")

    def mails(self) -> Locator:
        """The mails of this company's customers, beside."""
        self.at("tab-mailbox").click()
        mine = f"@{self.company.channel.lower()}.example"
        return self.at("panel").locator("article", has_text=mine)

    def shot(self, name: str) -> None:
        """A picture of the page for PICTURES; drawing it takes longer than most steps."""
        if PICTURES:
            self.tab.screenshot(path=Path(PICTURES) / f"{name}.png", animations="disabled")


def see(found: Locator, words: str = "") -> None:
    """Wait until it is there and says `words`; processes take longer than pages."""
    expect(found).to_be_visible(timeout=SECONDS * 1000)
    expect(found).to_contain_text(words, timeout=SECONDS * 1000)


@pytest.fixture(scope="session")
def companies(request: pytest.FixtureRequest, running: Sandbox) -> Iterator[dict[str, Firm]]:
    """A company of its own for each test that is going to run, all connected at the start.

    At the end our linter has found no fault in anything that was posted, opened or answered.
    """
    yield firms(running, owing(request.session.items, "page", "sqlite", (ORDINARY,)))
    assert running.world()["lint"] == []


@pytest.fixture
def page(companies: dict[str, Firm], request: pytest.FixtureRequest, tab: Page) -> Finance:
    """The page at the channel of the test's company; an ordinary customer owes unless `owed` says.

    The companies come before the tab: once a browser has started, this thread can run no other
    event loop.
    """
    tab.set_default_timeout(SECONDS * 1000)
    return Finance(companies[request.node.nodeid], tab)


def owed(*customers: Owing) -> pytest.MarkDecorator:
    """Who owes money in the test."""
    return pytest.mark.parametrize("page", [customers], indirect=True, ids=[customers[0].name])


def test_an_overdue_invoice_becomes_a_mail_and_a_note(page: Finance) -> None:
    """Card, click, undo window, mail in the mailbox, note in QuickBooks, and the card tells it."""
    card = page.card("Waiting for approval")
    see(card, "Amber Lane Café · $480.00 due")
    page.shot("01-card")
    page.press(card, "approve")
    page.told("Approved. Sends")
    page.shot("02-approved")
    see(page.mails(), "1011   due ")
    see(card, "QuickBooks note written")
    page.shot("03-sent")
    see(page.notes(), "reminder 1 e-mailed to the billing contact, approved in Slack")
    page.shot("04-note")


OFFER = "Would it help to pay $160.00 a month?"


def said(text: str, sentence: str) -> str:
    """The text of a letter with one sentence more before its close."""
    close = "\n\nThank you and kind regards"
    assert close in text
    return text.replace(close, f"\n\n{sentence}{close}")


def test_a_wrong_figure_is_shown_mended_and_sent_as_written(page: Finance) -> None:
    """The modal says what does not agree with the ledger; the mended text is what goes out."""
    card = page.card("Waiting for approval")
    page.press(card, "edit")
    text = page.at("action-body")
    right = text.input_value()
    page.shot("10-edit")
    page.write(right.replace("$480.00", "$48.00"))
    page.submit()
    see(page.at("modal"), "“$48.00” is not an amount")
    page.shot("11-violation")
    page.write(right + "\nSee https://example.com/pay")
    page.submit()
    see(page.at("modal"), "This cannot be saved.")
    expect(page.at("modal")).not_to_contain_text("$48.00")
    expect(page.at("modal")).not_to_contain_text("Save anyway")
    page.write(said(right, "Thank you for your business."))
    page.submit()
    expect(page.at("modal")).to_be_hidden()
    see(card, "edited by Cora Lindqvist")
    page.shot("12-edited")
    page.press(card, "approve", agree=True)
    see(page.mails(), "Thank you for your business.")


def test_what_is_saved_anyway_takes_a_second_person(page: Finance) -> None:
    """Its editor counts as one of the two, and one of them is a finance lead."""
    card = page.card("Waiting for approval")
    page.press(card, "edit")
    text = page.at("action-body")
    page.write(said(text.input_value(), OFFER))
    page.tab.get_by_text("This text offers instalments or a payment date").click()
    page.submit()
    see(page.at("modal"), "a second person must approve")
    page.submit()
    expect(page.at("modal")).to_be_hidden()
    see(card, "Waiting for 2 people")
    page.shot("13-saved-anyway")
    page.press(card, "approve", agree=True)
    page.told("Still needed: a finance lead")
    see(card, "Waiting for a finance lead")
    page.be(LEAD)
    page.press(card, "approve", agree=True)
    see(page.mails(), OFFER)


def test_a_link_cannot_be_saved_at_all(page: Finance) -> None:
    """The error stands above the message, the typed text stays, and nothing is offered beside."""
    page.press(page.card("Waiting for approval"), "edit")
    text = page.at("action-body")
    page.write(text.input_value() + "\nSee https://example.com/pay")
    page.submit()
    see(page.at("modal"), "This cannot be saved.")
    assert text.input_value().endswith("https://example.com/pay")
    page.shot("14-not-savable")
    page.at("modal-close").click()
    expect(page.at("modal")).to_be_hidden()


def test_a_rejection_says_why_on_the_card(page: Finance) -> None:
    """Each reason says its consequence before it is chosen; afterwards the card has no buttons."""
    card = page.card("Waiting for approval")
    page.press(card, "reject")
    see(page.at("modal"), "Waits 5 working days for the payment")
    page.at("option-not_needed").click()
    page.at("action-comment").fill("They always pay on the first.")
    page.shot("20-reject")
    page.submit()
    expect(page.at("modal")).to_be_hidden()
    see(card, "Rejected")
    see(card, "They always pay on the first.")
    expect(card.get_by_test_id("action-approve")).to_have_count(0)
    page.shot("21-rejected")


def test_an_approval_is_taken_back_in_time(page: Finance) -> None:
    """Nothing was sent, the message waits again, and approved anew it goes out once."""
    card = page.card("Waiting for approval")
    page.press(card, "approve")
    page.press(card, "undo")
    see(card, "Waiting for approval")
    page.shot("30-undone")
    expect(page.mails()).to_have_count(0)
    page.press(card, "approve")
    see(card, "QuickBooks note written")
    expect(page.mails()).to_have_count(1)


@owed(LARGE)
def test_a_large_sum_takes_two_people(page: Finance) -> None:
    """The collector, who does not count twice, then a finance lead."""
    card = page.card("Waiting for 2 people")
    card.get_by_test_id("action-approve").click()
    see(page.at("confirm"), "Rook & Feather Events")
    page.shot("40-confirm")
    page.at("confirm-yes").click()
    page.told("Still needed: a finance lead")
    see(card, "Waiting for a finance lead")
    page.shot("41-half")
    page.press(card, "approve", agree=True)
    page.told("A second person has to approve it too.")
    page.be(OTHER_LEAD)
    page.press(card, "approve", agree=True)
    see(page.mails(), "$12,400.00")
    see(card, "Louis Tan")
    page.shot("42-both")


def test_guests_and_strangers_are_refused_in_private(page: Finance) -> None:
    """Each is told why, nobody else sees it, and the card waits on."""
    card = page.card("Waiting for approval")
    page.be("USTRANGER")
    page.press(card, "approve")
    page.told("Only members of this organisation can act on these cards.")
    page.shot("50-stranger")
    page.be("UGUEST")
    page.press(card, "approve")
    page.told("Guests can read the cards but cannot act")
    page.shot("51-guest")
    page.be(COLLECTOR)
    expect(page.at("messages").locator(".private")).to_have_count(0)
    see(card, "Waiting for approval")


def test_an_old_picture_of_a_card_approves_nothing(page: Finance) -> None:
    """On a page that has not heard of a newer draft, the click is answered and nothing is sent."""
    card = page.card("Waiting for approval")
    page.tab.route("**/state", lambda route: route.abort())
    other = page.tab.context.new_page()
    colleague = Finance(page.company, other)
    colleague.be(LEAD)
    colleague.press(colleague.card("Waiting for approval"), "edit")
    text = colleague.at("action-body")
    colleague.write(said(text.input_value(), "I hope all is well."))
    colleague.submit()
    expect(colleague.at("modal")).to_be_hidden()
    see(colleague.card("edited by"), "I hope all is well.")
    expect(card).not_to_contain_text("I hope all is well.")
    page.press(card, "approve")
    page.tab.unroute("**/state")
    page.told("This card has changed since you saw it")
    see(card, "I hope all is well.")
    page.shot("60-stale")
    expect(page.mails()).to_have_count(0)


@owed(HUGE)
def test_a_stop_is_set_aside_by_a_finance_lead(page: Finance) -> None:
    """With a reason, for one draft; a collector cannot."""
    card = page.card("Stopped: no draft")
    page.shot("70-stopped")
    page.press(card, "draft_anyway")
    see(page.at("modal"), "This needs a finance lead")
    page.shot("71-not-a-lead")
    page.at("modal-close").click()
    page.be(LEAD)
    page.press(card, "draft_anyway")
    page.at("action-comment").fill("Agreed with their head of finance.")
    page.shot("72-draft-anyway")
    page.submit()
    see(card, "Waiting for 2 people")
    page.shot("73-drafted")


@owed(SHARED)
def test_one_of_several_addresses_is_confirmed(page: Finance) -> None:
    """Nothing goes to a guess: a person picks, and the draft is for that address."""
    card = page.card("Cannot be sent: several e-mail addresses in QuickBooks")
    page.shot("80-two-addresses")
    page.press(card, "confirm_address")
    page.at("modal").get_by_text("bob@two.example").click()
    page.shot("81-choose")
    page.submit()
    see(card, "To: bob@two.example")
    page.shot("82-addressed")


@owed(ORDINARY, LARGE)
def test_the_command_shows_what_is_overdue(page: Finance) -> None:
    """By age, with the cases that matter most, to the one who asked."""
    page.card("Waiting for 2 people")
    page.order("", "Overdue at Brass Fern Supply")
    page.shot("90-summary")
    page.told("$12,880.00")
    page.told("Rook & Feather Events")
    page.be(LEAD)
    expect(page.at("messages").locator(".private", has_text="Overdue at")).to_have_count(0)


@owed(ORDINARY, Owing("Birch Hollow Veterinary", "700.00"))
def test_cases_are_worked_through_one_after_the_other(page: Finance) -> None:
    """From the digest's Start: each decision leads on, Undo stands at the head, then it ends."""
    card = page.card("Birch Hollow Veterinary · $700.00 due")
    page.card("Amber Lane Café · $480.00 due")
    page.press(page.card("Good morning"), "start")
    modal = page.tab.locator("#modal")
    see(modal, "1 of 2")
    see(modal, "Birch Hollow Veterinary · $700.00 due")
    modal.get_by_test_id("action-approve").click()
    see(modal, "2 of 2")
    see(modal, "Approved: Birch Hollow Veterinary")
    page.shot("80-working-through")
    modal.get_by_test_id("action-skip").click()
    see(modal, "All done")
    page.at("modal-close").click()
    see(card, "QuickBooks note written")
    page.order("cash", "Cash outlook of Brass Fern Supply")
    see(page.told("Cash outlook of Brass Fern Supply").locator("figure.chart"), "Expected by week")
    page.shot("81-cash")


def test_a_pause_holds_what_is_approved(page: Finance) -> None:
    """Nothing goes while a finance lead has paused; it goes when one resumes."""
    card = page.card("Waiting for approval")
    page.order("pause", "This needs a finance lead")
    page.be(LEAD)
    page.order("pause", "Sending is paused")
    page.be(COLLECTOR)
    page.press(card, "approve")
    page.told("Approved.")
    see(card, "Approved")
    page.shot("95-paused")
    expect(page.mails()).to_have_count(0)
    page.be(LEAD)
    page.order("resume confirm", "Sending is resumed.")
    see(card, "QuickBooks note written")
    expect(page.mails()).to_have_count(1)
    page.shot("96-resumed")
