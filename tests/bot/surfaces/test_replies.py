from __future__ import annotations

import pytest

from bot.blockkit.ids import Action
from bot.surfaces.replies import DONE, reply
from jobs.decide.access import Answer, Reply
from tests.bot.views import HOSTILE, NOW


@pytest.mark.parametrize("answer", Answer)
def test_every_answer_of_a_door_is_a_sentence(answer: Answer) -> None:
    """No answer is silence, and only what was recorded sounds like it."""
    told = reply(Reply(answer, detail=HOSTILE), "reject", "UMANAGER", NOW)
    assert told.endswith(".")
    assert "<!channel>" not in told
    recorded = answer in (Answer.RECORDED, Answer.SECOND_NEEDED)
    refusal = ("othing was", "already", "Too late", "is stopped")
    assert any(word in told for word in refusal) is not recorded


@pytest.mark.parametrize("verb", Action)
def test_every_verb_says_what_it_did(verb: Action) -> None:
    """Each button has its own words for success; Approve has those of `answers.approved`."""
    assert reply(Reply(Answer.RECORDED), verb)
    assert (verb in DONE) is (verb is not Action.APPROVE)


def test_closed_approval_says_when_it_opens() -> None:
    """The clicker learns for whom, and until when at the latest, approval waits."""
    told = reply(Reply(Answer.NOT_OPEN_YET), "approve", "UMANAGER", NOW)
    assert told.startswith("Approval opens when <@UMANAGER> says Fine, at the latest <!date^")
