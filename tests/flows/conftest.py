"""A company for each test of the real processes, all in one running product."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.faults.invariants import violations
from tests.flows.firms import Firm, Owing, firms, owing, record
from tests.sandbox.processes import Sandbox

ORDINARY = Owing("Amber Lane Café")


@pytest.fixture(scope="session")
def companies(request: pytest.FixtureRequest, running: Sandbox) -> Iterator[dict[str, Firm]]:
    """Connected and taken live together at the start, so that nobody waits for a first card."""
    engine = urlsplit(running.product.settings["DATABASE_URL"]).scheme
    yield firms(running, owing(request.session.items, "firm", engine, (ORDINARY,)))
    assert_nothing_violated(running)


@pytest.fixture
def firm(companies: dict[str, Firm], request: pytest.FixtureRequest) -> Iterator[Firm]:
    """The test's own company; an ordinary customer owes it unless a parameter says otherwise.

    At the end nothing is violated in it, nor in any other.
    """
    found = companies[request.node.nodeid]
    yield found
    assert_nothing_violated(found.running)


def assert_nothing_violated(running: Sandbox) -> None:
    """The record, the world, and what the processes wrote agree with each other."""
    product = running.product
    logs = "".join(file.read_text(errors="replace") for file in product.folder.glob("*.log"))
    with record(running) as database:
        found = violations(database, running.outside, logs=logs, secrets=product.settings)
    assert not found, "\n".join(found)
