"""The words of everything said besides cards and answers: a row per kind, all from its data. Pure.

Whatever is in the data comes from outside and is escaped here; people are named, which notifies
nobody, and mentioned only where somebody has to act.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from bot.blockkit import ids
from bot.blockkit.blocks import (
    actions,
    button,
    channel_link,
    chunks,
    confirm,
    mention,
    section,
    stamp,
)
from bot.blockkit.escaping import cap, escaped
from bot.blockkit.lint import MOST_TEXT
from bot.surfaces import customer_replies, digest, first_look
from bot.surfaces.card.card import Card
from bot.surfaces.rewording import changed_blocks, changed_said
from bot.surfaces.wording import marked_as, sentence
from jobs.decide.switches import Switch
from jobs.decide.verbs import DECISIONS, Verb
from jobs.rules.figures import day, listed
from jobs.rules.letters.letter import Letter
from jobs.rules.plain import one_line
from jobs.rules.promises import PromiseState
from jobs.rules.replies import CustomerReply
from jobs.store.companies import ConnectedCompany
from jobs.store.log import CUT
from jobs.store.outbox import MessageKind
from jobs.store.work import TRIED_ENOUGH

Data = Mapping[str, Any]

HOW_TO_CONNECT = (
    "A finance lead presses *Connect again* in the Home tab of Overdue; `overdue connect` also "
    "prints a link."
)
"""Where to get a link, not the link itself: it lives ten minutes, and an alert is read later."""
SHADOW = (
    "• It starts in shadow mode: cards appear here, but no e-mail is sent and nothing is written "
    "to QuickBooks until a finance lead types `/overdue live`."
)
REMINDERS = (
    "• *A finance lead, please:* switch off QuickBooks' own reminders (Account and settings, "
    "Sales, Reminders) and confirm it below. Overdue cannot see them, so nothing is sent until "
    "then."
)


@dataclass(frozen=True)
class Given:
    """What the words of a message are made of: its data, and what is known as it is drawn."""

    data: Data
    names: Mapping[str, str]
    """Display names by Slack user id."""
    asker: ConnectedCompany | None = None
    """The company of a notice that asks for a click."""
    reply: CustomerReply | None = None
    """The customer's reply that it is about, as it is now."""
    card: str = ""
    """The card of the case as text, for the one kind that repeats it."""
    letters: tuple[Letter, Letter] | None = None
    """The message before and after an edit."""

    def __getitem__(self, key: str) -> str:
        """A text of the data, escaped: what stands there comes from outside."""
        return escaped(self.data[key])

    def number(self, key: str) -> str:
        return f"{self.data[key]:,}"

    @property
    def company(self) -> str:
        return f"*{escaped(one_line(self.data['company']))}*"

    @property
    def who(self) -> str:
        """The person who did it: by name, or by id if it is unknown."""
        user = self.data["by"]
        return escaped(one_line(self.names.get(user, ""))) or mention(user) or "somebody"

    @property
    def by(self) -> str:
        """Like `who`, at the end of a clause; nothing if nobody is named."""
        return f" by {self.who}" if self.data["by"] else ""

    @property
    def tried(self) -> str:
        """How often; empty if a single answer was enough to give up."""
        return TRIED_ENOUGH if self.data["tried"] else ""

    @property
    def fingerprint(self) -> str:
        """The beginning of a policy's hash, which is enough to tell two apart."""
        return f"`{escaped(self.data['sha256'][:12])}`"


def notice(kind: MessageKind, given: Given) -> Card:
    """The message as Slack takes it; without blocks unless it asks for a click."""
    if kind is MessageKind.DIGEST:
        return digest.digest(given.data, given.names, given.asker)
    text = WORDS[kind](given)
    if kind is MessageKind.CONNECTED and given.data["asks"] and given.asker:
        return _question(text, given.asker)
    if kind is MessageKind.FIRST_LOOK and given.asker:
        return _first_look(text, given.asker)
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


# The connection to QuickBooks


def _connected(given: Given) -> str:
    once_more = " again" if given.data["again"] else ""
    first = f"{given.company} is connected to QuickBooks{once_more}{given.by}"
    said = [f":electric_plug: {first}. Its cards are posted in this channel."]
    said += [] if given.data["again"] else [SHADOW]
    said += [REMINDERS] if given.data["asks"] else []
    return "\n".join(said)


def _connect_asked(given: Given) -> str:
    return (
        f":electric_plug: Somebody asked in QuickBooks to connect {given.company} again. "
        f"{HOW_TO_CONNECT}"
    )


def _moved(given: Given) -> str:
    to = channel_link(given.data["channel"]) or "another channel"
    return (
        f":arrow_forward: New cards of {given.company} are posted in {to} from now on; the cards "
        "here stay."
    )


