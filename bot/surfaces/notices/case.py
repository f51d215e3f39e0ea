"""The words about a case: lines in the thread of its card, and what one person is told. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal

from bot.blockkit.blocks import channel_link, mention
from bot.blockkit.escaping import escaped
from bot.surfaces import wording
from bot.surfaces.notices.given import Given
from bot.surfaces.rewording import changed_said
from bot.surfaces.wording import marked_as, sentence
from jobs.decide.verbs import DECISIONS, Verb
from jobs.rules.figures import Money, day, listed
from jobs.rules.plain import capital, one_line
from jobs.rules.promises import PromiseState
from jobs.store.outbox import MessageKind

MOST_NAMED = 5


def _called(users: Iterable[str]) -> str:
    """They have to know or to act, so Slack notifies them."""
    return ", ".join(filter(None, map(mention, users)))


def _to(given: Given, text: str) -> str:
    """To those who are called; a line of its own if nobody is."""
    names = _called(given.data["called"])
    return f"{names}: {text}" if names else f"{text[:1].upper()}{text[1:]}"


def _decided(given: Given) -> str:
    """Mentions nobody; reason and comment are a person's own words."""
    said = [given.data["reason"].replace("_", " "), given.data["comment"]]
    why = escaped(one_line(": ".join(filter(None, said)), 300))
    did = DECISIONS[given.data["decision"]].did
    return sentence(f"{given.who} {did}{f': {why}' if why else ''}")


def _assigned(given: Given) -> str:
    """To the person who is to decide next."""
    case = escaped(given.data["case"])
    where = channel_link(given.data["channel"])
    card = f" Its card is in {where}." if where else ""
    why = escaped(one_line(given.data["comment"], 300))
    about = escaped(one_line(given.data["customer"], 200)) + (f" – {why}" if why else "")
    return (
        f"{sentence(f'{given.who} assigned case {case} to you: {about}')}{card} `/overdue case "
        f"{case}` shows where it stands, `/overdue mine` all that waits for you."
    )


def _draft_copy(given: Given) -> str:
    """To the person who asked for it."""
    case = escaped(given.data["case"])
    if given.data["sent"]:
        return f"The test copy of case {case} is in your mailbox. The customer got nothing."
    return sentence(f"There is no test copy of case {case} in your mailbox. {given['reason']}")


def _channel_shared(given: Given) -> str:
    """To each finance lead: the channel itself is read by others."""
    where = channel_link(given.data["channel"]) or "The finance channel"
    return (
        f":rotating_light: {where} is shared with another organisation, or is about to be. Nothing "
        "is posted or updated there any more, so that nobody outside reads the cards. Please end "
        "the sharing in Slack, or choose another channel with `overdue connect --channel`. Nothing "
        "is lost: what waits is posted then."
    )


def _customer_changed(given: Given) -> str:
    """Mentions nobody."""
    data, done = given.data, []
    if data["new"]:
        done.append(f"marked this customer as {listed(list(map(marked_as, data['new'])))}")
    if data["lifted"]:
        done.append(f"lifted the mark {listed(list(map(marked_as, data['lifted'])))}")
    if "account_manager" in data:
        named = escaped(one_line(given.names.get(data["account_manager"], ""))) or "somebody else"
        now = f"named {named} as" if data["account_manager"] else "no longer names an"
        done.append(f"{now} account manager")
    for source, records in data.get("known_as", {}).items():
        numbers = escaped(listed([f"number {id}" for id in records])) or "whom its addresses name"
        done.append(f"said that in the {escaped(source)} it is {numbers}")
    why = escaped(one_line(data["reason"], 300))
    return f"{given.who} {listed(done) or 'changed a review date'}{f': {why}' if why else ''}."


def _promise_ended(given: Given) -> str:
    what = "The payment plan" if given.data["plan"] else "The promise"
    until = day(date.fromisoformat(given.data["until"]))
    return {
        PromiseState.KEPT: f":white_check_mark: {what} (to {until}) was kept.",
        PromiseState.BROKEN: f":warning: {what} (to {until}), which {given.who} had confirmed, was "
        "not kept. Its invoices move up one stage.",
        PromiseState.WITHDRAWN: f"{what} (to {until}) no longer applies: its invoices are gone.",
    }[PromiseState(given.data["state"])]


