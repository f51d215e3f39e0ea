"""Every private answer to a click or a command, as a sentence of mrkdwn for one person.

Each says what happened, that nothing else did, and what to do next. Outside words are escaped
here; user ids become mentions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from bot.blockkit.blocks import actions, button, mention, section, stamp
from bot.blockkit.escaping import cap, mrkdwn, one_line
from bot.blockkit.ids import of_company
from bot.surfaces import wording
from jobs.companies.disconnect import Ended
from jobs.decide.access import Answer, Reply
from jobs.decide.switches import DryRun, Switch
from jobs.decide.verbs import DECISIONS, Verb
from jobs.reports.picture import TopCase
from jobs.rules.case import HeldUp
from jobs.rules.figures import listed
from jobs.rules.rulings import Kind
from jobs.rules.states import STAGE_WORDS, State
from jobs.store.companies import ConnectedCompany

STATE_WORDS = {
    State.NEW: "being prepared",
    State.WAITING: "waiting for approval",
    State.SNOOZED: "snoozed",
    State.APPROVED: "approved",
    State.SENDING: "being sent",
    State.UNKNOWN: "waiting for somebody to check whether the message was sent",
    State.SENT: "sent",
    State.DONE: "sent",
    State.REJECTED: "rejected",
    State.HELD: "on hold",
    State.CANCELLED: "closed",
}
BAR_WORDS = {
    Kind.NEVER: "cannot be sent, see the card",
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
    may = f"This needs {who}." if who else "You cannot do this."
    return f"{may} {NOTHING}"


def nobody_configured() -> str:
    """The policy file names nobody."""
    return (
        "The policy file names nobody yet, so nobody can act and nothing was changed. "
        "Please ask an administrator to add the collectors and finance leads."
    )


def outsider(why: str) -> str:
    """`why`: guest, stranger (another organisation), bot or gone (deactivated)."""
    told = {
        "guest": "Guests can read the cards but cannot act on them.",
        "stranger": "Only members of this organisation can act on these cards.",
        "bot": "Bots cannot act on these cards.",
        "gone": "This account is deactivated and cannot act on these cards.",
    }
    other = f"This account cannot act on these cards ({cap(mrkdwn(one_line(why)), 100)})."
    return f"{told.get(why, other)} {NOTHING}"


def looking_you_up() -> str:
    """The person is not known yet, or what is known is too old."""
    return f"One moment, I am looking you up in Slack. {NOTHING}"


def met(trouble: str) -> str:
    """The same person, once Slack has told who it is; `trouble` is what is wrong, or empty."""
    return outsider(trouble) if trouble else "I have found you. Please try that again."


def home_follows() -> str:
    """The same in App Home, which redraws by itself."""
    return "One moment, I am looking you up in Slack. This page then updates by itself."


def stale() -> str:
    """The button belonged to an older draft."""
    return (
        "This card has changed since you saw it, so nothing was recorded. "
        "Please read the new version and press again."
    )


def decided(kind: str, actor: str, at: datetime, state: State) -> str:
    """Somebody was first."""
    who = "Overdue itself" if actor.startswith("system") else mention(actor) or "somebody"
    what = DECISIONS[kind].was if kind in DECISIONS else "decided"
    same = kind == Verb.TAKE_BACK or STATE_WORDS[state] in what
    since = "" if same else f" It is now {STATE_WORDS[state]}."
    return f"Already {what} by {who}, {stamp(at)}.{since}"


def elsewhere(state: State) -> str:
    """The case went on without a person's decision."""
    return f"This case is now {STATE_WORDS[state]}, so this button no longer applies. {NOTHING}"


def again() -> str:
    """The same person clicked twice though two people are needed, or edited the text."""
    return "You have already approved this. A second person has to approve it too."


def too_late(at: datetime | None = None) -> str:
    """Undo after its window."""
    ended = f" Undo was possible until {stamp(at)}." if at else ""
    return f"Too late to undo: the message is being sent or has been sent.{ended}"


