"""The words in a company's channel: about its connection, its switches and its policy. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from bot.blockkit.blocks import channel_link, stamp
from bot.blockkit.escaping import escaped
from bot.surfaces.notices.given import Given
from jobs.rules.figures import day, listed
from jobs.rules.plain import one_line
from jobs.store.log import CUT
from jobs.store.outbox import MessageKind

Data = Mapping[str, Any]

MOST_NAMED = 20
"""How many cases one notice names."""
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


def _replies_failed(given: Given) -> str:
    return (
        f":warning: New mail in the finance mailbox could not be read{given.tried} "
        f"({given['reason']}). Until it can, replies of customers do not appear here; please look "
        "into the mailbox yourself. It is tried again every few minutes, and nothing is skipped."
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


def _restored(given: Given) -> str:
    named = [
        f"case {escaped(one['case'])} ({escaped(one_line(one['customer'], 60)) or 'no name'})"
        for one in given.data["doubtful"][:MOST_NAMED]
    ]
    more = len(given.data["doubtful"]) - len(named)
    last = stamp(datetime.fromisoformat(given.data["last"]))
    first = (
        ":rotating_light: *Overdue's record was brought back from a backup.* Its last entry is of "
        f"{last}; what was decided, sent or noted later is not on record. Sending is paused."
    )
    said = [first]
    if named:
        said.append(
            f"• *Perhaps sent:* {listed([*named, *([f'{more} more'] if more else [])])}. Please "
            "look into the Sent folder, and press “It was sent” or “It was not sent” on each card."
        )
    if waiting := given.data["waiting"]:
        which = "1 message waits" if waiting == 1 else f"{waiting} messages wait"
        said.append(
            f"• {which} for approval and may have been approved and sent since. The cards say so; "
            "look into the Sent folder before you approve."
        )
    said.append(
        "• Please repeat what was rejected, edited, put on hold or confirmed since. Afterwards a "
        "finance lead resumes sending with `/overdue resume`."
    )
    return "\n".join(said)


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


def _model_offered(given: Given) -> str:
    before, after = f"`{given['from']}`", f"`{given['to']}`"
    meanwhile = (
        f"Until then {before} goes on."
        if given["from"].rpartition(" at ")[2] == given["to"].rpartition(" at ")[2]
        else f"Until then plain templates are drafted, because {before} can no longer be asked."
    )
    return (
        f":brain: The settings of {given.company} name another model, {after}. It is used once a "
        f"finance lead says so. {meanwhile} `overdue eval export` and `make eval` compare the two "
        "on your own decisions."
    )


def _model_used(given: Given) -> str:
    return f":brain: {given.who} has accepted the model `{given['to']}`; it is used from now on."


def _prompts_changed(given: Given) -> str:
    return (
        ":brain: A release has changed how texts are read or drafts are asked for (prompts, "
        f"vocabulary or phrases); the new fingerprint is {given.fingerprint}."
    )


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
    MessageKind.RESTORED: _restored,
    MessageKind.MODEL_OFFERED: _model_offered,
    MessageKind.MODEL_USED: _model_used,
    MessageKind.PROMPTS_CHANGED: _prompts_changed,
    MessageKind.SWEEP_FAILED: _sweep_failed,
    MessageKind.POLL_FAILED: _poll_failed,
    MessageKind.REPLIES_FAILED: _replies_failed,
    MessageKind.RECORDS_BROKEN: _records_broken,
    MessageKind.EVENT_IGNORED: _event_ignored,
    MessageKind.EVENT_FAILED: _event_failed,
    MessageKind.LOG_HEAD: _log_head,
    MessageKind.LOG_CUT: _log_cut,
}
"""The words of each kind."""
