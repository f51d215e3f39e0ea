"""The page's files: served as they are, with nothing from elsewhere in them."""

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.sandbox.slack import Page, Slack
from tests.sandbox.slack.page import FILES
from tests.sandbox.world import World, serve

SCRIPTS = sorted(FILES.glob("*.js"))


@pytest.fixture(scope="module")
def page() -> Iterator[httpx.Client]:
    """A client of a world with Slack and its page."""
    world = World()
    world.add(Slack(world))
    world.add(Page(world), "/")
    with serve(world.app()) as url, httpx.Client(base_url=url) as client:
        yield client


def test_every_file_is_served(page: httpx.Client) -> None:
    """The page at the root, and what it loads beside it."""
    assert "<title>Overdue sandbox</title>" in page.get("/").text
    for file in FILES.iterdir():
        assert page.get(f"/{file.name}").status_code == 200


@pytest.mark.parametrize("path", ["/page.py", "/..%2Fpage.py", "/nothing"])
def test_nothing_else_is_served(page: httpx.Client, path: str) -> None:
    """Not a file beside the folder, by whatever spelling."""
    assert page.get(path).status_code == 404


def test_the_browser_is_told_to_run_only_our_own(page: httpx.Client) -> None:
    """Scripts, styles and requests stay on this origin."""
    policy = page.get("/").headers["content-security-policy"]
    assert policy.startswith("default-src 'self';")


def test_the_page_asks_for_few_requests(page: httpx.Client) -> None:
    """The state it polls carries the latest ones, not twenty thousand."""
    for _ in range(250):
        page.post("/slack/api/auth.test")
    assert len(page.get("/state").json()["requests"]) == 200


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_outside_text_never_becomes_markup(script: object) -> None:
    """No script parses text as HTML or code."""
    source = (FILES / str(script)).read_text()
    dangerous = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
    assert not re.search(dangerous, source)


def test_nothing_comes_from_elsewhere() -> None:
    """No script, style or font is loaded from another host."""
    for file in FILES.iterdir():
        remote = re.findall(r"(?:src|href|import|url\()\W{0,3}https?://", file.read_text())
        assert remote == []
