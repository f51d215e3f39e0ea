"""Rich text: the block that carries outside text without parsing it."""

from tests.sandbox.slack.shape import (
    Check,
    boolean,
    by_type,
    fields,
    integer,
    items,
    one_of,
    string,
    typed,
)

LONGEST = 40_000  # no limit is published for one element; a message's text ends here
MOST = 1000

style = fields({}, {"bold": boolean, "italic": boolean, "strike": boolean, "code": boolean})
PIECES: dict[str, Check] = {
    "text": typed("text", {"text": string(LONGEST)}, {"style": style}),
    "link": typed(
        "link",
        {"url": string(3000)},
        {"text": string(LONGEST), "style": style, "unsafe": boolean},
    ),
    "emoji": typed("emoji", {"name": string(100)}, {"style": style, "unicode": string(100)}),
    "user": typed("user", {"user_id": string(20)}, {"style": style}),
    "usergroup": typed("usergroup", {"usergroup_id": string(20)}, {"style": style}),
    "channel": typed("channel", {"channel_id": string(20)}, {"style": style}),
    "date": typed(
        "date",
        {"timestamp": integer(0, 2**40), "format": string(200)},
        {"url": string(3000), "fallback": string(200), "style": style},
    ),
    "broadcast": typed("broadcast", {"range": one_of("here", "channel", "everyone")}),
}
pieces = items(by_type(PIECES), 0, MOST)
indent, border, offset = integer(0, 8), integer(0, 1), integer(0, 10_000)

section = typed("rich_text_section", {"elements": pieces})
preformatted = typed("rich_text_preformatted", {"elements": pieces}, {"border": border})
quote = typed("rich_text_quote", {"elements": pieces}, {"border": border})
bullets = typed(
    "rich_text_list",
    {"elements": items(section, 1, MOST), "style": one_of("bullet", "ordered")},
    {"indent": indent, "offset": offset, "border": border},
)
PARTS: dict[str, Check] = {
    "rich_text_section": section,
    "rich_text_preformatted": preformatted,
    "rich_text_quote": quote,
    "rich_text_list": bullets,
}
parts = items(by_type(PARTS), 1, MOST)
