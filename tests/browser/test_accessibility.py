"""What axe finds on the page: names, order, contrast and text alternatives of all we show."""

from dataclasses import replace
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from bot.blockkit.ids import WorklistPlace
from bot.surfaces import review, worklist
from bot.surfaces.card.card import card
from bot.surfaces.direct import direct
from bot.surfaces.forms import forms
from bot.surfaces.forms.edit import edit
from bot.surfaces.home import Page, home
from bot.surfaces.notices.given import Given
from bot.surfaces.notices.notices import notice
from jobs.store.outbox import MessageKind
from tests.bot.surfaces.test_forms import POLICY
from tests.bot.surfaces.test_home import COMPANY, LINK, MINE, overview
from tests.bot.surfaces.test_notices import DATA, filled
from tests.bot.surfaces.test_review import FULL
from tests.bot.views import NOW, PEOPLE, VIEWS, view
from tests.browser.slack_page import SlackPage, button, plain
from tests.browser.slack_page import card as row_of

pytestmark = pytest.mark.browser

FACES = (
    *("two", "manager first", "credits", "stop", "never", "needs a look", "shadow", "approved"),
    *("kept", "unknown", "rejected", "snoozed", "held", "cancelled"),
)
"""Cards that look different."""


class Looked:
    """What axe has found so far, by the place."""

    def __init__(self, slack_page: SlackPage) -> None:
        self.slack_page, self.found = slack_page, dict[str, list[str]]()

    def at(self, place: str, part: str = "body") -> None:
        """Look at a part of the page, given by its selector."""
        made = Axe().run(self.slack_page.tab, part).response["violations"]
        seen = [f"{one['id']}: {node['html'][:200]}" for one in made for node in one["nodes"]]
        self.found |= {place: seen} if seen else {}


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_keeps_anybody_from_using_what_we_show(slack_page: SlackPage, width: int) -> None:
    """Channel, thread, dialogs, direct message, App Home, and what stands beside them."""
    looked = Looked(slack_page)
    slack_page.tab.set_viewport_size({"width": width, "height": 900})
    sure = {"title": plain("Sure?"), "text": plain("To Ann"), "confirm": plain("Yes")}
    asks = button("approve", confirm=sure | {"deny": plain("No")})
    message = _say_everything(slack_page, row_of(button("edit"), asks))
    looked.at("channel")
    slack_page.at(f"thread-{message}").click()
    looked.at("thread", "#thread")
    slack_page.at("thread-close").click()
    slack_page.press(slack_page.at(f"message-{message}"), "approve")
    looked.at("confirm", "#confirm")
    slack_page.at("confirm-no").click()
    for name, modal in _modals().items():
        slack_page.opens(modal)
        slack_page.press(slack_page.at(f"message-{message}"), "edit")
        expect(slack_page.at("modal")).to_be_visible()
        looked.at(name, "#modal")
        slack_page.at("modal-close").click()
        expect(slack_page.at("modal")).to_be_hidden()
    slack_page.at("person-UMANAGER").click()
    for place in ("DMANAGER", "home"):
        slack_page.at(f"place-{place}").click()
        expect(slack_page.at("messages")).to_contain_text("Acme")
        looked.at(place, "main")
    if width < 800:
        slack_page.at("around").click()
    for tab in ("mailbox", "customers", "quickbooks", "requests"):
        slack_page.at(f"tab-{tab}").click()
        looked.at(tab, "#beside")
    assert looked.found == {}


def _say_everything(slack_page: SlackPage, blocks: list[dict[str, Any]]) -> str:
    """Post all kinds of messages, at last one with `blocks` and a reply; its ts."""
    for name in FACES:
        made = card(VIEWS[name](), NOW, people=PEOPLE, folds=True, books="https://x.example")
        slack_page.post(made.text, blocks=made.blocks)
    kinds = (MessageKind.DIGEST, MessageKind.FIRST_LOOK)
    said = [notice(kind, Given(filled(DATA[kind][1], "Acme"), {}, COMPANY)) for kind in kinds]
    for one in (*said, review.weekly((FULL, FULL))):
        slack_page.post(one.text, blocks=one.blocks)
    two = (VIEWS["manager first"](), replace(VIEWS["stop"](), id="413"))
    shown = direct(two, "UMANAGER", NOW, PEOPLE)
    slack_page.client.chat_postMessage(channel="UMANAGER", text=shown.text, blocks=shown.blocks)
    page = home(Page([overview()], connect_url=LINK, runs=MINE), NOW)
    slack_page.client.views_publish(user_id="UMANAGER", view=page)
    last = str(slack_page.post("A card", blocks=blocks).get_attribute("data-ts"))
    slack_page.post("Edited", thread_ts=last)
    return last


def _modals() -> dict[str, dict[str, Any]]:
    """Those with most kinds of fields."""
    place = WorklistPlace(("412",))
    return {
        "start": worklist.case(view(), place, worklist.WorklistHead(), NOW, PEOPLE),
        "edit": edit(view(), POLICY),
        "hold": forms.hold(view(), POLICY),
    }
