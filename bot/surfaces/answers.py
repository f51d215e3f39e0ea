"""Every private answer to a click or a command, as a sentence of mrkdwn for one person.

Each says what happened, that nothing else did, and what to do next. Outside words are escaped
here; user ids become mentions.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot.blockkit.blocks import actions, button, mention, section, stamp
from bot.blockkit.escaping import cap, mrkdwn, one_line
from bot.blockkit.ids import Switch, of_company
from bot.surfaces import wording
from jobs.companies.disconnect import Ended
from jobs.decide.switches import Turn
from jobs.decide.verbs import DECISIONS
from jobs.reports.picture import TopCase
from jobs.rules.case import HeldUp
from jobs.rules.rulings import Kind
from jobs.rules.states import State
from jobs.store.companies import Company

STATE_WORDS = {
    State.NEW: "being prepared",
    State.WAITING: "waiting for approval",
    State.SNOOZED: "snoozed",
    State.APPROVED: "approved",
    State.SENDING: "being sent",
    State.UNKNOWN: "waiting for somebody to say whether the message went",
    State.SENT: "sent",
    State.DONE: "sent",
    State.REJECTED: "rejected",
    State.HELD: "on hold",
    State.CANCELLED: "closed",
}
BAR_WORDS = {
    Kind.NEVER: "no message, the cause has to change",
    Kind.STOP: "stopped, a person decides",
    Kind.WAIT: "no draft yet",
}
"""Why a waiting case cannot be approved."""
NOTHING = "Nothing was changed."
MOST_COMPANIES = 12


def stands(one: TopCase) -> str:
    """Where a listed case stands: its state, or what keeps it from being approved."""
    return BAR_WORDS[one.bar] if one.bar else STATE_WORDS[one.state]


def not_allowed(who: str) -> str:
    """Somebody without the right clicked; `who` has it."""
    may = f"This takes {who}" if who else "You may not do this"
    return f"{may}, so {_lower(NOTHING)}"


def nobody_configured() -> str:
    """The policy file names nobody."""
    return (
        "Nobody is named in the policy file yet, so nobody may act and nothing was changed. "
        "An administrator adds the collectors and finance leads there."
    )


def outsider(why: str) -> str:
    """`why`: guest, stranger (another organisation), bot or gone (deactivated)."""
    told = {
        "guest": "Guests cannot act here; they can read the cards.",
        "stranger": "Only people of this organisation can act on these cards.",
        "bot": "Bots cannot act on these cards.",
        "gone": "This account is deactivated and cannot act on these cards.",
    }
    other = f"This account cannot act on these cards ({mrkdwn(one_line(why))})."
    return f"{told.get(why, other)} {NOTHING}"


def looking_you_up() -> str:
    """The person is not known yet, or what is known is too old."""
    return f"One moment: I am looking you up in Slack. {NOTHING}"


def met(trouble: str) -> str:
    """The same person, once Slack has told who it is; `trouble` is what is wrong, or empty."""
    return outsider(trouble) if trouble else "I know you now: please do that once more."


def home_follows() -> str:
    """The same in App Home, which redraws by itself."""
    return "One moment: I am looking you up in Slack. This page follows by itself."


def stale() -> str:
    """The button belonged to an older draft."""
    return (
        "This card has changed since you saw it, so nothing was recorded. "
        "The new version is in its place; please read it and press again."
    )


def decided(kind: str, actor: str, at: datetime, state: State) -> str:
    """Somebody was first."""
    who = "Overdue itself" if actor.startswith("system") else mention(actor) or "somebody"
    what = DECISIONS[kind].was if kind in DECISIONS else "decided"
    return f"This was already {what} by {who}, {stamp(at)}; it is now {STATE_WORDS[state]}."


def elsewhere(state: State) -> str:
    """The case went on without a person's decision."""
    return f"This case is {STATE_WORDS[state]} by now, so the button no longer applies. {NOTHING}"


def again() -> str:
    """The same person clicked twice though two people are needed, or edited the text."""
    return "Your approval is already counted. A second, different person has to approve."


def too_late(at: datetime | None = None) -> str:
    """Undo after its window."""
    ended = f" The window ended {stamp(at)}." if at else ""
    return f"Too late to undo: the message is on its way or has gone.{ended}"


def followed(what: str) -> str:
    """A rejection that can no longer be undone; `what` has happened since, as a sentence."""
    return f"It is too late to undo this. {cap(mrkdwn(one_line(what)), 300)} {NOTHING}"


def still_possible(at: datetime | None) -> str:
    """ "It did not go" while the sender may still hand the message over."""
    when = f" from {stamp(at)} on" if at else " later"
    return (
        f"The program that was sending this message may still do so, so you can say this{when}. "
        f"{NOTHING}"
    )


