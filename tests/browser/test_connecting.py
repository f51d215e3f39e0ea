"""Connecting companies as a finance lead does: from App Home through the browser to the channel."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.real_processes import PATIENCE
from tests.sandbox import company
from tests.sandbox.processes import LEAD, Sandbox

pytestmark = [
    pytest.mark.browser,
    pytest.mark.processes,
    pytest.mark.parametrize("running", ["sqlite"], indirect=True),
]

SECONDS = PATIENCE
ROOM = "CHARBOUR"


class Lead:
    """A finance lead in front of App Home."""

    def __init__(self, running: Sandbox, tab: Page) -> None:
        self.tab = tab
        running.order("")  # until the bot knows who that is
        tab.set_viewport_size({"width": 1440, "height": 1500})
        tab.goto(f"{running.url}/#/home")
        self.at(f"person-{LEAD}").click()

    def at(self, testid: str) -> Locator:
        """A part of the page."""
        return self.tab.get_by_test_id(testid)

    def connect(self) -> str:
        """Press the button and agree in the page that opens; what that says in the end."""
        with self.tab.context.expect_page() as opened:
            self.at("action-connect").click()
        opened.value.wait_for_load_state()
        said = opened.value.locator("main").inner_text()
        opened.value.close()
        return said


def in_quickbooks(running: Sandbox, name: str) -> None:
    """A company that the person at Intuit chooses."""
    info = {"CompanyName": name, "DefaultTimeZone": "Asia/Tokyo"}
    realm = running.outside.quickbooks.add_company(company.build({"company": info}))
    running.quickbooks("choose", realm=realm)


def test_two_companies_each_with_its_channel(running: Sandbox, tab: Page) -> None:
    """The first goes where SLACK_CHANNEL says, the second where the lead chooses; both are told."""
    running.outside.slack.add_channel(ROOM, "harbour-finance")
    lead = Lead(running, tab)
    in_quickbooks(running, "Amber Pier Foods")
    assert "Amber Pier Foods is connected" in lead.connect()
    select = lead.at("action-channel")
    expect(select).to_be_visible(timeout=SECONDS * 1000)
    expect(lead.at("action-connect")).to_have_count(0)
    select.select_option(ROOM)
    in_quickbooks(running, "Harbour <b>Ltd</b>")
    assert "Harbour <b>Ltd</b> is connected" in lead.connect()
    lead.at(f"place-{ROOM}").click()
    notice = lead.at("messages").locator("article", has_text="Harbour <b>Ltd</b> is connected")
    expect(notice).to_be_visible(timeout=SECONDS * 1000)
    notice.get_by_test_id("action-reminders_off").click()
    expect(notice).to_contain_text("Confirmed as off by @Lena Brandt", timeout=SECONDS * 1000)
