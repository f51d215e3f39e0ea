"""A browser for the tests of the page, or a skip that says what is missing."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Error, Page, sync_playwright
from starlette.applications import Starlette
from starlette.routing import Mount

from tests.browser.slack_page import OtherServices, SlackPage
from tests.real_processes import PATIENCE
from tests.sandbox.slack import Pace, Slack
from tests.sandbox.slack import Page as SandboxPage
from tests.sandbox.slack_receiver import Receiver
from tests.sandbox.world import World, serve

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The system's Chromium, without a window.

    It ends with the last test in here: its library keeps an event loop running in this thread.
    """
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is on the PATH")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """A fresh tab; an error in one of the page's scripts fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, locale="en-GB")
    context.set_default_timeout(PATIENCE * 1000)
    tab = context.new_page()
    errors: list[Error] = []
    tab.on("pageerror", lambda error: errors.append(error))
    yield tab
    context.close()
    assert errors == []


@pytest.fixture
def slack_page(tab: Page) -> Iterator[SlackPage]:
    """Everything served on loopback."""
    world = World()
    slack = Slack(world, pace=Pace(burst=1000))
    slack.add_channel("CFINANCE", "finance")
    slack.add_channel("COTHER", "other")
    others = OtherServices()
    world.add(slack)
    world.add(others)
    world.add(SandboxPage(world), "/")
    receiver = Receiver(slack.keys.signing_secret)
    everything = Starlette(routes=[Mount("/app", receiver.app()), Mount("/", world.app())])
    with serve(everything) as url:
        slack.reach(f"{url}/app", url)
        yield SlackPage(slack, receiver, others, tab, url)
