"""The form of Edit: a draft as a person may change it, and what becomes of their text. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from bot.blockkit.blocks import Block, bullets, chunks, context, paragraph, quote, rich, text
from bot.blockkit.escaping import cap, one_line, revealed, revealed_line
from bot.blockkit.ids import Field
from bot.surfaces import wording
from bot.surfaces.card import amounts
from bot.surfaces.card.reasons import ReasonOption
from bot.surfaces.forms import fields
from bot.surfaces.forms.cc import cc_inputs, chosen_cc
from bot.surfaces.forms.modal import LOADING, Submission, about, asking, bound, gone, modal
from jobs.decide.edit import Text
from jobs.decide.verbs import Verb
from jobs.rules.case import CaseView
from jobs.rules.letters.letter import Letter
from jobs.rules.plain import capital, shortened
from jobs.rules.policy.policy import Policy
from jobs.rules.verification.violations import Violation

CHECKED = (
    "Amounts, dates, invoice numbers, names and links are checked against QuickBooks when you "
    "save. Saving sends nothing: the new version goes back to the card for approval."
)
MARKED = ReasonOption(
    "This text offers instalments or a payment date",
    "Amounts and dates that are not on record. A second person must approve.",
)


def edit(view: CaseView, _: Policy) -> Block:
    """The draft to be edited."""
    return edit_again(view)


def edit_again(
    view: CaseView,
    typed: Text | None = None,
    *,
    violations: Sequence[str] = (),
    meanwhile: bool = False,
) -> Block:
    """The draft, or the text that a person has just typed.

    `violations` are what is wrong with that text, and stand beside it; the submit button, bound to
    its fingerprint, saves it anyway. `meanwhile`: somebody else has changed the message, so both
    texts are there.
    """
    if (letter := view.letter) is None:
        return gone("This case has no draft to edit.")
    shown = typed or Text(letter.subject, letter.body)
    seen = fingerprint(shown.subject, shown.body, shown.marked) if violations else ""
    of_subject, of_body = _inputs(view, shown.subject, shown.body)
    blocks = [_envelope(view), *(_as_it_is_now(letter) if meanwhile else [])]
    blocks += [of_subject, *_violated(violations), of_body, _marking(view, shown.marked)]
    blocks += cc_inputs(view, letter.cc if shown.cc is None else shown.cc)
    blocks += [*fields.shown("QuickBooks note", letter.note), context(CHECKED)]
    submit = "Save anyway" if seen else "Save"
    return asking(Verb.EDIT, blocks, bound(view, seen), submit, "Edit the message")


def fingerprint(subject: str, body: str, marked: bool = False) -> str:
    """The SHA-256 (64 hex digits) of a text whose violations were shown, and of its marking."""
    shown = f"{subject}\0{body}\0{marked}"
    return hashlib.sha256(shown.encode("utf-8", "surrogatepass")).hexdigest()


def not_saved(words: str, typed: Text) -> Block:
    """Instead of a form that no longer makes sense: why, and what was typed, to be copied."""
    told = "Your text was not saved. Copy it from here:"
    top = paragraph(text(words), text(f"\n{told}"))
    pieces = [quote(text(piece)) for piece in chunks(f"{typed.subject}\n\n{typed.body}", 3000)]
    return modal(LOADING, "Not saved", [rich(top, *pieces)], "")


def _as_it_is_now(letter: Letter) -> list[Block]:
    told = (
        "Somebody else has changed this message since you opened it, so nothing was saved. It is "
        "shown here as it is now; below is your text. Saving replaces it with yours."
    )
    pieces = [quote(text(one)) for one in chunks(revealed(letter.body), 3000)]
    subject = paragraph(text(f"Subject: {revealed_line(letter.subject)}"))
    return [rich(paragraph(text(told, bold=True)), subject, *pieces)]


def _violated(violations: Sequence[str]) -> list[Block]:
    if not violations:
        return []
    title = text("This text does not match QuickBooks or the policy", bold=True)
    lines = [[text(cap(one_line(told), 500))] for told in violations[:20]]
    if len(violations) > 20:
        lines.append([text(f"and {len(violations) - 20} more")])
    anyway = "Correct it, or save it anyway: then a second person must approve."
    return [rich(paragraph(title), bullets(lines), paragraph(text(anyway)))]


def forbidden(sent: Submission, typed: Text, found: Sequence[Violation]) -> dict[str, str]:
    """What nobody may save, at the field that it stands in: block id → sentences."""
    at: dict[str, list[str]] = {}
    for one in found:
        field = Field.SUBJECT if one.text and one.text in typed.subject else Field.BODY
        at.setdefault(fields.block_of(sent.values, field), []).append(one.sentence)
    end = "This cannot be saved. Please correct it and save again."
    return {block: shortened(" ".join(told), 800) + f" {end}" for block, told in at.items()}


def _envelope(view: CaseView) -> Block:
    assert view.letter is not None
    amount = wording.money(view.facts.asked)
    into = wording.in_language(view.letter.language)
    told = f"To {revealed_line(view.letter.to)}{into} · {amount} due · {wording.stage(view.stage)}"
    named = amounts.named(view)
    stays = f"{named}, recipient" if named else "recipient"
    return about(view, f"{told}\n{capital(stays)} and files stay as they are.")


def _inputs(view: CaseView, subject: str, body: str) -> list[Block]:
    version = view.draft_version
    return [
        fields.labelled(Field.SUBJECT, version, "Subject", fields.line(Field.SUBJECT, subject)),
        fields.labelled(Field.BODY, version, "Message", fields.line(Field.BODY, body, many=True)),
    ]


def _marking(view: CaseView, marked: bool) -> Block:
    """For figures that are on no record: the person says what they are, or they are refused."""
    option = fields.option("marked", MARKED)
    element: Block = {"type": "checkboxes", "action_id": Field.MARKED.value, "options": [option]}
    element |= {"initial_options": [option]} if marked else {}
    hint = "Not for figures from QuickBooks: a total, a balance, or what an invoice is about."
    return fields.labelled(
        Field.MARKED, view.draft_version, "Terms you offer", element, hint=hint, optional=True
    )


def edited(sent: Submission) -> Text:
    """A subject on one line and a body with newlines as line ends.

    Raises UnusableError if a part is empty. The text whose violations were shown, sent once more,
    insists on them.
    """
    values = sent.values
    subject = fields.required(values, Field.SUBJECT, one_line, "Please write a subject.")
    body = fields.required(values, Field.BODY, fields.paragraphs, "Please write a message.")
    marked = bool(fields.several(values, Field.MARKED))
    insists = sent.seen == fingerprint(subject, body, marked)
    return Text(subject, body, insists, marked, chosen_cc(sent))