def opens_later(at: datetime | None, manager: str) -> str:
    """Approval waits for the account manager."""
    who = mention(manager) or "a finance lead"
    latest = f", at the latest {stamp(at)}" if at else ""
    return f"Approval opens when {who} says Fine{latest}. {NOTHING}"


def approved(send_at: datetime | None, shadow: bool, following: str = "") -> str:
    """The approval counts and nothing is missing; `following` is the permalink of the next card."""
    if shadow:
        told = "Approved. Shadow mode: it runs to the last check and nothing is sent."
    else:
        told = f"Approved. It goes {stamp(send_at)}." if send_at else "Approved. It goes now."
    return told + _next(following)


def approved_but(held_up: HeldUp, following: str = "") -> str:
    """The approval counts, but the whole company is not sending just now."""
    return f"Approved. {wording.HELD_UP[held_up]}" + _next(following)


def _next(following: str) -> str:
    return f" <{mrkdwn_url(following)}|Next card>" if following else ""


def half_approved(missing: str) -> str:
    """The first of two; `missing` is "a finance lead" or "another person"."""
    return f"Your approval is recorded. Still missing: {missing}."


def mrkdwn_url(url: str) -> str:
    """A link target of our own: Slack's permalinks have no character that would end it."""
    return url.replace("&", "&amp;").replace("<", "%3C").replace(">", "%3E").replace("|", "%7C")


def not_recorded() -> str:
    """The database could not be written in time."""
    return "I could not record that just now, so nothing was changed. Please press again."


def broken() -> str:
    """An unforeseen error; the request may or may not have been recorded."""
    return (
        "Something went wrong on our side. The card shows what is recorded: if what you did is "
        "not there, please press again. Nothing is done twice."
    )


def no_form() -> str:
    """Slack did not open a form, or did not let us fill it in."""
    return (
        "Slack did not show the form just now, so nothing was changed. If an empty one is open, "
        "please close it, and press again in a minute."
    )


def unreadable() -> str:
    """A value that this program never wrote."""
    return "I could not read that button or form, so nothing was changed. Please use the new card."


def no_case() -> str:
    """There is no such case."""
    return "I do not know that case any more, so nothing was changed."


def stopped(reason: str) -> str:
    """A rule forbids the message; `reason` is the rule's sentence."""
    told = f": {cap(mrkdwn(one_line(reason)), 500)}" if reason else "."
    return wording.sentence(f"A rule stops this message{told}") + f" {NOTHING}"


STILL = {
    HeldUp.NOT_CONNECTED: "QuickBooks has to be connected again (App Home has the link)",
    HeldUp.PAUSED: "sending is paused (`/overdue resume`)",
    HeldUp.SHADOW: "the company is in shadow mode (`/overdue live`)",
    HeldUp.REMINDERS: "nobody has confirmed that QuickBooks' own reminders are off (App Home)",
}
"""What else keeps messages from going out, and what to do about it."""


def resumed(held_up: HeldUp | None) -> str:
    """Sending is no longer paused; `held_up` is what still keeps messages from going out."""
    if held_up:
        return f"It is no longer paused, but nothing goes out yet: {STILL[held_up]}."
    return "Sending goes on. What was approved meanwhile goes out after its last check."


def now_paused(_: HeldUp | None) -> str:
    return "Sending is paused. Cards, edits and undo go on; `/overdue resume` starts it again."


def now_live(held_up: HeldUp | None) -> str:
    """Out of shadow mode; `held_up` is what still keeps messages from going out."""
    told = f"Live, but nothing goes out yet: {STILL[held_up]}." if held_up else LIVE
    return f"{told} Open cards stay; what was approved in shadow mode is looked at again."


LIVE = "Live: approved messages are sent from now on."


def reminders_on() -> str:
    """Going live, while QuickBooks may still write to the same customers."""
    return (
        "First QuickBooks' own reminders have to be off: Overdue cannot see them, and customers "
        "would be written to twice. Switch them off in QuickBooks (Account and settings, Sales, "
        "Reminders) and press “QuickBooks' reminders are off” below the message that says "
        f"that the company is connected, or in App Home. {NOTHING}"
    )


def reminders_off(company: Company) -> str:
    """Somebody has confirmed it; says what happens next."""
    if company.live:
        follows = "Messages that are approved go out again."
    else:
        follows = f"A finance lead can say `/overdue live` in <#{company.channel}> now."
    return f"Noted: QuickBooks' own reminders are off. {follows}"


def channel_taken(channel: str) -> str:
    """Each company has a channel of its own."""
    return f"The cards of another company go to <#{channel}> already; please choose another one."


