"""A browser for the tests of the page, or a skip that says what is missing."""

import contextlib
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Error, Page, ViewportSize
from starlette.applications import Starlette
from starlette.routing import Mount

from tests.browser.chromium import NoBrowser, chromium
from tests.browser.slack_page import OtherServices, SlackPage
from tests.real_processes import PATIENCE
from tests.sandbox.slack import Pace, Slack
from tests.sandbox.slack import Page as SandboxPage
from tests.sandbox.slack_receiver import Receiver
from tests.sandbox.world import World, serve


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """It ends with the last test in here; where there is none, the tests are skipped."""
    with contextlib.ExitStack() as stack:
        try:
            found = stack.enter_context(chromium())
        except NoBrowser as missing:
            pytest.skip(str(missing))
        yield found


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """A fresh tab; an error in one of the page's scripts fails the test."""
    size: ViewportSize = {"width": 1440, "height": 1000}
    # Each step of a transition is drawn by the processor, and no test looks at one
    context = browser.new_context(viewport=size, locale="en-GB", reduced_motion="reduce")
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
