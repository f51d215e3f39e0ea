"""How a customer stands, in words: whatever it is called and however little is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from bot.blockkit.lint import lint
from bot.surfaces import risk
from bot.surfaces.forms.customer_form import call_form, customer_form
from jobs.reports.customer import CustomerView, Found, LastContact, OwedIn, RiskSummary
from jobs.rules.facts.delays import Delay
from jobs.rules.facts.facts import Habit
from jobs.rules.policy.rights import SLACK, Manager
from jobs.rules.states import Stage
from jobs.store.customers.marks import SaidInSlack, SlackMark
from tests.bot.views import HOSTILE, NOW, PEOPLE, usd

MARK = SlackMark("1", "do_not_chase", HOSTILE, date(2026, 11, 1), "ULEAD1", NOW)
ABOUT = CustomerView(
    company="9130",
    id="58",
    name="Peregrine Logistics",
    today=date(2026, 11, 6),
    said=SaidInSlack((), ""),
    in_file=(),
    manager=None,
    counterparts={},
)
PEREGRINE = RiskSummary(
    about=ABOUT,
    as_of=NOW,
    owed=(OwedIn(usd("17180.00"), usd("12300.00"), 5, 25),),
    habit=None,
    delay=Delay(6, 2, 9, 11),
    disputed=1,
    disputes=3,
    last_contact=LastContact(NOW, Stage.FOLLOW_UP, ("UCOLLECT",)),
    colleague_wrote_at=None,
    gathered_at=NOW,
    absent=("CRM",),
    down=("mailbox",),
    open_cases=(),
    promises=(1, 2),
)
HOSTILE_ONE = replace(
    PEREGRINE,
    about=replace(
        ABOUT,
        name=HOSTILE,
        said=SaidInSlack((MARK,), "UMANAGER"),
        in_file=("key_account",),
        manager=Manager("", SLACK, HOSTILE),
    ),
    owed=PEREGRINE.owed * 30,
    down=(HOSTILE,),
)
NOTHING = replace(
    PEREGRINE, owed=(), delay=None, gathered_at=None, last_contact=None, promises=None, disputes=0
)


def test_five_figures_and_a_paragraph() -> None:
    """What is owed, the habit and how far from it, promises, disputes; then who wrote last."""
    text = risk.summary(PEREGRINE, PEOPLE, leads=True).text
    for part in (
        "Open: $17,180.00.",
        "Overdue: $12,300.00, oldest 25 days late.",
        "Usually pays: 6 days late (median of 11 invoices), now 19 days later than that.",
        "Promises: 1 of 2 kept.",
        "Disputes: 1 now, 3 in all.",
        "(stage 2, follow-up, approved by Cora Lector).",
        "What we do not know: CRM not connected; mailbox could not be read.",
    ):
        assert part in text
    old = replace(PEREGRINE, delay=None, habit=Habit(count=11, late=9, median_days_late=6))
    assert "6 days late (9 of 11 late)" in risk.summary(old, PEOPLE, leads=True).text
    little = risk.summary(NOTHING, PEOPLE, leads=False).text
    assert "Usually pays: not known yet." in little
    assert "Nothing is open in QuickBooks. Overdue has not written to them yet." in little


def test_slack_takes_it_whatever_it_holds() -> None:
    """The summary, the choice of several, and both forms about a customer."""
    many = [Found(str(n), HOSTILE, invoice=HOSTILE) for n in range(20)]
    cards = [risk.summary(one, PEOPLE, leads=True) for one in (PEREGRINE, HOSTILE_ONE, NOTHING)]
    for made in (*cards, risk.choice("9130", many, HOSTILE)):
        assert lint({"text": made.text, "blocks": made.blocks}, "message") == []
        assert "<!channel>" not in made.text
    for about in (ABOUT, HOSTILE_ONE.about):
        assert lint(customer_form(about), "modal") == []
        assert lint(call_form(about), "modal") == []
    assert "<!channel>" not in risk.nobody(HOSTILE)