def followed(what: str) -> str:
    """A rejection that can no longer be undone; `what` has happened since, as a sentence."""
    return f"Too late to undo. {cap(mrkdwn(one_line(what)), 300)} {NOTHING}"


def still_possible(at: datetime | None) -> str:
    """ "It was not sent" while the sender may still hand the message over."""
    when = f"after {stamp(at)}" if at else "later"
    return (
        "The message may still be sent by the process that had started to send it. Please press "
        f"“It was not sent” again {when}. {NOTHING}"
    )


def opens_later(at: datetime | None, manager: str) -> str:
    """Approval waits for the account manager."""
    who = mention(manager) or "a finance lead"
    latest = f", or {stamp(at)} at the latest" if at else ""
    return f"Approval opens when {who} presses “{Verb.FINE.row.button}”{latest}. {NOTHING}"


def approved(send_at: datetime | None, shadow: bool, following: str = "") -> str:
    """The approval counts and nothing is missing; `following` is the permalink of the next card."""
    if shadow:
        told = "Approved. Shadow mode: the last check runs, but nothing is sent."
    else:
        told = f"Approved. Sends {stamp(send_at)}." if send_at else "Approved. Sends now."
    return told + _next(following)


def approved_but(held_up: HeldUp, following: str = "") -> str:
    """The approval counts, but the whole company is not sending just now."""
    return f"Approved. {wording.HELD_UP[held_up]}" + _next(following)


def _next(following: str) -> str:
    return f" <{mrkdwn_url(following)}|Next card>" if following else ""


def half_approved(missing: str) -> str:
    """The first of two; `missing` is "a finance lead" or "another person"."""
    return f"Your approval is recorded. Still needed: {missing}."


def mrkdwn_url(url: str) -> str:
    """A link target of our own: Slack's permalinks have no character that would end it."""
    return url.replace("&", "&amp;").replace("<", "%3C").replace(">", "%3E").replace("|", "%7C")


def not_recorded() -> str:
    """The database could not be written in time."""
    return "That could not be recorded just now, so nothing was changed. Please press again."


def broken() -> str:
    """An unforeseen error; the request may or may not have been recorded."""
    return (
        "Something went wrong on our side. Please look at the card: if it does not show what you "
        "did, press again. Nothing is done twice."
    )


def no_form() -> str:
    """Slack did not open a form, or did not let us fill it in."""
    return (
        "Slack did not open the form, so nothing was changed. If an empty one is open, please "
        "close it, then press again in a minute."
    )


def unreadable() -> str:
    """A value that this program never wrote."""
    return "That button or form could not be read, so nothing was changed. Please use the new card."


def no_case(number: str) -> str:
    """There is no such case."""
    return f"There is no case {cap(mrkdwn(one_line(number)), 20)}."


def no_customer() -> str:
    """A customer that the mirror of the ledger does not have, or no longer has."""
    return f"This customer is not in QuickBooks any more. {NOTHING}"


def nothing_to_open() -> str:
    """A case was asked for, and nothing of the customer may be asked for."""
    return (
        "There is nothing to open a case about: what this customer owes is not late enough, too "
        f"small, on hold or disputed. {NOTHING}"
    )


def case_opened(case: str) -> str:
    """A person asked for a case."""
    return f"Case {case} is open. It is being prepared, and its card follows in the channel."


def copy_asked() -> str:
    """A test copy is on its way to the person who asked."""
    return (
        "A test copy is being sent to your e-mail address in Slack. A direct message "
        "says how it went. The customer gets nothing."
    )


def page_asked() -> str:
    """The case is about to be posted as a page."""
    return "The page is being made, and appears in the thread of the card in a moment."


def copy_asked_before() -> str:
    """The same draft was asked for before."""
    return f"You have asked for a copy of this draft already. {NOTHING}"


