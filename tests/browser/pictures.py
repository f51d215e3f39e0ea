"""Takes the pictures of the README in the sandbox, on an ordinary day and on the first one.

    python -m tests.browser.pictures [FOLDER]

It needs Chromium, and ImageMagick to keep the files small.
"""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import FloatRect, Locator, Page, ViewportSize, expect

from tests.browser.chromium import chromium
from tests.sandbox.policy_file import LIFELIKE
from tests.sandbox.processes import LEAD, Sandbox, sandbox

FOLDER = Path(__file__).parents[2] / ".github" / "pictures"
UNDO_SECONDS = 60
PATIENCE_MS = 120_000
WIDE = ViewportSize(width=1280, height=4000)
"""High enough for everything: only what is drawn is in a picture."""
SCALE = 1.4
COLLECTOR, MANAGER = "UCOLLECT", "UMANAGER"
ASKED = "Birch Hollow Veterinary · $702.15 due"
"""A card with a reason to look twice."""


class Camera:
    """Somebody's view of the page, and where its pictures go."""

    def __init__(self, tab: Page, url: str, folder: Path) -> None:
        self.tab, self.folder = tab, folder
        tab.goto(url)
        self.at("welcome-close").click()

    def at(self, testid: str) -> Locator:
        """A part of the page."""
        return self.tab.get_by_test_id(testid)

    def be(self, user: str, place: str) -> None:
        """Sit down as somebody, in a channel or at the Home tab."""
        self.at(f"person-{user}").click()
        self.at(f"place-{place}").click()

    def message(self, words: str) -> Locator:
        """The newest message that says this."""
        found = self.at("messages").locator("article", has_text=words).last
        expect(found).to_be_visible()
        return found

    def shot(self, name: str, of: Locator, until: Locator | None = None) -> None:
        """A picture of a part of the page, perhaps only of what is above `until`."""
        self.tab.mouse.move(0, 0)
        of.scroll_into_view_if_needed()
        box = of.bounding_box()
        assert box is not None
        end = until.bounding_box() if until else None
        height = end["y"] - box["y"] if end else box["height"]
        # without the line of the sidebar
        clip = FloatRect(x=box["x"] + 1, y=box["y"], width=box["width"] - 1, height=height)
        path = self.folder / f"{name}.png"
        self.tab.screenshot(path=path, clip=clip, animations="disabled")
        _shrink(path)


def _shrink(path: Path) -> None:
    """To a palette: pictures of text need few colours."""
    if tool := shutil.which("convert"):
        fewer = ["+dither", "-colors", "96", "-strip", f"png8:{path}"]
        subprocess.run([tool, str(path), *fewer], check=True)


@contextlib.contextmanager
def camera(running: Sandbox, folder: Path) -> Iterator[Camera]:
    """In front of the page of this sandbox."""
    with chromium() as browser:
        context = browser.new_context(
            viewport=WIDE,
            device_scale_factor=SCALE,
            locale="en-US",
            timezone_id="America/Los_Angeles",
        )
        context.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        yield Camera(context.new_page(), running.url, folder)
        context.close()


def first_day(page: Camera, running: Sandbox) -> None:
    """Before the company is connected, and what the channel says once it was looked at."""
    running.order("")  # until the bot knows the finance lead
    page.be(LEAD, "home")
    expect(page.at("action-connect")).to_be_visible()
    page.shot("connect", page.at("home"))
    running.connect()
    running.order("run")
    page.be(LEAD, "CFINANCE")
    page.message("First look at")
    page.shot("first-look", page.message("First look at"))


def ordinary_day(page: Camera, running: Sandbox) -> None:
    """The morning's message, a card, the queue, an edit, the account manager, Home, the cash."""
    running.order("run")
    page.be(MANAGER, "DMANAGER")
    told = page.message("to your customers")
    page.shot("direct-message", told, told.locator("hr").nth(1))
    page.be(LEAD, "CFINANCE")
    page.at("command").fill("cash")
    page.at("command").press("Enter")
    page.shot("cash", page.message("Cash outlook of"))
    page.be(COLLECTOR, "CFINANCE")
    page.shot("digest", page.message("Good morning"))
    card = page.message(ASKED)
    page.shot("card", card)
    _edit(page, card)
    page.be(COLLECTOR, "home")
    expect(page.at("action-start")).to_be_visible()
    page.shot("home", page.at("home"))
    page.be(COLLECTOR, "CFINANCE")
    _queue(page)


def _edit(page: Camera, card: Locator) -> None:
    """A figure that is not the ledger's is refused where it stands."""
    card.get_by_test_id("action-edit").click()
    text = page.at("action-body")
    text.fill(text.input_value().replace("$702.15", "$720.15"))
    page.at("modal-submit").click()
    expect(page.at("modal")).to_contain_text("This cannot be saved")
    page.shot("edit", page.at("modal"))
    page.at("modal-close").click()


def _queue(page: Camera) -> None:
    """The second case, with Undo for the first at its head."""
    page.message("Good morning").get_by_test_id("action-start").click()
    modal = page.at("modal")
    modal.get_by_test_id("action-approve").click()
    expect(modal.get_by_role("heading", level=2).first).to_contain_text("2 of")
    page.shot("queue", modal)
    page.at("modal-close").click()


def main(folder: Path) -> None:
    """All pictures, anew."""
    folder.mkdir(parents=True, exist_ok=True)
    for story, past in ((first_day, False), (ordinary_day, True)):
        running = sandbox(marks=LIFELIKE, undo_seconds=UNDO_SECONDS, past=past)
        with running as there, camera(there, folder) as page:
            story(page, there)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
