"""Small checks to build a payload's check from; each yields sentences that start with a path."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Faults = Iterator[str]
Check = Callable[[Any, str], Faults]


def anything(_value: Any, _at: str) -> Faults:
    yield from ()


def words(most: int, least: int = 1) -> Check:
    """A string of `least` to `most` characters."""

    def check(value: Any, at: str) -> Faults:
        if not isinstance(value, str):
            yield f"{at}: has to be text"
        elif not least <= len(value) <= most:
            yield f"{at}: {len(value)} characters, allowed are {least} to {most}"

    return check


def whole(least: int, most: int) -> Check:
    """An integer between `least` and `most`."""

    def check(value: Any, at: str) -> Faults:
        if type(value) is not int or not least <= value <= most:
            yield f"{at}: has to be a whole number from {least} to {most}"

    return check


def number(value: Any, at: str) -> Faults:
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield f"{at}: has to be a number"


def flag(value: Any, at: str) -> Faults:
    if not isinstance(value, bool):
        yield f"{at}: has to be true or false"


def choice(*allowed: str) -> Check:
    def check(value: Any, at: str) -> Faults:
        if value not in allowed:
            yield f"{at}: {value!r} is none of {', '.join(allowed)}"

    return check


def many(each: Check, most: int, least: int = 1) -> Check:
    """A list of `least` to `most` items."""

    def check(value: Any, at: str) -> Faults:
        if not isinstance(value, list):
            yield f"{at}: has to be a list"
            return
        if not least <= len(value) <= most:
            yield f"{at}: {len(value)} items, allowed are {least} to {most}"
        for number, item in enumerate(value):
            yield from each(item, f"{at}[{number}]")

    return check


def thing(needs: Mapping[str, Check], may: Mapping[str, Check] | None = None) -> Check:
    """An object with all of `needs`, any of `may`, and no other field."""
    known = {**needs, **(may or {})}

    def check(value: Any, at: str) -> Faults:
        if not isinstance(value, dict):
            yield f"{at}: has to be an object"
            return
        yield from (f"{at}: {name} is missing" for name in needs if name not in value)
        for name, inner in value.items():
            rule = known.get(name)
            yield from rule(inner, f"{at}.{name}") if rule else [f"{at}.{name}: unknown field"]

    return check


def kind(needs: Mapping[str, Check], may: Mapping[str, Check] | None = None) -> Check:
    """A `thing` that has already been selected by its type."""
    return thing({"type": anything, **needs}, may)


def one_of(kinds: Mapping[str, Check]) -> Check:
    """An object whose type selects its check."""

    def check(value: Any, at: str) -> Faults:
        found = value.get("type") if isinstance(value, dict) else None
        if isinstance(found, str) and found in kinds:
            yield from kinds[found](value, at)
        else:
            yield f"{at}: type {found!r} has no place here"

    return check


def every(*checks: Check) -> Check:
    def check(value: Any, at: str) -> Faults:
        for inner in checks:
            yield from inner(value, at)

    return check
