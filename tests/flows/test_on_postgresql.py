"""Stories through the real processes in which the database may make a difference."""

import pytest

from tests.flows.firms import OTHER_LEAD, Firm, Owing, case_number, one_mail_and_one_note
from tests.flows.frozen_sender import THREE, sleeps_through_its_lease

pytestmark = [
    pytest.mark.processes,
    pytest.mark.parametrize("running", ["postgresql"], indirect=True),
]
LARGE = Owing("Rook & Feather Events", "12400.00")


@pytest.mark.parametrize("firm", [(LARGE,)], indirect=True, ids=["large"])
def test_the_whole_story(firm: Firm) -> None:
    """Two people approve a large sum, the mail goes, the note follows, the log holds."""
    run = firm.running.product.run
    case = case_number(firm.card("Waiting for 2 people"))
    firm.click("approve", on="Waiting for 2 people")
    firm.told("Still needed: a finance lead")
    firm.click("approve", OTHER_LEAD, on="Waiting for a finance lead")
    one_mail_and_one_note(firm)
    assert "approve by ULEAD2" in run("case", case)
    assert "lines are as they were written" in run("log", "verify")


@pytest.mark.parametrize("firm", [THREE], indirect=True, ids=["three"])
def test_a_sender_that_slept_through_its_lease_sends_nothing_more(firm: Firm) -> None:
    """Before SMTP and before DATA it finds out; what it had handed over is written and told."""
    sleeps_through_its_lease(firm)