def _disconnected(given: Given) -> str:
    return (
        f":no_entry: {given.company} was disconnected from QuickBooks{given.by}. "
        "Nothing is read, written or sent until it is connected again; cases and decisions stay "
        "on record."
    )


def _connection_lost(given: Given) -> str:
    return (
        f":rotating_light: *QuickBooks has to be connected again.* {given.company}: "
        f"{given['reason']}. Until then nothing of it is read, sent or written. Nothing is "
        f"lost: everything continues by itself afterwards. {HOW_TO_CONNECT}"
    )


def _connection_ends(given: Given) -> str:
    why = (
        "because QuickBooks ends every connection after five years"
        if given.data["for_good"]
        else "because its tokens have not been renewed lately"
    )
    return (
        f":hourglass_flowing_sand: The connection of {given.company} to QuickBooks ends on "
        f"{day(date.fromisoformat(given.data['ends_on']))}, {why}. {HOW_TO_CONNECT}"
    )


def _upkeep_failed(given: Given) -> str:
    failed = (
        f"The company details of {given.company} (name, time zone, closing date) could not be read"
        if given.data["renewed"]
        else f"The QuickBooks tokens of {given.company} could not be renewed"
    )
    return f":warning: {failed} ({given['reason']}). The next try is in an hour."


def _profile_unusable(given: Given) -> str:
    return f":warning: {given['reason']} Until then nothing changes."


def _tokens_unopenable(given: Given) -> str:
    return f":key: {given.company}: {given['reason']}."


def _subscription_lapsed(given: Given) -> str:
    return (
        f":no_entry: The QuickBooks subscription of {given.company} has lapsed: the company is "
        "read-only. Notes stay in Overdue's own record until it is paid, which is checked once a "
        "day."
    )


# Requests, readings and the log


def _reads_used(given: Given) -> str:
    meaning = (
        "Until the month ends only last checks and notifications are read; sweeps and new cases "
        "wait. The rest is kept so that nothing approved has to wait."
        if given.data["percent"] >= given.data["stop_at"]
        else f"At {given.data['stop_at']} %, sweeps and new cases will wait until the month ends."
    )
    return (
        f":bar_chart: {given.number('used')} of the {given.number('quota')} free QuickBooks reads "
        f"of {given['month']} are used ({given.data['percent']} %). {meaning}"
    )


READS_BLOCKED = (
    ":no_entry: QuickBooks has refused every request for over 15 minutes. Perhaps the whole "
    "workspace has used up the month's free reads: Intuit's developer portal shows it. "
    "Everything waits and is tried again every minute."
)


def _model_budget_used(given: Given) -> str:
    return (
        f":bar_chart: The model's budget for {given['month']} ({given['budget']}) is used up. "
        "Until the month ends (UTC) plain templates are drafted, each card says so, and nobody "
        "but phrase rules reads mails and tickets: please read those that a card names. "
        "`model.month_budget` in the policy file raises it."
    )


def _sweep_failed(given: Given) -> str:
    return (
        f":warning: QuickBooks could not be read{given.tried} ({given['reason']}). No new "
        "cards appear until it can be. The next try is in an hour; `/overdue run` tries now."
    )


def _poll_failed(given: Given) -> str:
    return (
        f":warning: Changes in QuickBooks could not be read{given.tried} "
        f"({given['reason']}). The next try is in an hour; the daily sweep reads "
        "everything."
    )


def _records_broken(given: Given) -> str:
    said = []
    if given.data["kept"]:
        said.append(
            f"QuickBooks could not return {_records(given.data['kept'])}. Open each there and "
            "save it again; the cause is often an e-mail address."
        )
    if given.data["unfit"]:
        said.append(
            f"Overdue cannot use {_records(given.data['unfit'])}: these fields are empty, too "
            "long or in a form that it does not know. Correct them in QuickBooks."
        )
    return ":warning: " + " ".join([*said, "All others were read."])


def _records(found: Data) -> str:
    words = [_record(one) for one in found["named"]]
    return listed([*words, *([f"{found['more']} more"] if found["more"] else [])])


def _record(one: Data) -> str:
    name = one["number"] or one["id"] or f"no. {one['position']} of the list"
    return escaped(f"{one['entity']} {name}" + (f" ({one['unfit']})" if one["unfit"] else ""))


def _event_ignored(given: Given) -> str:
    return (
        f":warning: QuickBooks notified us of {given['reason']}. It was ignored and is "
        f"kept as event {given['event']}. If this happens again, check the webhook "
        "settings."
    )


def _event_failed(given: Given) -> str:
    what = escaped(f"{given.data['entity']} {given.data['id']}: {given.data['reason']}")
    return (
        f":warning: A change in QuickBooks could not be read{given.tried} ({what}). The next "
        "sweep reads it again, with anything else missed this hour; `/overdue run` starts one now."
    )


