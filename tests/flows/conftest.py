"""A company for each test of the real processes, all in one running product."""

from urllib.parse import urlsplit

import pytest

from tests.flows.firms import Firm, Owing, firms, owing
from tests.sandbox.processes import Sandbox

ORDINARY = Owing("Amber Lane Café")


@pytest.fixture(scope="session")
def companies(request: pytest.FixtureRequest, running: Sandbox) -> dict[str, Firm]:
    """Connected and taken live together at the start, so that nobody waits for a first card."""
    engine = urlsplit(running.product.settings["DATABASE_URL"]).scheme
    return firms(running, owing(request.session.items, "firm", engine, (ORDINARY,)))


@pytest.fixture
def firm(companies: dict[str, Firm], request: pytest.FixtureRequest) -> Firm:
    """The test's own company; an ordinary customer owes it unless a parameter says otherwise."""
    return companies[request.node.nodeid]
