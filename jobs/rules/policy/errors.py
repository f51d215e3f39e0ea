"""What is wrong with a policy file, as sentences for the person who wrote it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from difflib import get_close_matches
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

Location = tuple[int | str, ...]
NAMED_KEY = re.compile(r'(?:In `\[company\."(\d+)"\]`: )?`([^`]+)`')
HEAD = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]")
KEY = re.compile(r'\s*"?([\w-]+)"?\s*=')


class PolicyError(ValueError):
    """The policy file cannot be used; the text says what to change, a line per mistake."""


def sentences(error: ValidationError, file: type[BaseModel]) -> Iterator[str]:
    """A sentence per key that is wrong, in the order of the file."""
    seen: set[str] = set()
    for mistake in error.errors(include_url=False):
        sentence = _sentence(mistake, file)
        if sentence not in seen:
            seen.add(sentence)
            yield sentence


def located(sentence: str, text: str) -> str:
    """A sentence about a key of the file `text`, after "line 7: " if the key stands there."""
    found = NAMED_KEY.search(sentence)
    if found is None:
        return sentence
    key = f"company.{found[1]}.{found[2]}" if found[1] else found[2]
    line = dict(_keys(text)).get(key)
    return f"line {line}: {sentence}" if line else sentence


def _keys(text: str) -> Iterator[tuple[str, int]]:
    """Each section and key, as sentences name it, and its line."""
    section, lists = "", Counter[str]()
    for number, line in enumerate(text.splitlines(), 1):
        if head := HEAD.match(line):
            section = head[2].replace('"', "")
            if head[1] == "[[":
                lists[section] += 1
                section = f"{section}.{lists[section] - 1}"
            yield section, number
        elif key := KEY.match(line):
            yield f"{section}.{key[1]}".removeprefix("."), number


def _sentence(mistake: ErrorDetails, file: type[BaseModel]) -> str:
    where = mistake["loc"]
    if not where:
        return mistake["msg"].removeprefix("Value error, ")
    key = ".".join(str(part) for part in where if part != "[key]")
    if mistake["type"] == "extra_forbidden":
        return f"`{key}` is not a key of the policy file{_perhaps(where, file)}"
    expected = _expected(where, file)
    if mistake["type"] == "missing":
        return f"`{key}` is missing: it should be {expected}."
    return f"`{key}` should be {expected}, not {_as_written(mistake['input'])}."


def _as_written(value: object) -> str:
    """A value as written in TOML: `true`, text in double quotes, lists and tables of these."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return json.dumps(value, ensure_ascii=False)
        case list() | tuple():
            return f"[{', '.join(map(_as_written, value))}]"
        case dict():
            pairs = (f"{_as_written(key)} = {_as_written(each)}" for key, each in value.items())
            return f"{{ {', '.join(pairs)} }}"
    return str(value)


def _perhaps(where: Location, file: type[BaseModel]) -> str:
    known = list(_model_at(where[:-1], file).model_fields)
    close = get_close_matches(str(where[-1]), known, n=1)
    return f"; did you mean `{close[0]}`?" if close else f"; known here: {', '.join(known)}."


def _expected(where: Location, file: type[BaseModel]) -> str:
    if where[-1] == "[key]":
        return '"home" or a currency code such as EUR'
    model = file
    for part in where:
        field = model.model_fields.get(str(part))
        if field is not None and field.description:
            return field.description
        model = _inner(field) if field is not None else model
    return "a block of lines, as in the documented default file"


def _model_at(where: Location, file: type[BaseModel]) -> type[BaseModel]:
    model = file
    for part in where:
        field = model.model_fields.get(str(part))
        model = _inner(field) if field is not None else model
    return model


def _inner(field: FieldInfo) -> type[BaseModel]:
    """The section that a field holds, alone, in a list or in a table."""
    kinds = (field.annotation, *get_args(field.annotation))
    return next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), BaseModel)