def looking_them_up() -> str:
    """Somebody was named whom Slack was not asked about recently; also shown beside a field."""
    return f"One moment, I am looking this person up in Slack. Please try again. {NOTHING}"


def cannot_act() -> str:
    """Somebody was named who may not work on this; also shown beside a field."""
    return f"This person cannot work on it: only full members who have a right to it can. {NOTHING}"


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


def turned(switch: Switch, company: ConnectedCompany) -> str:
    """A switch of a company was turned; says what else keeps messages from going out."""
    row, held_up = switch.row, company.held_up()
    if switch is Switch.REMINDERS_OFF:
        return f"{row.done} {_confirmed_off(company)}"
    done = f"{row.done_but}: {STILL[held_up]}." if held_up and row.done_but else row.done
    return f"{done} {row.besides}".rstrip()


def reminders_on() -> str:
    """Going live, while QuickBooks may still write to the same customers."""
    return (
        "First switch off QuickBooks' own reminders: Overdue cannot see them, and customers would "
        "get two messages. In QuickBooks they are under Account and settings, Sales, Reminders. "
        "Then press “QuickBooks' reminders are off” in App Home, or below the message that the "
        f"company is connected. {NOTHING}"
    )


def _confirmed_off(company: ConnectedCompany) -> str:
    if company.live:
        return "Approved messages go out again."
    return (
        "A finance lead can now press *Go live* in App Home, or type `/overdue live` in "
        f"<#{company.channel}>."
    )


def model_used(accepted: bool) -> str:
    """The button below the notice that offers a model was pressed."""
    if accepted:
        return "The model is used from now on; cases are read anew with it at their next look."
    return f"This model is not offered any more. {NOTHING}"


def channel_taken(channel: str) -> str:
    """Each company has a channel of its own."""
    return f"<#{channel}> already has the cards of another company. Please choose another channel."


def channel_unfit(channel: str, trouble: str) -> str:
    """`trouble` says why cards cannot be posted there, and what to do."""
    return f"<#{channel}> cannot be used yet: {mrkdwn(trouble)}. Then choose it again."


def channel_closed(channel: str, trouble: str) -> str:
    """The same of a channel that is a company's already."""
    return f"Its cards cannot be posted in <#{channel}>: {mrkdwn(trouble)}."


def ended(how: Ended) -> str:
    """What became of disconnecting a company."""
    return {
        Ended.DONE: "Disconnected. Overdue no longer has access to this company in QuickBooks.",
        Ended.BEFORE: f"This company is already disconnected. {NOTHING}",
        Ended.UNKNOWN_COMPANY: f"This company was never connected. {NOTHING}",
        Ended.NOT_REVOKED: "Nothing is read, written or sent for this company any more, but "
        "QuickBooks did not confirm that the access has ended. Please try again in a moment, or "
        "remove Overdue in QuickBooks itself (Apps, My apps).",
    }[how]


def sure(company: ConnectedCompany, switch: Switch) -> dict[str, Any]:
    """Asks once, in private, before a company is turned so: text and blocks of a message."""
    row = switch.row
    name = mrkdwn(cap(one_line(company.name), 100))
    said = f"*{name}:* {row.asks} {NOTHING}"
    says = f"{row.button}: {company.name}"
    asks = button(switch, row.button, of_company(company.realm), style="primary", says=says)
    hint = f"Press the button, or type `/overdue {row.typed} confirm`."
    return {"text": f"{said} {hint}", "blocks": [section(said), actions([asks], "sure")]}


def unchanged(what: str) -> str:
    """`what` of our own: "paused", "live" …"""
    return f"It is already {what}. {NOTHING}"


def disconnected() -> str:
    return (
        "No QuickBooks company is connected yet. A finance lead can connect one in App Home, or "
        "with the link that `overdue connect` prints."
    )


