"""Checks that describe a JSON value: what it may hold and how long it may be.

A check takes a value and the JSON pointer to it and yields what is wrong, in Slack's form:
``must be less than 76 characters [json-pointer:/blocks/0/text/text]``.
"""

from collections.abc import Callable, Iterator, Mapping

Check = Callable[[object, str], Iterator[str]]


def wrong(what: str, pointer: str) -> str:
    """One line of an ``invalid_blocks`` answer."""
    return f"{what} [json-pointer:{pointer}]"


def string(longest: int, shortest: int = 1) -> Check:
    """A string of `shortest` to `longest` characters."""

    def check(value: object, at: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield wrong("must be a string", at)
        elif len(value) < shortest:
            yield wrong(f"must be more than {shortest - 1} characters", at)
        elif len(value) > longest:
            yield wrong(f"must be less than {longest + 1} characters", at)

    return check


def integer(lowest: int, highest: int) -> Check:
    """A whole number from `lowest` to `highest`; true and false are no numbers."""

    def check(value: object, at: str) -> Iterator[str]:
        if isinstance(value, bool) or not isinstance(value, int):
            yield wrong("must be an integer", at)
        elif not lowest <= value <= highest:
            yield wrong(f"must be between {lowest} and {highest}", at)

    return check


def boolean(value: object, at: str) -> Iterator[str]:
    """True or false."""
    if not isinstance(value, bool):
        yield wrong("must be a boolean", at)


def number(value: object, at: str) -> Iterator[str]:
    """Any number; true and false are no numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield wrong("must be a number", at)


def one_of(*allowed: str) -> Check:
    """One of these words."""

    def check(value: object, at: str) -> Iterator[str]:
        if value not in allowed:
            yield wrong(f"must be one of {', '.join(allowed)}", at)

    return check


def items(check_item: Check, fewest: int, most: int) -> Check:
    """A list of `fewest` to `most` values that each pass `check_item`."""

    def check(value: object, at: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield wrong("must be an array", at)
            return
        if len(value) < fewest:
            yield wrong(f"no less than {fewest} items allowed", at)
        if len(value) > most:
            yield wrong(f"no more than {most} items allowed", at)
        for index, item in enumerate(value):
            yield from check_item(item, f"{at}/{index}")

    return check


def fields(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object with these fields and no others."""
    known = {**required, **(optional or {})}

    def check(value: object, at: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield wrong("must be an object", at)
            return
        for name in required:
            if name not in value:
                yield wrong(f"missing required field: {name}", at)
        for name, inner in value.items():
            if name in known:
                yield from known[name](inner, f"{at}/{name}")
            else:
                yield wrong(f"unexpected field: {name}", at)

    return check


def by_type(kinds: Mapping[str, Check]) -> Check:
    """An object whose ``type`` chooses the check for all of it."""

    def check(value: object, at: str) -> Iterator[str]:
        kind = value.get("type") if isinstance(value, dict) else None
        if not isinstance(kind, str) or kind not in kinds:
            yield wrong(f"unsupported type: {kind}; allowed: {', '.join(sorted(kinds))}", at)
        else:
            yield from kinds[kind](value, at)

    return check


def typed(
    kind: str, required: Mapping[str, Check], optional: Mapping[str, Check] | None = None
) -> Check:
    """`fields` with the ``type`` already in it."""
    return fields({"type": one_of(kind), **required}, optional)


def all_of(*checks: Check) -> Check:
    """Every check in turn."""

    def check(value: object, at: str) -> Iterator[str]:
        for one in checks:
            yield from one(value, at)

    return check
