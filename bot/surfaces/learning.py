"""A change of a company's texts as people read it: proposed, answered, and told. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.blockkit.blocks import (
    Block,
    actions,
    button,
    context,
    mention,
    quote,
    rich,
    section,
    stamp,
)
from bot.blockkit.escaping import mrkdwn, one_line, revealed_line
from bot.blockkit.ids import AboutWordingButton, WordingButton
from bot.surfaces import wording
from bot.surfaces.card.card import Card, story
from bot.surfaces.review import MOST_LISTED, CaseLine, case_line
from bot.surfaces.rewording import Fate, Words, pieces, rewording
from jobs.decide.wording import MOST_INSTRUCTIONS, WordingAnswer, WordingReply
from jobs.rules.letters.company_texts import TextKind, TextName
from jobs.rules.letters.learning import WordingChange
from jobs.rules.letters.slots import SLOT
from jobs.store.wordings import ProposalState, ProposedWording

NAMES = {
    "reminder": "reminder (stage 1)",
    "follow_up": "follow-up (stage 2)",
    "firm": "firm reminder (stage 3)",
    "final": "final reminder (stage 4)",
    "likely_dispute": "message about a likely dispute",
    "payment_plan_candidate": "message that offers to agree on dates",
    "high_touch_escalation": "personal message",
}
"""What the letter of a text is called."""
GONE = "A proposal that is no longer kept."
NOTHING = "Nothing was changed."


def text_called(text: TextName) -> str:
    """ "follow-up (stage 2) in German"."""
    return f"{NAMES.get(text.name, text.name)}{wording.in_language(text.language)}"


def told(sentence: str) -> str:
    """A sentence with its slots as a person reads them: "[total open]". Not escaped."""
    return revealed_line(SLOT.sub(lambda slot: f"[{slot[1].replace('_', ' ')}]", sentence))


def proposed(realm: str, one: ProposedWording, names: Mapping[str, str]) -> Card:
    """The line below the review: what would change, how often it was done, and the buttons."""
    change = one.change
    title = f"Proposed: new wording for the {text_called(change.text)}"
    why = f"{_often(change)}. {_follows(change)}"
    state = _state(one, names)
    blocks = [
        section(f"*{mrkdwn(title)}*\n{mrkdwn(why)}"),
        rich(quote(*pieces(_difference(change)))),
        context(state or "Nothing changes unless a finance lead takes it."),
        actions(_buttons(realm, one), "wording"),
    ]
    return Card(story([f"{mrkdwn(title)}.", mrkdwn(why), _said(change), state]), blocks)


def _often(change: WordingChange) -> str:
    what = {
        (True, True): "changed the same sentence in the same way",
        (True, False): "removed the same sentence",
        (False, True): "added the same sentence",
    }[bool(change.before), bool(change.after)]
    messages, customers = len(change.cases), change.customers
    return f"People {what} in {messages:,} messages to {customers:,} customers in the last 60 days"


def _follows(change: WordingChange) -> str:
    if change.text.kind is TextKind.TEMPLATE:
        said = "say it like this" if change.after else "leave it out"
        return f"Drafts made from your template would {said}:"
    if not change.after:
        return "The model would be asked to leave it out:"
    return "The model would be asked to say it like this:"


def _difference(change: WordingChange) -> list[Words]:
    before, after = told(change.before), told(change.after)
    if before or not change.below:
        return rewording(before, after)
    return [Words(Fate.KEPT, f"{told(change.below)} "), Words(Fate.ADDED, after)]


def _said(change: WordingChange) -> str:
    before, after = mrkdwn(told(change.before)), mrkdwn(told(change.after))
    if not before:
        return f"Added: “{after}”"
    return f"“{before}” becomes “{after}”" if after else f"Removed: “{before}”"


def _state(one: ProposedWording, names: Mapping[str, str]) -> str:
    """Who answered it and when, as mrkdwn; empty while it is open."""
    if one.state is ProposalState.OPEN or one.answered_at is None:
        return ""
    who = mrkdwn(one_line(names.get(one.answered_by, ""))) or mention(one.answered_by)
    did = {
        ProposalState.TAKEN: "uses this wording" if one.change.after else "leaves it out",
        ProposalState.DECLINED: "does not want it; it will not be proposed again",
        ProposalState.TAKEN_BACK: "took it back; it will not be proposed again",
    }[one.state]
    return f"{who or 'Somebody'} {did}, {stamp(one.answered_at)}."


def _buttons(realm: str, one: ProposedWording) -> list[Block]:
    value = AboutWordingButton(realm, one.fingerprint).encode()
    cases = button(WordingButton.CASES, "Show the cases", value)
    if one.state is ProposalState.TAKEN:
        return [button(WordingButton.TAKE_BACK, "Take back", value), cases]
    if one.state is not ProposalState.OPEN:
        return [cases]
    what = "Use this wording" if one.change.after else "Leave it out"
    take = button(WordingButton.USE, what, value, style="primary")
    return [take, button(WordingButton.DECLINE, "Not this one", value), cases]


def changed(one: ProposedWording | None, who: str, *, back: bool) -> str:
    """What the channel is told. `who` is mrkdwn."""
    if one is None:
        return f"{who} changed the wording of a text."
    change = one.change
    of = "the wording of" if change.text.kind is TextKind.TEMPLATE else "what the model is told for"
    text = f"{of} the {mrkdwn(text_called(change.text))}"
    if back:
        return f":pencil2: {who} took back a change of {text} ({_said(change)})."
    return (
        f":pencil2: {who} changed {text}. {_said(change)}. New drafts follow it; drafts that are "
        "there stay as they are."
    )


def reply(said: WordingReply) -> str:
    """The private answer to somebody who pressed a button, as mrkdwn."""
    one = said.proposed
    if one is None or said.answer is WordingAnswer.GONE:
        return f"{GONE} {NOTHING}"
    called = mrkdwn(text_called(one.change.text))
    since = f" The change since then: {_said(said.since.change)}." if said.since else ""
    return {
        WordingAnswer.TAKEN: f"Done: new drafts of the {called} use this wording. *Take back* "
        "returns to the text before it.",
        WordingAnswer.DECLINED: "Noted: this change will not be proposed again.",
        WordingAnswer.TAKEN_BACK: f"Done: new drafts of the {called} are made as before.",
        WordingAnswer.ANSWERED: f"{_state(one, {})} {NOTHING}",
        WordingAnswer.CHANGED: f"The text of the {called} is not the one that this was proposed "
        f"for ({_said(one.change)}).{since} {NOTHING} If people go on changing it, the next review "
        "proposes it for the present text.",
        WordingAnswer.TOO_MANY: f"The model is told {MOST_INSTRUCTIONS} things for the {called} "
        f"already, the most there may be. {NOTHING} Take one back first.",
        WordingAnswer.NOT_THE_LAST: f"The {called} was changed again after this.{since} {NOTHING} "
        "Take that change back first.",
        WordingAnswer.GONE: "",
    }[said.answer]


def cases(one: ProposedWording, some: Sequence[CaseLine]) -> str:
    """The private answer to somebody who asks for the cases behind a proposal, as mrkdwn."""
    title = f"*{mrkdwn(_often(one.change))}*"
    lines = [f"• {case_line(each)}" for each in some[:MOST_LISTED]]
    more = len(some) - MOST_LISTED
    return "\n".join([title, *lines, *([f"and {more:,} more"] if more > 0 else [])])
