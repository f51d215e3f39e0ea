"""Fixtures that open houses and look after them: what must never be is checked at the end."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.jobs import invariants
from tests.jobs.house import ONE, House, Neighbourhood, neighbourhood
from tests.jobs.store.copies import Copies


class OpenHouse(Protocol):
    """Open a house with these books; the first sweep has not run yet."""

    def __call__(
        self,
        content: Mapping[str, Any] = ONE,
        policy: Mapping[str, Any] | None = None,
        **how: Any,
    ) -> House: ...


@pytest.fixture(scope="session")
def neighbours() -> Iterator[Neighbourhood]:
    """The stand-ins, served once."""
    with neighbourhood() as found:
        yield found


@pytest.fixture(params=["sqlite", "postgresql"])
def home_url(request: pytest.FixtureRequest, neighbours: Neighbourhood) -> Iterator[str]:
    """Where one house after the other keeps its record; the test runs once on each engine."""
    if request.param == "sqlite":
        yield neighbours.home
        return
    copies: Copies = request.getfixturevalue("postgres_copies")
    with copies() as url:
        yield url


@pytest.fixture
def open_house(neighbours: Neighbourhood, tmp_path: Path) -> Iterator[OpenHouse]:
    """Opens houses, one at a time, on SQLite."""
    with ExitStack() as stack:
        yield opener(stack, neighbours, neighbours.home, tmp_path)


def opener(
    stack: ExitStack, neighbours: Neighbourhood, url: str, folder: Path
) -> Callable[..., House]:
    """A function that opens a house on this database; `stack` closes it."""

    def open_one(
        content: Mapping[str, Any] = ONE, policy: Mapping[str, Any] | None = None, **how: Any
    ) -> House:
        neighbours.tidy()
        neighbours.prepare(url)
        house = House(neighbours, url, folder, content, policy, **how)
        stack.callback(house.close)
        stack.callback(invariants.check, house)
        stack.callback(house.heal)
        return house

    return open_one


@pytest.fixture
def a_house(open_house: OpenHouse) -> House:
    """A live house with one customer and one invoice, whose card waits."""
    house = open_house()
    house.sweep()
    return house
