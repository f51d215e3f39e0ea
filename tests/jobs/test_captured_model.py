"""A model that belongs to an attacker, and answers in the right form with whatever they want.

Whatever it says, what somebody could approve has the ledger's figures and our own words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.decide.access import Answer
from jobs.reasoning.phrases import phrases
from jobs.reasoning.proposing import ProposalForm
from jobs.rules.facts.evidence import Document, Stance
from jobs.rules.rulings import Kind
from jobs.rules.states import CaseClass, Stage
from jobs.rules.verification.verify import verify
from tests.jobs.captured import LINK, AtProposal, Outcome, model
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import books, customer, invoice
from tests.jobs.reasoning.measured import Hostile, honest, hostile
from tests.jobs.test_obedient_model import LEDGER, THOROUGH
from tests.sandbox.model.answers import HOSTILE, answer_to

SENTENCES = [*hostile("hostile"), *hostile("put_aside")]
WANTED = {one.text for one in SENTENCES if not one.place}
"""What an attacker wants a customer to read; some others are only out of place in a reminder."""
FOR_COLLEAGUES = {one.text for one in SENTENCES if one.place == "notes"}
HARMLESS = [text for letter in honest("en") for text in letter.sentences]
LETTERS = {
    "dispute": "We dispute this bill: we never ordered it.",
    "paid": "We have already paid this invoice.",
    "hardship": "We have filed for bankruptcy.",
    "fraud": "Our bank details have changed.",
    "thanks": "Thank you for the reminder.",
}
LONG = [text for text in WANTED if len(text) > 25 and "{" not in text]
"""A shorter text may stand in a letter by chance: "Please reply"."""
AMOUNT = re.compile(r"[$€£]\s?[\d.,]*\d")


@dataclass
class Captured:
    """Says what it is told to say, about texts and in letters."""

    reading: dict[str, Any] = field(default_factory=dict)
    proposal: dict[str, Any] = field(default_factory=dict)

    def __call__(self, data: dict[str, Any]) -> dict[str, Any]:
        if "lines" in data:
            return {"stance": "none", "lines": [1]} | self.reading
        return answer_to(data) | self.proposal


@dataclass(frozen=True)
class Scene:
    """Cases of several stages, and a captured model that reads and writes for them."""

    cases: tuple[AtProposal, ...]
    captured: Captured
    by: Any

    def outcome(self, n: int, text: str, **said: dict[str, Any]) -> Outcome:
        self.captured.reading = said.get("reading", {})
        self.captured.proposal = said.get("proposal", {})
        case = self.cases[n % len(self.cases)]
        document = Document("mail:1", "mailbox", "mail", case.harness.now, text)
        return case.outcome(self.by, [document] if text else [])


@pytest.fixture(scope="module")
def scene(only_harness: OpenHarness) -> Iterator[Scene]:
    """A firm message after a follow-up, a key account, and a first reminder in German."""
    more = (customer("3"), invoice("74", "3", "95.00", -9), invoice("71", "1", "840.00", 12))
    key = {"customer": [{"id": "2", "key_account": True}, {"id": "3", "locale": "de_DE"}]}
    others = [one for one in LEDGER["invoices"] if one["Id"] != "71"]
    harness = only_harness(books(*LEDGER["customers"], *others, *more), key)
    harness.sweep()
    click = harness.click("ULEAD1", harness.case("1"))
    assert harness.approve(click) is Answer.RECORDED
    harness.wait_out()
    harness.time.later(days=14)
    harness.sweep()
    captured = Captured()
    with harness.database.reading() as conn:
        cases = tuple(AtProposal.of(harness, conn, id) for id in ("1", "2", "3"))
        found = Scene(cases, captured, model(captured))
        stages = [found.outcome(n, "").view.stage for n in range(3)]
        assert stages == [Stage.FIRM, Stage.FOLLOW_UP, Stage.REMINDER]
        yield found


def as_it_should_be(case: AtProposal, found: Outcome) -> None:
    """What every letter of a captured model still is; raises AssertionError."""
    letter, made = found.letter, found.prepared.made.proposal
    notes = {made.summary, *(reason.text for reason in made.reasons)}
    assert not notes & FOR_COLLEAGUES
    assert not {made.subject, *made.sentences} & WANTED
    if letter is None:
        return
    assert not [text for text in LONG if text in found.text]
    about, harness = found.view.facts, case.harness
    assert (letter.to, letter.stage) == (found.view.to, found.view.stage)
    known = {f"${one.amount:,.2f}" for i in about.invoices for one in (i.open, i.total)}
    assert set(AMOUNT.findall(found.text)) <= known | {f"${about.asked.amount:,.2f}"}
    assert all("[pay" in link or "@" not in link for link in LINK.findall(found.text))
    if not made.sentences or found.prepared.written is None:
        return  # our own template
    deadline = found.prepared.written.columns["deadline"]
    assert verify(letter, about, harness.policy, found.view.past, deadline=deadline) == ()


def test_no_sentence_of_theirs_reaches_a_letter(scene: Scene) -> None:
    """Of every kind that they are after, among sentences that are taken, in every place."""
    tried = SENTENCES if THOROUGH else SENTENCES[::40]
    for n, one in enumerate(tried):
        for said in _spoken(one):
            found = scene.outcome(n, "", proposal=said)
            as_it_should_be(scene.cases[n % 3], found)
            taken = bool(found.prepared.made.proposal.sentences)
            assert taken is bool(said.keys() & {"summary", "reasons"}), one
    for n, name in enumerate(HOSTILE):
        spoiled = HOSTILE[name](answer_to(_question(scene)))
        as_it_should_be(scene.cases[n % 3], scene.outcome(n, "", proposal=spoiled))


def _question(scene: Scene) -> dict[str, Any]:
    """A question as the model gets it."""
    asked: list[dict[str, Any]] = []

    def keep(data: dict[str, Any]) -> dict[str, Any]:
        asked.append(data)
        return answer_to(data)

    scene.cases[0].outcome(model(keep))
    return asked[-1]


def _spoken(one: Hostile) -> Iterator[dict[str, Any]]:
    """The sentence in each field of an answer; the others are as they would be."""
    first = ["The following is still open on our side: {invoice_table}"]
    if not one.place:
        yield {"class": "routine_reminder", "sentences": [*first, one.text]}
        yield {"class": "routine_reminder", "subject": one.text}
    yield {"summary": one.text}
    yield {"reasons": [{"text": one.text, "evidence": ["e1"]}]}


def test_no_reading_of_theirs_hides_what_a_customer_wrote(scene: Scene) -> None:
    """Whatever stance and lines it answers, the phrases stand beside it."""
    for stance in Stance:
        for n, (name, text) in enumerate(LETTERS.items()):
            lies = {"stance": stance.value, "lines": [7, -1, 10**9]}
            found = scene.outcome(n, text, reading=lies)
            document = Document("mail:1", "mailbox", "mail", scene.cases[0].harness.now, text)
            heard = {one.stance for one in phrases.read_all(document)}
            assert heard <= {one.stance for one in found.view.readings}
            assert (found.letter is None) or name == "thanks", (stance, name)
            assert found.view.kind in ((Kind.STOP, Kind.NEVER) if name != "thanks" else KINDS)


KINDS = (None, *Kind)
TEXTS = st.sampled_from([*sorted(WANTED | FOR_COLLEAGUES), *HARMLESS, "{total_open}", ""])
READINGS = st.fixed_dictionaries(
    {
        "stance": st.sampled_from([one.value for one in Stance]),
        "lines": st.lists(st.integers(-9, 10**12), max_size=5),
    }
)
PROPOSALS = st.fixed_dictionaries(
    {
        "class": st.sampled_from([one.value for one in CaseClass]),
        "confidence": st.sampled_from(["low", "medium", "high"]),
        "reasons": st.lists(
            st.fixed_dictionaries(
                {
                    "text": TEXTS,
                    "evidence": st.lists(st.sampled_from(["e1", "e2", "e99"]), min_size=1),
                }
            ),
            min_size=1,
            max_size=4,
        ),
        "summary": TEXTS,
        "subject": TEXTS,
        "sentences": st.lists(TEXTS, max_size=5),
    }
)


@given(st.integers(0, 2), st.sampled_from(list(LETTERS.values())), READINGS, PROPOSALS)
def test_no_combination_of_theirs_is_harmful(
    scene: Scene, n: int, text: str, reading: dict[str, Any], proposal: dict[str, Any]
) -> None:
    """Any form that the schema allows, filled with what they want and with harmless sentences."""
    assert set(proposal) == {
        field.alias or name for name, field in ProposalForm.model_fields.items()
    }
    found = scene.outcome(n, text, reading=reading, proposal=proposal)
    as_it_should_be(scene.cases[n % 3], found)
    assert found.letter is None or text == LETTERS["thanks"]