def elsewhere_than(companies: Sequence[ConnectedCompany]) -> str:
    """The channel is no company's; these are the person's own."""
    some = [f"<#{one.channel}> ({mrkdwn(cap(one_line(one.name), 60))})" for one in companies]
    few = len(some) <= MOST_COMPANIES
    where = listed(some, "or") if few else wording.first_few(some, MOST_COMPANIES)
    return f"This channel belongs to no company. Please use the command in {where}."


def one_case(case: str, customer: str, told: str, card: str) -> str:
    """One case as its card stands: `told` (escaped) is who did what, when, and what comes next.

    `card` is the permalink of its card, or empty before it is posted.
    """
    who = mrkdwn(wording.customer(customer, 120))
    return f"{linked_case(case, card)}, {who}. {told}"


def linked_case(case: str, card: str) -> str:
    """ "Case 412", leading to its card where there is one."""
    return f"<{mrkdwn_url(card)}|Case {case}>" if card else f"Case {case}"


def help_text(words: Iterable[tuple[str, str]]) -> str:
    """All that `/overdue` understands: each word with what it is for."""
    return "\n".join(f"• `/overdue{f' {word}' if word else ''}` {told}" for word, told in words)


def would_run(found: DryRun, read_at: datetime | None) -> str:
    """What a run would do with the ledger as it was read at `read_at`."""
    since = f"With QuickBooks as read {stamp(read_at)}" if read_at else "QuickBooks was never read"
    if not found.customers:
        return f"{since}: no invoice would reach a new stage. {NOTHING}"
    stages = [f"{count} at {STAGE_WORDS[stage]}" for stage, count in sorted(found.stages.items())]
    count = sum(found.stages.values())
    one = f"{count} invoice{'s' if count != 1 else ''} of {found.customers} "
    one += f"customer{'s' if found.customers != 1 else ''} would reach a stage: {listed(stages)}"
    joins = f" {found.joining} of them already have an open case." if found.joining else ""
    more = " There are more customers than were looked at." if found.more else ""
    return f"{since}, {one}.{joins}{more} {NOTHING}"


def running(held_up: HeldUp | None) -> str:
    """A look at the ledger was asked for; without a connection it waits."""
    if held_up is HeldUp.NOT_CONNECTED:
        return f"QuickBooks cannot be read yet: {STILL[held_up]}. It is read right after that."
    return "Reading QuickBooks now. New cards appear here as they are ready."


def reply(said: Reply) -> str:
    """A verb's answer, any but RECORDED, as the sentence that the person is told."""
    plain = {
        Answer.NOT_OPEN_YET: opens_later(said.at, said.detail),
        Answer.LOOKING_UP: looking_you_up(),
        Answer.NOBODY_CONFIGURED: nobody_configured(),
        Answer.NO_CASE: no_case(said.detail),
        Answer.NO_CUSTOMER: no_customer(),
        Answer.NOTHING_TO_OPEN: nothing_to_open(),
        Answer.ASKED_BEFORE: copy_asked_before(),
        Answer.LOOKING_THEM_UP: looking_them_up(),
        Answer.CANNOT_ACT: cannot_act(),
        Answer.STALE: stale(),
        Answer.TOO_LATE: too_late(),
        Answer.FOLLOWED: followed(said.detail),
        Answer.ALREADY_APPROVED: again(),
        Answer.DECIDED: _decided(said),
        Answer.NOT_A_MEMBER: outsider(said.detail),
        Answer.NOT_ALLOWED: not_allowed(_words(said)),
        Answer.SECOND_NEEDED: half_approved(_words(said) or "another person"),
        Answer.STILL_POSSIBLE: still_possible(said.at),
        Answer.STOPPED: stopped(said.detail),
        Answer.REMINDERS_ON: reminders_on(),
    }
    return plain[said.answer]


def _words(said: Reply) -> str:
    return cap(mrkdwn(one_line(said.detail)), 300)


def _decided(said: Reply) -> str:
    if said.case is None:
        return stale()
    if said.by is None:
        return elsewhere(said.case.state)
    return decided(said.by.kind, said.by.actor, said.by.at, said.case.state)
