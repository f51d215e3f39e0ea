"""The direct message to an account manager, over every state of a case and whatever it holds."""

from __future__ import annotations

from dataclasses import replace

from bot.blockkit.lint import lint
from bot.surfaces.direct import MOST_LINES, direct
from jobs.rules.case import Approvals, CaseView
from jobs.rules.policy.rights import POLICY_FILE, Manager
from jobs.rules.states import State
from tests.bot.views import HOSTILE, NOW, PEOPLE, VIEWS, facts, letter, view


def many(one: CaseView, count: int) -> list[CaseView]:
    """The same case, so often, under different numbers."""
    return [replace(one, id=str(number)) for number in range(count)]


OTHER = Manager("UOTHER", POLICY_FILE)


def test_slack_takes_it_whatever_it_holds() -> None:
    """Every state alone, all together, and many long ones: within Slack's limits, and inert."""
    every = [replace(made(), id=str(number)) for number, made in enumerate(VIEWS.values())]
    body = "word " * 3000
    hostile = view(
        facts=replace(facts(), customer=replace(facts().customer, name=HOSTILE)),
        letter=letter(body + HOSTILE),
    )
    for views in ([], *([one] for one in every), every, many(hostile, 30), many(view(), 60)):
        made = direct(views, "UMANAGER", NOW, PEOPLE)
        assert lint({"text": made.text, "blocks": made.blocks}, "message") == []
        assert "<!channel>" not in made.text
        assert "<@" not in made.text
    assert "Also waiting" in str(made.blocks)
    assert f"and {60 - 20 - MOST_LINES} more" in str(made.blocks) or len(made.blocks) <= 50


def test_what_is_said_of_each_case() -> None:
    """Whether finance waits for them, what they said, and that a customer is no longer theirs."""

    def said(**changes: object) -> str:
        return direct([view(**changes)], "UMANAGER", NOW, PEOPLE).text

    assert "Finance can approve it already." in said()
    first = Approvals(needed=1, manager_fine=False)
    assert "once you press *Looks good*." in said(approvals=first)
    for who, told in (("UMANAGER", "You have"), ("ULEAD1", f"{PEOPLE['ULEAD1']} has")):
        good = replace(first, manager_fine=True, looks_good=who)
        assert f"{told} said that it looks good" in said(approvals=good)
    assert "Can you resolve it with the customer?" in said(letter=None)
    assert said(letter=None).startswith("*One customer* of yours: no message for now.")
    assert "somebody else looks after this customer now" in said(manager=OTHER)
    assert said(state=State.DONE).startswith("Nothing waits for you here any more.")
