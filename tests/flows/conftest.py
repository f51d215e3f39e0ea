"""A company for each test of the real processes, all in one running product."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.flows.firms import Firm, Owing, firms, owing
from tests.sandbox.processes import Sandbox

ORDINARY = Owing("Amber Lane Café")


@pytest.fixture(scope="session")
def companies(request: pytest.FixtureRequest, running: Sandbox) -> Iterator[dict[str, Firm]]:
    """Connected and taken live together at the start, so that nobody waits for a first card.

    At the end our linter has found no fault in anything that was posted, opened or answered.
    """
    engine = urlsplit(running.product.settings["DATABASE_URL"]).scheme
    yield firms(running, owing(request.session.items, "firm", engine, (ORDINARY,)))
    assert running.world()["lint"] == []


@pytest.fixture
def firm(companies: dict[str, Firm], request: pytest.FixtureRequest) -> Firm:
    """The test's own company; an ordinary customer owes it unless a parameter says otherwise."""
    return companies[request.node.nodeid]