def _log_head(given: Given) -> str:
    return (
        f":lock: The decision log has {given.data['seq']} entries; the fingerprint of its last "
        f"entry is `{given['hash']}`. Run `overdue log verify --head` with it at any time to check "
        "that no entry up to here was changed or cut off."
    )


def _log_cut(given: Given) -> str:
    return (
        f":rotating_light: Entry {given.data['seq']} of the decision log is not what was posted "
        f"here: {CUT}. An administrator should run `overdue log verify`, find out who can write "
        "to the database, and compare it with a backup."
    )


# How the company is run


def _paused(given: Given) -> str:
    return (
        f":double_vertical_bar: {given.who} has paused sending. Cards, edits and "
        "undo still work; a finance lead resumes sending with `/overdue resume`."
    )


def _resumed(given: Given) -> str:
    return f":arrow_forward: {given.who} has resumed sending."


def _live(given: Given) -> str:
    return (
        f":white_check_mark: {given.who} has taken the company live: messages "
        "approved from now on are sent."
    )


def _shadow(given: Given) -> str:
    return (
        f":white_circle: {given.who} has put the company into shadow mode: cards "
        "still appear, but no e-mail is sent and nothing is written to QuickBooks."
    )


def _day_full(given: Given) -> str:
    return (
        f":double_vertical_bar: {given.data['sent']} messages were sent today, the most that the "
        "policy allows. Sending is paused; a finance lead can resume it with `/overdue resume`."
    )


def _policy_changed(given: Given) -> str:
    return f"The policy file has changed; its new fingerprint is {given.fingerprint}."


def _policy_unusable(given: Given) -> str:
    return (
        ":rotating_light: The policy file was changed and cannot be used, so the previous policy "
        f"stays in force.\n{given['trouble']}\nCorrect the file; it is then read again "
        f"automatically. {_in_force(given)}"
    )


def _policy_usable(given: Given) -> str:
    return f"The policy file can be used again. {_in_force(given)}"


def _in_force(given: Given) -> str:
    return f"The policy in force has the fingerprint {given.fingerprint}."


# Lines in the thread of a card


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
    return (
        f"{given.who} assigned case {case} to you: {escaped(one_line(given.data['customer'], 200))}"
        f"{f' – {why}' if why else ''}.{card} `/overdue case {case}` shows where it stands, "
        "`/overdue mine` all that waits for you."
    )


def _test_copy(given: Given) -> str:
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
        "not kept. Its invoices go on one stage higher.",
        PromiseState.WITHDRAWN: f"{what} (to {until}) no longer applies: its invoices are gone.",
    }[PromiseState(given.data["state"])]


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


WORDS: Mapping[MessageKind, Callable[[Given], str]] = {
    MessageKind.CONNECTED: _connected,
    MessageKind.CONNECT_ASKED: _connect_asked,
    MessageKind.MOVED: _moved,
    MessageKind.DISCONNECTED: _disconnected,
    MessageKind.CONNECTION_LOST: _connection_lost,
    MessageKind.CONNECTION_ENDS: _connection_ends,
    MessageKind.UPKEEP_FAILED: _upkeep_failed,
    MessageKind.PROFILE_UNUSABLE: _profile_unusable,
    MessageKind.TOKENS_UNOPENABLE: _tokens_unopenable,
    MessageKind.SUBSCRIPTION_LAPSED: _subscription_lapsed,
    MessageKind.READS_USED: _reads_used,
    MessageKind.READS_BLOCKED: lambda _: READS_BLOCKED,
    MessageKind.MODEL_BUDGET_USED: _model_budget_used,
    MessageKind.PAUSED: _paused,
    MessageKind.RESUMED: _resumed,
    MessageKind.LIVE: _live,
    MessageKind.SHADOW: _shadow,
    MessageKind.DAY_FULL: _day_full,
    MessageKind.POLICY_CHANGED: _policy_changed,
    MessageKind.POLICY_UNUSABLE: _policy_unusable,
    MessageKind.POLICY_USABLE: _policy_usable,
    MessageKind.FIRST_LOOK: lambda given: "\n".join(first_look.lines(given.data)),
    MessageKind.DIGEST: lambda given: digest.digest(given.data, given.names, None).text,
    MessageKind.SWEEP_FAILED: _sweep_failed,
    MessageKind.POLL_FAILED: _poll_failed,
    MessageKind.RECORDS_BROKEN: _records_broken,
    MessageKind.EVENT_IGNORED: _event_ignored,
    MessageKind.EVENT_FAILED: _event_failed,
    MessageKind.LOG_HEAD: _log_head,
    MessageKind.LOG_CUT: _log_cut,
    MessageKind.REPLY: lambda given: customer_replies.words(given.data),
    MessageKind.ASSIGNED: _assigned,
    MessageKind.PROMISE_ENDED: _promise_ended,
    MessageKind.TEST_COPY: _test_copy,
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
}
"""The words of each kind."""
