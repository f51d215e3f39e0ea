from __future__ import annotations

import pytest

from bot.surfaces.replies import reply
from jobs.decide.access import Answer, Reply
from tests.bot.views import HOSTILE, NOW


@pytest.mark.parametrize("answer", [one for one in Answer if one is not Answer.RECORDED])
def test_every_answer_that_is_told_is_a_sentence(answer: Answer) -> None:
    """No answer is silence, and only what was recorded sounds like it."""
    told = reply(Reply(answer, detail=HOSTILE, at=NOW))
    assert told.endswith(".")
    assert "<!channel>" not in told
    refusal = ("othing was", "already", "Too late", "There is no case")
    assert any(word in told for word in refusal) is not (answer is Answer.SECOND_NEEDED)


def test_closed_approval_says_when_it_opens() -> None:
    """The clicker learns for whom, and until when at the latest, approval waits."""
    told = reply(Reply(Answer.NOT_OPEN_YET, detail="UMANAGER", at=NOW))
    assert told.startswith("Approval opens when <@UMANAGER> presses “Looks good”, or <!date^")