def channel_unfit(channel: str, trouble: str) -> str:
    """`trouble` says why cards cannot be posted there, and what to do."""
    return f"<#{channel}> will not do yet: {mrkdwn(trouble)}. Then please choose it again."


def channel_closed(channel: str, trouble: str) -> str:
    """The same of a channel that is a company's already."""
    return f"Its cards cannot go to <#{channel}>: {mrkdwn(trouble)}."


def ended(how: Ended) -> str:
    """What became of disconnecting a company."""
    return {
        Ended.DONE: "Disconnected: QuickBooks gives Overdue no more access to this company.",
        Ended.BEFORE: f"It was disconnected before. {NOTHING}",
        Ended.UNKNOWN_COMPANY: f"This company was never connected. {NOTHING}",
        Ended.NOT_REVOKED: "Nothing of this company is read, written or sent any more, but "
        "QuickBooks did not answer when its access was to be ended. Please press again in a "
        "moment, or remove Overdue in QuickBooks itself (Apps, My apps).",
    }[how]


def now_shadow(_: HeldUp | None) -> str:
    return "Shadow mode: cards go on, but no e-mail is sent and nothing is written to QuickBooks."


QUESTIONS = {
    Turn.RESUME: (
        "Sending is paused. Once it is resumed, what is approved goes out after its last check.",
        "Resume sending",
    ),
    Turn.LIVE: (
        "Once the company is live, approved messages go to customers, with a note in QuickBooks.",
        "Go live",
    ),
    Turn.SHADOW: (
        "In shadow mode cards go on, but no e-mail is sent, and what is approved waits.",
        "Switch to shadow mode",
    ),
}
"""What follows, and the label of the button that does it."""


def sure(company: Company, turn: Turn, switch: Switch) -> dict[str, Any]:
    """Asks once, in private, before a company is turned so: text and blocks of a message."""
    follows, label = QUESTIONS[turn]
    name = mrkdwn(cap(one_line(company.name), 100))
    said = f"*{name}:* {follows} {NOTHING}"
    says = f"{label}: {company.name}"
    asks = button(switch, label, of_company(company.realm), style="primary", says=says)
    hint = f"Press the button, or type `/overdue {turn} confirm`."
    return {"text": f"{said} {hint}", "blocks": [section(said), actions([asks], "sure")]}


def unchanged(what: str) -> str:
    """`what` of our own: "paused", "live" …"""
    return f"It is already {what}. {NOTHING}"


def disconnected() -> str:
    return (
        "No QuickBooks company is connected yet. Finance leads connect one in App Home; "
        "`overdue connect` prints a link."
    )


def elsewhere_than(companies: Sequence[Company]) -> str:
    """The channel is no company's; these are the person's own."""
    some = [f"<#{one.channel}> ({mrkdwn(cap(one_line(one.name), 60))})" for one in companies]
    few = len(some) <= MOST_COMPANIES
    where = wording.joined(some, "or") if few else wording.listed(some, MOST_COMPANIES)
    return f"This channel belongs to no company. Please type it in {where}."


def one_case(case: str, customer: str, told: str, card: str) -> str:
    """One case as its card stands: `told` (escaped) is who did what, when, and what comes next.

    `card` is the permalink of its card, or empty before it is posted.
    """
    who = cap(mrkdwn(one_line(customer)), 120) or "a customer without a name"
    link = f" <{mrkdwn_url(card)}|Its card>" if card else ""
    return f"Case {case}, {who}. {told}{link}"


def unknown_command(words: str) -> str:
    """`words` are what the person typed, as Slack hands it over: with its three entities."""
    typed = cap(mrkdwn(one_line(html.unescape(words))), 100)
    return f"I do not know “{typed}”.\n{help_text()}"


def help_text() -> str:
    """All that `/overdue` understands."""
    return "\n".join(f"• `/overdue{f' {word}' if word else ''}` {told}" for word, told in COMMANDS)


COMMANDS = (
    ("", "what is overdue, by age, and the cases that matter most"),
    ("run", "look at the ledger now"),
    ("pause", "stop all sending at once (finance leads)"),
    ("resume", "start sending again (finance leads; asks once)"),
    ("live", "leave shadow mode (finance leads; asks once)"),
    ("shadow", "go back to shadow mode (finance leads; asks once)"),
    ("412", "where case 412 stands, who did what and what is next, and its card"),
    ("help", "this list"),
)


def running(held_up: HeldUp | None) -> str:
    """A look at the ledger was asked for; without a connection it waits."""
    if held_up is HeldUp.NOT_CONNECTED:
        return f"The ledger is looked at as soon as that can be: {STILL[held_up]}."
    return "Looking at the ledger now. New cards appear here as they are ready."


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]
