"""The ten named flows, from the ledger to the mail and the note, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.flows.named import NAMED, Story
from tests.jobs.fixtures import OpenHarness, home_url, opener
from tests.jobs.harness import SharedStandIns, serve_stand_ins

__all__ = ["home_url"]


@pytest.fixture(scope="module")
def shared() -> Iterator[SharedStandIns]:
    """The stand-ins, served once."""
    with serve_stand_ins() as found:
        yield found


@pytest.fixture
def open_harness(shared: SharedStandIns, home_url: str, tmp_path: Path) -> Iterator[OpenHarness]:
    """Opens a company on each engine."""
    with ExitStack() as stack:
        yield opener(stack, shared, home_url, tmp_path)


@pytest.mark.parametrize("story", NAMED, ids=lambda story: story.__name__)
def test_a_named_flow(open_harness: OpenHarness, story: Story) -> None:
    """The story ends as it has to, and no promise is broken on the way."""
    story(open_harness)
