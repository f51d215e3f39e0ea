"""The line to the mail server, broken after some of its bytes; `make faults` tries each of them."""

from __future__ import annotations

import secrets

from tests.faults import wire

CHOSEN = 30


def test_a_sample_of_broken_lines_is_told_as_it_is() -> None:
    """No mail that arrived is called not sent, and none that did not is called sent."""
    seed = secrets.randbelow(100_000)
    for breaks, handed in wire.sampled(seed, CHOSEN):
        assert not handed.wrong, (seed, str(breaks), handed)
