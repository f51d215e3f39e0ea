"""Stages: when an invoice comes to one, and which one a message may take."""

from __future__ import annotations

import pytest

from jobs.rules.states import Stage, crossing_stage, natural_stage

ONE, TWO, THREE, FOUR = Stage


@pytest.mark.parametrize(
    ("days", "stage"),
    [
        (-5, None),
        (0, None),
        (2, None),
        (3, ONE),
        (9, ONE),
        (10, TWO),
        (20, TWO),
        (21, THREE),
        (44, THREE),
        (45, FOUR),
        (4000, FOUR),
    ],
)
def test_days_past_due_give_the_natural_stage(days: int, stage: Stage | None) -> None:
    """The table of the stages, with both ends of every line."""
    assert natural_stage(days) is stage


@pytest.mark.parametrize(
    ("days", "last", "stage"),
    [
        (2, None, None),
        (3, None, ONE),
        (12, None, TWO),
        (30, None, TWO),
        (300, None, TWO),
        (9, ONE, None),
        (10, ONE, TWO),
        (300, ONE, TWO),
        (20, TWO, None),
        (21, TWO, THREE),
        (300, TWO, THREE),
        (44, THREE, None),
        (45, THREE, FOUR),
        (300, FOUR, None),
        (2, TWO, None),
    ],
)
def test_an_invoice_climbs_one_stage_at_a_time(
    days: int, last: Stage | None, stage: Stage | None
) -> None:
    """Nobody starts above stage 2, nobody skips one, and after stage 4 there is nothing more."""
    assert crossing_stage(days, last) is stage
