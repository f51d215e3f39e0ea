"""The message of a case as the customer will read it, its envelope, and the QuickBooks note."""

from __future__ import annotations

from email.utils import parseaddr

from bot.blockkit.blocks import Block, chunks, context, paragraph, prose, quote, rich, text
from bot.blockkit.escaping import address, cap, mrkdwn, revealed, revealed_line
from bot.surfaces import wording
from bot.surfaces.card.buttons import MOST_BODY
from bot.surfaces.card.parts import Line, Part, ShownTo, folded, listing, short, some
from jobs.rules.case import CaseView
from jobs.rules.figures import listed
from jobs.rules.letters.letter import Letter
from jobs.rules.plain import beginning
from jobs.rules.states import State

CHUNK = 3000
MOST_FILES = 8
MOST_WORDS = 12
MOST_IN_RULE = 3
_SAID_BY_RULE = ("unsafe_text", "text_breaks_a_rule", "marked_wording")
"""Rules whose reason already quotes the first three violations."""
GONE = frozenset({State.SENT, State.DONE})
AT_STAKE = GONE | {State.APPROVED, State.SENDING, State.UNKNOWN}
"""States in which the words of the message are part of the story."""


def letter(view: CaseView) -> list[Part]:
    """Envelope, text and note, word for word, for whoever decides."""
    if view.letter is None:
        return []
    return [_envelope(view.letter), _body(view.letter), _note(view.letter)]


def _envelope(of: Letter) -> Part:
    pieces: Line = []
    for name, value in _fields(of):
        pieces += [text(f"{name}: ", bold=True), text(f"{cap(revealed_line(value), 1000)}\n")]
    pieces[-1] = text(pieces[-1]["text"].rstrip("\n"))
    into = wording.in_language(of.language)
    copied = f", copy to {listed(map(address, of.cc))}" if of.cc else ""
    said = (
        f"Message{into} to {address(of.to)}{copied}, subject “{mrkdwn(revealed_line(of.subject))}”:"
    )
    return Part((rich(paragraph(*pieces)),), said)


def _fields(of: Letter) -> list[tuple[str, str]]:
    """What the approver has to see of the envelope; the sender only where it is not the usual."""
    files = wording.first_few([a.file_name for a in of.attachments], MOST_FILES)
    usual = parseaddr(of.sender)[1].lower() == parseaddr(of.reply_to)[1].lower()
    told = [] if usual else [("From", of.sender), ("Reply-To", of.reply_to)]
    told += [("Attached", files)] if files else []
    copied = [("Copy to", ", ".join(of.cc))] if of.cc else []
    into = wording.in_language(of.language)
    return [("To", of.to), *copied, (f"Subject{into and f' ({into.strip()})'}", of.subject), *told]


def _body(of: Letter) -> Part:
    shown = beginning(revealed(of.body), MOST_BODY)
    blocks = [rich(quote(text(piece))) for piece in chunks(shown, CHUNK)]
    rest = len(revealed(of.body)) - len(shown)
    if rest > 0:
        blocks.append(context(f"*{rest:,} more characters do not fit;* Edit shows all of them."))
    return Part(tuple(blocks), mrkdwn(revealed(of.body)))


def _note(of: Letter) -> Part:
    note = cap(revealed(of.note), CHUNK)
    block = rich(paragraph(text("QuickBooks note: ", bold=True), text(note)))
    return Part((block,), f"QuickBooks note: {mrkdwn(revealed(of.note))}")


def letter_folded(view: CaseView, reader: ShownTo) -> list[Part]:
    """The message behind its recipient and subject, once it has been decided about."""
    if view.letter is None:
        return []
    of, sent = view.letter, view.state in GONE
    what = f"{'Sent' if sent else 'Message'}{wording.in_language(of.language)}"
    title = f"{what} to {short(revealed_line(of.to))}"
    children = [prose(piece) for piece in chunks(beginning(revealed(of.body), MOST_BODY), CHUNK)]
    blocks = folded(title, revealed_line(of.subject), [*children, _rest(of)], reader)
    said = [part.said for part in letter(view)] if view.state in AT_STAKE else []
    return [Part(tuple(blocks)), *(Part((), words) for words in said)]


def _rest(of: Letter) -> Block:
    """What belongs to the message besides its text."""
    files = wording.first_few([a.file_name for a in of.attachments], MOST_FILES) or "nothing"
    copied = [f"Copy to: {', '.join(of.cc)}"] if of.cc else []
    told = [*copied, f"From: {of.sender}", f"Attached: {files}", f"QuickBooks note: {of.note}"]
    return prose(cap("\n".join(revealed_line(line) for line in told), CHUNK))


def violations(view: CaseView, reader: ShownTo) -> Part | None:
    """The rules that the current text breaks because a person insisted."""
    told = any(ruling.rule in _SAID_BY_RULE for ruling in view.rulings)
    if not view.violations or (told and len(view.violations) <= MOST_IN_RULE):
        return None
    lines = some([[text(short(told))] for told in view.violations], "violations")
    return listing("This text breaks a rule, so a second person has to approve", lines, reader)


def unusual(view: CaseView) -> Part | None:
    """The words of an edited text that an approver may want to look at; they stop nothing."""
    if not view.unusual_words:
        return None
    words = [cap(word, 40) for word in view.unusual_words]
    said = f"Words to look at: {mrkdwn(wording.first_few(words, MOST_WORDS))}"
    return Part((context(said),), f"{said}.")
