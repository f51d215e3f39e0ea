"""A few moments of `make faults`: whoever dies there, all ends well.

FAULTS_SEED chooses others than usual.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from tests.faults import kills, troubles
from tests.faults.ground import Ground, ground
from tests.faults.kills import Kill
from tests.faults.lives import Lived
from tests.faults.moments import Order
from tests.faults.troubles import Trouble

pytestmark = pytest.mark.processes
CHOSEN = 2


@pytest.fixture(scope="module")
def prepared() -> Iterator[Ground]:
    """The company, made once."""
    with ground() as found:
        yield found


def test_a_sample_of_kills_and_troubles_ends_well(prepared: Ground) -> None:
    """Killed before the intent it resumes, after it a person is asked, and the note comes once."""
    seed = int(os.environ.get("FAULTS_SEED", "7"))
    moments = kills.recorded(prepared, lives=1)
    intent = next(m for m in moments if "sends" in m.act.split() and m.side == "after")
    asked = Kill((Order(intent, "both"),)).happen(prepared)
    assert (asked.outcome, asked.violations) == ("asked", [])
    chosen = random.Random(seed).sample([*kills.kills(moments)], CHOSEN)
    faults: list[Kill | Trouble] = [*chosen, troubles.QUEUE[0]]
    for fault in faults:
        lived = fault.happen(prepared)
        assert not lived.violations, _told(seed, str(fault), lived)


def _told(seed: int, fault: str, lived: Lived) -> str:
    return "\n".join([f"seed {seed}: {fault}: {lived.outcome}", *lived.violations, lived.logs])
