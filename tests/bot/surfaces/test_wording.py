"""The words in which surfaces speak of what rules and ledger say."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from bot.surfaces.wording import RULE_WORDS
from jobs.rules import gates
from jobs.rules.gates.about_ledger import ON_ACCOUNT
from jobs.rules.gates.about_texts import STANCES
from jobs.rules.gates.marks import RULES


def test_every_rule_has_its_words() -> None:
    """Each name that a ruling is made with, directly or by way of a table."""
    folder = Path(str(gates.__file__)).parent
    named = {name for path in folder.glob("*.py") for name in _named(path)}
    tables = {row[1] for row in STANCES.values()} | {row[1] for row in RULES.values()}
    assert len(named) > 25
    assert sorted((named | tables | ON_ACCOUNT) - RULE_WORDS.keys()) == []


def _named(path: Path) -> Iterator[str]:
    """The rules that a module names where it makes a ruling: a text, or a constant with one."""
    module = import_module(f"{gates.__name__}.{path.stem}")
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        at = {"Ruling": 1, "_never": 0}.get(getattr(getattr(call, "func", None), "id", ""))
        if at is None or not isinstance(call, ast.Call):
            continue
        match call.args[at]:
            case ast.Constant(value=str(name)):
                yield name
            case ast.Name(id=constant) if constant.isupper():
                yield getattr(module, constant)