def _promise_changed(given: Given) -> str:
    """Mentions nobody."""
    data = given.data
    names = [escaped(one_line(name, 60)) for name in data["gone"][:MOST_NAMED]]
    more = len(data["gone"]) - len(names)
    gone = listed([*names, *([f"{more} more"] if more else [])])
    what = "the payment plan" if data["plan"] else "the promise"
    asked = wording.money(Money(Decimal(data["amount"]), data["currency"]))
    until = day(date.fromisoformat(data["until"]))
    parts = data["parts"]
    now = (
        f"{asked} in {parts} instalments, the last on {until}"
        if parts > 1
        else f"{asked} by {until}"
    )
    is_gone = "was" if len(data["gone"]) == 1 else "were"
    return sentence(f"{capital(gone)} {is_gone} voided or deleted: {what} is now {now}")


def _voided(given: Given) -> str:
    return _to(given, f"nothing was sent. {given['reason']}")


def _edited(given: Given) -> str:
    return _to(given, f"nothing was sent. {given.who} has edited the text.")


def _reworded(given: Given) -> str:
    """The blocks show the changes in their place; this is for whoever hears them."""
    said = changed_said(*given.letters) if given.letters else ""
    return f"{given.who} {DECISIONS[Verb.EDIT].did}.\n{said}".strip()


def _text_dropped(given: Given) -> str:
    return _to(given, escaped(" ".join(given.data["changed"])) or "your text no longer fits.")


def _send_unknown(given: Given) -> str:
    return _to(
        given,
        "we cannot tell whether the message was sent. Please check the Sent folder or the mail "
        "server's log, then press “It was sent” or “It was not sent” on the card. Nothing is sent "
        "again by itself.",
    )


def _accepted_late(given: Given) -> str:
    return _to(
        given,
        "the mail server did accept the earlier message, although somebody said that it was not "
        "sent. Nothing is sent a second time.",
    )


def _sent_twice(given: Given) -> str:
    return _to(
        given,
        "the mail server did accept the earlier message, and a second one has been sent meanwhile "
        "or may have been. Please tell the customer.",
    )


def _not_gone(given: Given) -> str:
    return _to(
        given,
        "the message was not handed to the mail server, although somebody said that it was "
        "sent. Please write to the customer yourself, and take back the QuickBooks note.",
    )


def _note_failed(given: Given) -> str:
    return (
        f"The note could not be written to QuickBooks: {given['reason']} Its text: {given['note']}"
    )


def _note_kept(given: Given) -> str:
    return _to(given, f"the note could not be taken back: {given['reason']}")


def _card_frozen(given: Given) -> str:
    return f"This card can no longer be changed. Where the case stands now:\n{given.card}"


def _case_page(given: Given) -> str:
    return (
        f"{given.who} asked for this case as a page, to hand it over. It quotes internal notes: "
        "read it before you give it to somebody outside."
    )


WORDS: Mapping[MessageKind, Callable[[Given], str]] = {
    MessageKind.ASSIGNED: _assigned,
    MessageKind.PROMISE_ENDED: _promise_ended,
    MessageKind.PROMISE_CHANGED: _promise_changed,
    MessageKind.DRAFT_COPY: _draft_copy,
    MessageKind.CHANNEL_SHARED: _channel_shared,
    MessageKind.DECIDED: _decided,
    MessageKind.CUSTOMER_CHANGED: _customer_changed,
    MessageKind.VOIDED: _voided,
    MessageKind.EDITED: _edited,
    MessageKind.REWORDED: _reworded,
    MessageKind.TEXT_DROPPED: _text_dropped,
    MessageKind.SEND_UNKNOWN: _send_unknown,
    MessageKind.ACCEPTED_LATE: _accepted_late,
    MessageKind.SENT_TWICE: _sent_twice,
    MessageKind.NOT_GONE: _not_gone,
    MessageKind.NOTE_FAILED: _note_failed,
    MessageKind.NOTE_KEPT: _note_kept,
    MessageKind.CARD_FROZEN: _card_frozen,
    MessageKind.CASE_PAGE: _case_page,
}
"""The words of each kind."""
