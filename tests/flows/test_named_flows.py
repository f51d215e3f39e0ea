"""The ten named flows, from the ledger to the mail and the note, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.flows.named import NAMED, Story
from tests.jobs.house import Neighbourhood, neighbourhood
from tests.jobs.houses import OpenHouse, home_url, opener

__all__ = ["home_url"]


@pytest.fixture(scope="module")
def neighbours() -> Iterator[Neighbourhood]:
    """The stand-ins, served once."""
    with neighbourhood() as found:
        yield found


@pytest.fixture
def open_house(neighbours: Neighbourhood, home_url: str, tmp_path: Path) -> Iterator[OpenHouse]:
    """Opens a house on each engine."""
    with ExitStack() as stack:
        yield opener(stack, neighbours, home_url, tmp_path)


@pytest.mark.parametrize("story", NAMED, ids=lambda story: story.__name__)
def test_a_named_flow(open_house: OpenHouse, story: Story) -> None:
    """The story ends as it has to, and no promise is broken on the way."""
    story(open_house)
