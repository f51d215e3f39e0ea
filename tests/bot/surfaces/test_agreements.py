"""The forms about what customers agree to: what is typed is read, or refused with the reason."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.blockkit.ids import Field
from bot.blockkit.lint import lint
from bot.surfaces.forms import agreements
from bot.surfaces.forms.fields import UnusableError
from bot.surfaces.forms.modal import Submission
from jobs.rules.figures import total
from tests.bot.surfaces.test_forms import POLICY, filled
from tests.bot.views import view
from tests.jobs.rules.world import usd

VIEW = view()
TODAY = VIEW.facts.today
FIRST, SECOND = (TODAY + timedelta(days=n) for n in (14, 44))


def sent(instalments: str | None = None) -> Submission:
    """The form of a plan, sent with these lines, or as it was proposed."""
    form = agreements.plan(VIEW, POLICY)
    assert lint(form, "modal") == []
    return filled(form, VIEW, instalments=instalments)


def test_a_plan_is_a_line_for_each_instalment() -> None:
    """Three equal parts of what is asked for are proposed, to the cent."""
    proposed = agreements.planned(sent())
    assert len(proposed.parts) == 3
    parts = [amount for _, amount in proposed.parts if amount]
    assert total(parts, "USD") == VIEW.facts.asked
    two = agreements.planned(sent(f"{FIRST}: 500.5\n\n{SECOND}   100"))
    assert two.parts == ((FIRST, usd("500.5")), (SECOND, usd("100")))


REFUSED = {
    "": "one to 24 instalments",
    "next Friday 500": "is not a day and an amount",
    f"{FIRST} plenty": "is not an amount",
    f"{FIRST} 0": "is not an amount",
    f"{TODAY} 500": "is not a day after today",
    "2026-13-01 500": "is not a day and an amount",
    f"{SECOND} 10\n{FIRST} 10": "the earliest first",
    f"{FIRST} 10\n{FIRST} 10": "a day of its own",
    f"{FIRST} 9,999,999.00": "more than the",
}


@pytest.mark.parametrize("typed", REFUSED)
def test_a_plan_that_cannot_be_read_says_why(typed: str) -> None:
    """At the field, naming the line; nothing is guessed."""
    with pytest.raises(UnusableError, match=REFUSED[typed]) as refused:
        agreements.planned(sent(typed))
    assert [block.partition(":")[0] for block in refused.value.errors] == [Field.INSTALMENTS]
