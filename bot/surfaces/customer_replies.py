"""What a customer wrote back, in the thread of its card: the quoted line, what follows, what to do.

Pure. The mail's words are escaped here; the buttons are those that still make sense.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from bot.blockkit.blocks import Block, actions, button, mention, section
from bot.blockkit.escaping import cap, escaped, mrkdwn, one_line
from bot.blockkit.ids import Binding
from bot.surfaces import wording
from bot.surfaces.card.card import Card
from jobs.decide.verbs import Verb
from jobs.rules.facts.evidence import Stance
from jobs.rules.figures import Money, day, listed, short_day
from jobs.rules.replies import CustomerReply, ReplyKind

LONGEST_QUOTE = 500
LONGEST_SENDER = 100


@dataclass(frozen=True)
class ReplyWords:
    """`mark` is an emoji; `says` goes on after the sender; `follows` is what happens, and what a
    person can do, as sentences."""

    mark: str
    says: str
    follows: str = ""


KINDS: Mapping[ReplyKind, ReplyWords] = {
    ReplyKind.NONE: ReplyWords(":incoming_envelope:", "wrote"),
    ReplyKind.QUESTION: ReplyWords(
        ":question:", "asks something", "Please answer from the mailbox."
    ),
    ReplyKind.PROMISE: ReplyWords(
        ":calendar:",
        "says when they will pay",
        "Once somebody confirms it, nobody is reminded until three working days after that day.",
    ),
    ReplyKind.NEW_CONTACT: ReplyWords(
        ":bust_in_silhouette:",
        "says that we should write to somebody else",
        "Please check that, and correct the address in QuickBooks.",
    ),
    ReplyKind.PAID_CLAIM: ReplyWords(
        ":moneybag:",
        "says that it has been paid",
        "No message goes out until that is clear. When the payment arrives in QuickBooks, its "
        "case closes by itself.",
    ),
    ReplyKind.UNCLEAR: ReplyWords(
        ":mag:", "says that something is missing or unclear", "Please answer from the mailbox."
    ),
    ReplyKind.DISPUTE: ReplyWords(
        ":warning:",
        "disputes the bill",
        "No message goes out until somebody has chosen which invoices are disputed.",
    ),
    ReplyKind.HARDSHIP: ReplyWords(
        ":octagonal_sign:",
        "mentions insolvency, hardship or legal steps",
        "All mail to this customer stops. Please handle it yourself.",
    ),
    ReplyKind.PLAN_REQUEST: ReplyWords(
        ":calendar:",
        "asks for more time, or to pay in parts",
        "A finance lead can enter what was agreed on.",
    ),
    ReplyKind.BANK_CHANGE: ReplyWords(
        ":rotating_light:",
        "mentions changed bank details, or gives orders",
        "This may be fraud: check by phone, with a number that you know. Nothing was changed.",
    ),
    ReplyKind.UNHAPPY: ReplyWords(
        ":cloud:", "sounds unhappy", "The next message needs a finance lead."
    ),
    ReplyKind.AWAY: ReplyWords(":palm_tree:", "answered automatically"),
    ReplyKind.DELAYED: ReplyWords(
        ":hourglass_flowing_sand:",
        "reports that our message has not arrived so far",
        "It may still arrive. If the report says that it was given up, please call, or write from "
        "the mailbox.",
    ),
    ReplyKind.BOUNCE: ReplyWords(
        ":no_entry:",
        "",
        "That message counts as not delivered, and the address is not used again. What it asked "
        "for goes on in a new case, which asks for another address.",
    ),
}


WORDLESS = "wrote a mail without any text that can be read here; please look into the mailbox"


def words(data: Mapping[str, Any]) -> str:
    """The line in the thread, escaped; mentions only those who have something to decide."""
    of = KINDS[ReplyKind(data["kind"])]
    quote = cap(mrkdwn(one_line(data["quote"])), LONGEST_QUOTE)
    says = of.says if quote or data["kind"] != ReplyKind.NONE else WORDLESS
    first = f"{of.mark} {_who(data)} {says}{_promised(data)}".strip()
    said = [f"{first}:", f"“{quote}”"] if quote else [f"{first}."]
    said += [f"Not certain: {escaped(data['doubt'])}"] if data["doubt"] else []
    follows = of.follows
    if data["kind"] == ReplyKind.BOUNCE and not data["came_back"]:
        follows = "The address is not used again; the message itself may have arrived."
    called = " ".join(filter(None, map(mention, data["called"])))
    said += [f"{called}{' ' if called else ''}{follows}"] if follows else []
    return "\n".join(said)


def shown(text: str, reply: CustomerReply | None, names: Mapping[str, str]) -> Card:
    """The line with the buttons that still make sense, or with who has dealt with it."""
    if reply is None or reply.case is None:
        return Card(text, [])
    done = ""
    if reply.settled and not reply.unsettled:
        who = cap(mrkdwn(one_line(names.get(reply.settled_by, ""))), 100) or "somebody"
        done = f"\n:white_check_mark: Dealt with by {who}."
    row = _buttons(reply, reply.case)
    made = [actions(row, f"reply:{reply.id}:{len(reply.settled)}")] if row else []
    return Card(text + done, [section(text + done), *made] if made or done else [])


def _buttons(reply: CustomerReply, case: str) -> list[Block]:
    """At most five, each once, in the order of what matters most."""
    verbs = dict.fromkeys(verb for stance in reply.unsettled for verb in OFFERED[stance])
    if reply.promised_on is None:
        verbs.pop(Verb.CONFIRM_PROMISE, None)
    if reply.promise:
        verbs[Verb.WITHDRAW] = None
    value = Binding(case, reply=reply.id).encode()
    return [
        button(verb, label, value, style=style, says=f"{label}: case {case}")
        for verb in verbs
        for label, style in [_label(verb, reply)]
    ]


def _label(verb: Verb, reply: CustomerReply) -> tuple[str, str]:
    if verb is Verb.PROMISE and reply.promised_on is None:
        return "Enter the promise…", ""
    if verb is not Verb.CONFIRM_PROMISE or reply.promised_on is None:
        return verb.row.button, ""
    amount = f"{wording.money(reply.promised)} on " if reply.promised else ""
    return f"Confirm: {amount}{short_day(reply.promised_on)}", "primary"


OFFERED: Mapping[Stance, tuple[Verb, ...]] = {
    Stance.DISPUTE: (Verb.DISPUTE,),
    Stance.PLAN_REQUEST: (Verb.PLAN,),
    Stance.PROMISE: (Verb.CONFIRM_PROMISE, Verb.PROMISE, Verb.DEALT_WITH),
    Stance.UNCLEAR: (Verb.DEALT_WITH,),
    Stance.NEW_CONTACT: (Verb.DEALT_WITH,),
    Stance.QUESTION: (Verb.DEALT_WITH,),
}
"""What can be done about what a reply says."""


def _who(data: Mapping[str, Any]) -> str:
    if data["kind"] == ReplyKind.BOUNCE:
        to = listed([cap(mrkdwn(one_line(one)), LONGEST_SENDER) for one in data["failed"]])
        what = "Our message" if data["came_back"] else "A copy of our message"
        return f"{what} came back: {to or 'the address'} does not work"
    who = cap(mrkdwn(one_line(data["sender"])), LONGEST_SENDER) or "The customer"
    theirs = data["author"] == "colleague" and data["kind"] != ReplyKind.NONE
    return f"A mail passed on by {who}" if theirs else who


def _promised(data: Mapping[str, Any]) -> str:
    """ " ($840.00 on December 4, 2026)", as far as the line says so."""
    if data["kind"] != ReplyKind.PROMISE:
        return ""
    on = f"on {day(date.fromisoformat(data['promised_on']))}" if data["promised_on"] else ""
    amount = (
        wording.money(Money(Decimal(data["amount"]), data["currency"])) if data["amount"] else ""
    )
    found = " ".join(filter(None, [amount, on]))
    return f" ({found})" if found else ""
