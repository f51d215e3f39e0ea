"""The words of everything said besides cards and answers: a row per kind, all from its data. Pure.

Whatever is in the data comes from outside and is escaped here; people are named, which notifies
nobody, and mentioned only where somebody has to act.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.blockkit import ids
from bot.blockkit.blocks import (
    actions,
    button,
    chunks,
    confirm,
    mention,
    section,
    stamp,
)
from bot.blockkit.escaping import cap
from bot.blockkit.lint import MOST_TEXT
from bot.surfaces import customer_replies, digest, first_look, learning, review
from bot.surfaces.card.card import Card
from bot.surfaces.notices import case, company
from bot.surfaces.notices.given import Given
from bot.surfaces.rewording import changed_blocks
from jobs.decide.switches import Switch
from jobs.store.companies import ConnectedCompany
from jobs.store.outbox import MessageKind
from jobs.store.services import model_versions


def notice(kind: MessageKind, given: Given) -> Card:
    """The message as Slack takes it; without blocks unless it asks for a click."""
    if kind is MessageKind.DIGEST:
        return digest.digest(given.data, given.names, given.asker)
    if given.reviews and kind in (MessageKind.REVIEW, MessageKind.REVIEW_DETAILS):
        return (review.weekly if kind is MessageKind.REVIEW else review.details)(given.reviews)
    if kind is MessageKind.REVIEW_WORDING and given.wording and given.asker:
        return learning.proposed(given.asker.realm, given.wording, given.names)
    text = WORDS[kind](given)
    if kind is MessageKind.CONNECTED and given.data["asks"] and given.asker:
        return _question(text, given.asker)
    if kind is MessageKind.FIRST_LOOK and given.asker:
        return _first_look(text, given.asker)
    if kind is MessageKind.MODEL_OFFERED and given.asker:
        return _model(text, given.data["to"], given.asker)
    if kind is MessageKind.REPLY:
        return customer_replies.shown(cap(text, MOST_TEXT - 200), given.reply, given.names)
    if given.letters:
        top, blocks = section(text.partition("\n")[0]), changed_blocks(*given.letters)
        return Card(cap(text, MOST_TEXT), [top, *blocks])
    return Card(cap(text, MOST_TEXT), [])


def _question(text: str, company: ConnectedCompany) -> Card:
    """The notice "connected", which asks to switch off QuickBooks' own reminders."""
    if company.reminders_off_at:
        who = mention(company.reminders_off_by or "") or "somebody"
        told = f"{text}\n:white_check_mark: Confirmed as off by {who}, "
        told += f"{stamp(company.reminders_off_at)}."
        return Card(cap(told, MOST_TEXT), [section(told)])
    row = actions([reminders_button(company)], "reminders")
    return Card(cap(text, MOST_TEXT), [section(text), row])


def _first_look(text: str, company: ConnectedCompany) -> Card:
    """The notice "first look", with what a finance lead presses once the cards look right."""
    blocks = [section(piece) for piece in chunks(cap(text, MOST_TEXT), 2900)]
    row = [] if company.reminders_off_at else [reminders_button(company)]
    if not company.live:
        blocks.append(actions([*row, live_button(company)], "first_look"))
    return Card(cap(text, MOST_TEXT), blocks)


def _model(text: str, label: str, company: ConnectedCompany) -> Card:
    """The notice "model offered", with its button while this model is what is offered."""
    if company.model_offered != label:
        used = company.model == label
        said = "It is used now." if used else "It is no longer offered."
        text = f"{text}\n:white_check_mark: {said}"
        return Card(cap(text, MOST_TEXT), [section(text)])
    value = ids.of_model(company.realm, model_versions.fingerprint(label))
    says = f"Use this model for {company.name}"
    row = actions([button(ids.USE_MODEL, "Use it", value, style="primary", says=says)], "model")
    return Card(cap(text, MOST_TEXT), [section(text), row])


def live_button(company: ConnectedCompany) -> dict[str, object]:
    """What a finance lead presses to leave shadow mode."""
    row, value = Switch.GO_LIVE.row, ids.of_company(company.realm)
    asks = confirm("Go live?", row.asks, row.button, "Not yet")
    return button(
        Switch.GO_LIVE, row.button, value, says=f"{row.button}: {company.name}", confirm=asks
    )


def reminders_button(company: ConnectedCompany) -> dict[str, object]:
    """What a finance lead presses to confirm."""
    value = ids.of_company(company.realm)
    says = f"QuickBooks' own reminders are off for {company.name}"
    return button(
        Switch.REMINDERS_OFF, Switch.REMINDERS_OFF.row.button, value, style="primary", says=says
    )


WORDS: Mapping[MessageKind, Callable[[Given], str]] = {
    **company.WORDS,
    **case.WORDS,
    MessageKind.FIRST_LOOK: lambda given: "\n".join(first_look.lines(given.data)),
    MessageKind.DIGEST: lambda given: digest.digest(given.data, given.names, None).text,
    MessageKind.REPLY: lambda given: customer_replies.words(given.data),
    MessageKind.REVIEW: lambda _: review.GONE,
    MessageKind.REVIEW_DETAILS: lambda _: review.GONE,
    MessageKind.REVIEW_CASES: lambda _: review.TABLE,
    MessageKind.REVIEW_WORDING: lambda _: learning.GONE,
    MessageKind.WORDING_CHANGED: lambda given: learning.changed(
        given.wording, given.who, back=given.data["back"]
    ),
}
"""The words of each kind."""
