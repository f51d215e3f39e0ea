"""Prompts as versioned files, and the fence around text that we did not write."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
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

    def extended(self, part: str, data: list[dict[str, str]]) -> Prompt:
        """The same, then `prompts/<part>.md` and `data` in the fence.

        The label then ends in a hash of the data: "propose/3+1f2e3d4c".
        """
        given = fenced({part: data})
        version = f"{self.version}+{hashlib.sha256(given.encode()).hexdigest()[:8]}"
        text = "\n\n".join([self.text, _file(f"{part}.md").strip(), given])
        return replace(self, version=version, text=text)


@cache
def prompt(name: str, language: str = "") -> Prompt:
    """The prompt in `prompts/<name>.md`, whose first line is `version: N`.

    With a `language`, what `prompts/<name>.<language>.md` says about it follows.
    """
    head, _, text = _file(f"{name}.md").partition("\n")
    parts = [text.strip(), *([_file(f"{name}.{language}.md").strip()] if language else [])]
    return Prompt(name, head.removeprefix("version:").strip(), "\n\n".join(parts))


@cache
def fingerprint() -> str:
    """A hash (64 hex digits) of everything that decides how texts are read and what a model may
    write: prompts, vocabularies and phrases."""
    whole = hashlib.sha256()
    for folder in ("prompts", "vocabulary", "phrases"):
        for file in sorted(files("jobs.reasoning").joinpath(folder).iterdir(), key=_name):
            if file.is_file() and file.name.endswith((".md", ".txt", ".py")):
                whole.update(f"{folder}/{file.name}\n".encode() + file.read_bytes())
    return whole.hexdigest()


def _name(file: Traversable) -> str:
    return file.name


def _file(name: str) -> str:
    return files("jobs.reasoning").joinpath("prompts", name).read_text(encoding="utf-8")


def fenced(data: dict[str, Any]) -> str:
    """`data` as JSON on one line between two marks, so it can forge neither marks nor lines.

    It stays in the order given: sorted, line 10 of a text would come before line 2.
    """
    line = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"{FENCE[0]}\n{line}\n{FENCE[1]}"
