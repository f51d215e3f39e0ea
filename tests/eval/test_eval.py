"""How well the rules alone read the written cases, and that any model can be measured on them."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from jobs.reasoning.cleaning import lines
from jobs.reasoning.model import OPENAI
from tests.eval import report
from tests.eval.__main__ import main
from tests.eval.cases import LEVELS, RULES, Case, cases
from tests.eval.readers import NAME, Filed, Results, by_rules, real
from tests.eval.running import run
from tests.sandbox.model.answers import answer_to

FLOORS = Path(__file__).parent / "floors.toml"


@pytest.fixture(scope="module")
def by_rules_alone() -> Results:
    """All cases without a model, read once."""
    return by_rules(cases(), run)


def test_there_are_cases_of_every_kind() -> None:
    """Plain and sly ones for everything that a text may say, and texts that say nothing."""
    assert len(cases()) >= 150
    names = [case.name for case in cases()]
    assert len(names) == len(set(names))
    said = {(case.level, stance) for case in cases() for stance in case.says}
    assert said >= {("plain", stance) for stance in RULES}
    assert len({stance for level, stance in said if level == "sly"}) >= len(RULES) - 1
    assert [c.name for c in cases() if c.line and not any(c.line in x for x in lines(c.text))] == []


def test_rules_alone_miss_nothing_grave_in_plain_words(by_rules_alone: Results) -> None:
    """Each dispute, hardship and paid claim of the plain half is heard."""
    silent, asked = report.missed(by_rules_alone, "plain")
    assert asked >= 100
    assert [case.name for case in silent] == []


def test_plain_words_raise_no_alarm(by_rules_alone: Results) -> None:
    """What says nothing about the bill is read as that."""
    loud, quiet = report.alarms(by_rules_alone, "plain")
    assert quiet >= 50
    assert [case.name for case in loud] == []


def test_the_rules_only_become_better(by_rules_alone: Results) -> None:
    """The figures on record are the present ones: a better one is recorded, so that it stays."""
    found = {level: _figures(by_rules_alone, level) for level in LEVELS}
    recorded = tomllib.loads(FLOORS.read_text(encoding="utf-8"))
    worse = {
        f"{level}: {name}": (figure, "on record", recorded[level][name])
        for level, figures in found.items()
        for name, figure in figures.items()
        if figure < recorded[level][name]
    }
    assert worse == {}
    assert found == recorded, f"better than on record: raise the figures in {FLOORS.name}"


def _figures(results: Results, level: str) -> dict[str, int]:
    figures = {name: report.right(results, level, name)[0] for name in report.ASPECTS}
    silent, grave = report.missed(results, level)
    return {**figures, "grave heard": grave - len(silent)}


def test_any_model_is_measured_by_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two turns: what is read, then what is proposed from it; the report names the model."""
    few = tuple(c for c in cases() if c.name.startswith("plan: ") and c.level == "plain")
    monkeypatch.setattr("tests.eval.__main__.cases", lambda: few)
    asked, answers = tmp_path / "asked", tmp_path / "answers"
    answers.mkdir()
    (answers / NAME).write_text("parrot-1\n", encoding="utf-8")
    turns = []
    for _ in range(2):
        main(["--prompts", str(asked), "--answers", str(answers)])
        turns.append({path.name.partition("-")[0] for path in _answer(asked, answers)})
        capsys.readouterr()
    assert turns == [{"ReadingForm"}, {"ProposalForm"}]
    main(["--answers", str(answers)])
    told = capsys.readouterr().out
    assert f"parrot-1, from {answers}: {len(few)} cases" in told
    assert f"parrot-1, from {answers} alone" in told
    assert "no answer yet" not in told


def test_a_real_model_is_asked_only_with_a_key() -> None:
    """By the product's own settings, and their defaults."""
    assert real({}) is None
    asked = real({"OPENAI_API_KEY": "k", "OPENAI_MODEL": "parrot-2", "OPENAI_API": "chat"})
    assert asked is not None
    assert (asked.name, asked.base_url, asked.api) == ("parrot-2", OPENAI, "chat")


def test_answers_without_a_name_are_not_scored(tmp_path: Path) -> None:
    """Nobody could say whose figures these are."""
    with pytest.raises(SystemExit):
        main(["--answers", str(tmp_path)])


def test_an_answer_in_no_form_leaves_it_to_the_phrases(tmp_path: Path) -> None:
    """It counts as the product would count it, not as an answer that is missing."""
    case = Case.model_validate(
        {"name": "x", "level": "plain", "text": "We dispute this.", "says": ["dispute"]}
    )
    files = Filed(tmp_path, tmp_path)
    assert files.results((case,), run) == []
    (name,) = files.unanswered
    (tmp_path / f"{name}.json").write_text("I would rather not say.", encoding="utf-8")
    ((_, found),) = Filed(tmp_path).results((case,), run)
    assert (found.stance, found.by_model) == (case.stance, None)


def _answer(asked: Path, answers: Path) -> list[Path]:
    """Answer what has no answer yet, as the stand-in does; returns those questions."""
    new = [path for path in asked.iterdir() if not (answers / f"{path.stem}.json").exists()]
    for path in new:
        data: dict[str, Any] = json.loads(
            path.read_text(encoding="utf-8").split("<<<DATA\n")[-1].split("\nDATA>>>")[0]
        )
        said = f"```json\n{json.dumps(answer_to(data))}\n```"
        (answers / f"{path.stem}.json").write_text(said, encoding="utf-8")
    return new
