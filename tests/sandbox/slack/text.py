"""Text objects, options and confirm dialogs: the parts that blocks and elements share."""

from collections.abc import Iterator

from tests.sandbox.slack.shape import (
    Check,
    boolean,
    by_type,
    fields,
    items,
    one_of,
    string,
    typed,
    wrong,
)


def plain(longest: int) -> Check:
    """A plain_text object."""
    return typed("plain_text", {"text": string(longest)}, {"emoji": boolean})


def mrkdwn(longest: int) -> Check:
    """A mrkdwn object."""
    return typed("mrkdwn", {"text": string(longest)}, {"verbatim": boolean})


def text(longest: int) -> Check:
    """A plain_text or mrkdwn object."""
    return by_type({"plain_text": plain(longest), "mrkdwn": mrkdwn(longest)})


confirm = fields(
    {"title": plain(100), "text": plain(300), "confirm": plain(30), "deny": plain(30)},
    {"style": one_of("primary", "danger")},
)


def option(text_kind: Check, **more: Check) -> Check:
    """An option of a select, checkbox or radio group; in an overflow menu it may have a link."""
    optional = {"description": text(75), **more}
    return fields({"text": text_kind, "value": string(150)}, optional)


def options(most: int, text_kind: Check, **more: Check) -> Check:
    """One to `most` options whose values differ."""

    def distinct(value: object, at: str) -> Iterator[str]:
        values = (
            [one.get("value") for one in value if isinstance(one, dict)]
            if isinstance(value, list)
            else []
        )
        if len(set(map(str, values))) != len(values):
            yield wrong("option values must be unique", at)

    def check(value: object, at: str) -> Iterator[str]:
        yield from items(option(text_kind, **more), 1, most)(value, at)
        yield from distinct(value, at)

    return check
