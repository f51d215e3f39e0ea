"""Prompts as versioned files, and the fence around text that we did not write."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

FENCE = "<<<DATA", "DATA>>>"


@dataclass(frozen=True)
class Prompt:
    """Static instructions. `label` is what records and cards name: "propose/1"."""

    name: str
    version: str
    text: str

    @property
    def label(self) -> str:
        return f"{self.name}/{self.version}"


@cache
def prompt(name: str) -> Prompt:
    """The prompt in `prompts/<name>.md`, whose first line is `version: N`."""
    whole = files("jobs.reasoning").joinpath("prompts", f"{name}.md").read_text(encoding="utf-8")
    head, _, text = whole.partition("\n")
    return Prompt(name, head.removeprefix("version:").strip(), text.strip())


def fenced(data: dict[str, Any]) -> str:
    """`data` as JSON on one line between two marks, so it can forge neither marks nor lines."""
    line = json.dumps(data, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return f"{FENCE[0]}\n{line}\n{FENCE[1]}"
