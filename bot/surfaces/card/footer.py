"""What a card says last: what was looked up but decides nothing, and where it all comes from."""

from __future__ import annotations

from bot.blockkit.blocks import context, prose, stamp
from bot.blockkit.escaping import cap, mrkdwn, one_line, revealed_line
from bot.surfaces import wording
from bot.surfaces.card import amounts
from bot.surfaces.card.parts import Part, ShownTo, folded, short
from bot.surfaces.card.why import BY_RULES, reasons
from jobs.decide.verbs import DECISIONS
from jobs.rules.case import CaseView, Decision
from jobs.rules.figures import listed
from jobs.rules.plain import capital
from jobs.rules.policy.rights import Manager
from jobs.rules.states import CaseClass

MOST_DECISIONS = 10


def background(view: CaseView, reader: ShownTo) -> Part | None:
    """Habit, account manager, what else is open; where Slack folds it, history and authorship too.

    Without containers only the first line of it is shown.
    """
    told = [*_around(view), *_manager(view.manager, reader)]
    said = mrkdwn(". ".join(told) + ".") if told else ""
    if not reader.folds:
        return Part((context(mrkdwn(" · ".join(told))),), said) if told else None
    lines = [*told, *_made(view), *_why_routine(view, reader), *_history(view, reader)]
    shown = [prose(cap("\n".join(lines), 3000))]
    return Part(tuple(folded("Background", "", shown, reader)), said) if lines else None


def _around(view: CaseView) -> list[str]:
    facts = view.facts
    told = [capital(wording.habit(facts.habit))] if facts.habit else []
    if facts.habit_unread:
        told.append("Payment habit not shown: a settled record cannot be read")
    apart = facts.total_open - facts.total_overdue
    if apart.amount:
        told.append(f"{wording.money(apart)} more open, not in this message")
    if facts.on_account.amount and not facts.netted:
        told.append(f"{wording.money(facts.on_account)} on account, not applied")
    return told


def _manager(manager: Manager | None, reader: ShownTo) -> list[str]:
    """Whose account it is and who says so."""
    if manager is None:
        return []
    named = reader.name(manager.user) if manager.user else cap(one_line(manager.name), 100)
    return [f"Account manager: {named} ({short(manager.said_by)})"]


def _made(view: CaseView) -> list[str]:
    """Which model and prompt judged and wrote, and the envelope's usual part."""
    by = {"Case judged by": view.judged_by, "Text by": view.author if view.letter else ""}
    told = [f"{what} {short(who)}" for what, who in by.items() if who and who != BY_RULES]
    sender = [f"From {revealed_line(view.letter.sender)}"] if view.letter else []
    return [*told, *sender]


def _why_routine(view: CaseView, reader: ShownTo) -> list[str]:
    if view.class_ is not CaseClass.ROUTINE_REMINDER:
        return []
    return [
        "".join(piece["text"] for piece in reader.line(line))
        for line in reasons(view, view.reasons, set())
    ]


def _history(view: CaseView, reader: ShownTo) -> list[str]:
    return [_decided(made, reader) for made in view.decisions[-MOST_DECISIONS:]]


def _decided(made: Decision, reader: ShownTo) -> str:
    system = made.actor.startswith("system")
    who = "Overdue itself" if system else reader.name(made.actor)
    did = DECISIONS[made.kind].did if made.kind in DECISIONS else made.kind
    return f"{reader.when(made.at)}: {who} {did or DECISIONS[made.kind].was}"


def footer(view: CaseView, reader: ShownTo) -> Part:
    """Case, draft, as-of, who wrote the text, and which sources were read."""
    told = _numbers(view)
    as_of, end = view.facts.as_of, [*map(mrkdwn, _author(view, reader)), *_sources(view)]
    shown = [*told, f"as of {stamp(as_of)}", *end]
    said = [*told, f"as of {reader.when(as_of)}", *end]
    return Part((context(" · ".join(shown)),), ", ".join(said).replace("*", "") + ".")


def short_footer(view: CaseView) -> Part:
    """Case, draft and invoices, once it has been decided."""
    told = [*_numbers(view), *filter(None, [mrkdwn(amounts.named(view))])]
    return Part((context(" · ".join(told)),), ", ".join(told) + ".")


def _numbers(view: CaseView) -> list[str]:
    return [f"Case {view.id}", *([f"draft {view.draft_version}"] if view.draft_version else [])]


def _author(view: CaseView, reader: ShownTo) -> list[str]:
    why = f" ({short(view.author_reason)})" if view.author_reason else ""
    if view.edited_by:
        return [f"edited by {reader.name(view.edited_by)}"]
    if view.letter is None:
        asked = view.judged_by not in ("", BY_RULES)
        return [] if asked else [f"no model was asked{why}"]
    return [f"template{why}" if view.author == BY_RULES else "AI draft"]


def _sources(view: CaseView) -> list[str]:
    read, absent, down = (
        listed(map(mrkdwn, view.sources_read), "and"),
        listed(map(mrkdwn, view.sources_absent), "or"),
        listed(map(mrkdwn, view.sources_down), "and"),
    )
    told = [f"read: {read}"] if read else []
    told += [f"no {absent} connected"] if absent else []
    return [f"*not read: {down}*", *told] if down else told
