"""The modals that buttons open: pure, filled from a case, carrying what they were opened for.

A modal is opened light and at once (`loading`) and then replaced, because a trigger lives three
seconds. What a person submits is read by `bot.listeners.submitted`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date

from bot.blockkit.blocks import Block, bullets, context, paragraph, plain, rich, text
from bot.blockkit.escaping import cap, one_line, revealed
from bot.blockkit.ids import Field, Opened, block_id
from bot.surfaces import wording
from bot.surfaces.card.buttons import addresses, binding, fired
from bot.surfaces.card.reasons import HOLD, ReasonOption, rejecting
from jobs.decide.verbs import Verb
from jobs.rules.case import CaseView
from jobs.rules.facts import Invoice
from jobs.rules.gates import ON_ACCOUNT
from jobs.rules.plain import shortened
from jobs.rules.policy import Policy
from jobs.rules.rulings import Kind, stops_seen
from jobs.rules.verification.ledger_text import to_confirm

LOADING = "loading"
"""The name of a modal that asks for nothing."""
MOST_OPTIONS = 100
"""Options of a multi-select; radio buttons have at most ten."""
MOST_ADDRESSES = 10
CHECKED = (
    "Amounts, dates, invoice numbers, names and links are checked against QuickBooks when you "
    "save. Saving sends nothing: the new version goes back to the card for approval."
)
SLOW = "If nothing happens within a minute, please close this and press the button again."
MARKED = ReasonOption(
    "This text offers instalments or a payment date",
    "Amounts and dates that are not on record. A second person must approve.",
)


def loading(name: str) -> Block:
    """What is shown until the case is read; `name` is its external id."""
    blocks = [rich(paragraph(text("Reading the case…"))), context(SLOW)]
    return _view(LOADING, "One moment", blocks, "") | {"external_id": name}


def gone(words: str) -> Block:
    """Instead of a modal that no longer makes sense; `words`, our own, say why."""
    return _view(LOADING, "Not possible", [rich(paragraph(text(words)))], "")


def edit(
    view: CaseView,
    *,
    subject: str = "",
    body: str = "",
    marked: bool = False,
    violations: Sequence[str] = (),
    seen: str = "",
) -> Block:
    """The draft to be edited, or (`subject` and `body`) the text that a person has just typed.

    `violations` are what is wrong with that text. With `seen`, which is its fingerprint, the
    submit button saves it anyway; without, nobody may save it.
    """
    if view.letter is None:
        return gone("This case has no draft to edit.")
    typed = (subject, body) if subject or body else (view.letter.subject, view.letter.body)
    told = _violated(violations, savable=bool(seen))
    blocks = [*told, _envelope(view), *_inputs(view, *typed), _marking(view, marked)]
    blocks.append(context(CHECKED))
    submit = "Save anyway" if seen else "Save"
    return _form(Verb.EDIT, blocks, _meta(view, seen), submit, "Edit the message")


def fingerprint(subject: str, body: str, marked: bool = False) -> str:
    """The SHA-256 (64 hex digits) of a text whose violations were shown, and of its marking."""
    shown = f"{subject}\0{body}\0{marked}"
    return hashlib.sha256(shown.encode("utf-8", "surrogatepass")).hexdigest()


def _violated(violations: Sequence[str], *, savable: bool) -> list[Block]:
    if not violations:
        return []
    title = text("This text does not match QuickBooks or the policy", bold=True)
    lines = [[text(cap(one_line(told), 500))] for told in violations[:20]]
    if len(violations) > 20:
        lines.append([text(f"and {len(violations) - 20} more")])
    anyway = "Correct it, or save it anyway: then a second person must approve."
    end = anyway if savable else "This cannot be saved. Please correct it and save again."
    return [rich(paragraph(title), bullets(lines), paragraph(text(end)))]


def _envelope(view: CaseView) -> Block:
    assert view.letter is not None
    amount = wording.money(view.facts.asked)
    return _about(
        view,
        f"To {revealed(view.letter.to)}, {amount} due, {wording.stage(view.stage)}. "
        "Recipient, attachments and the QuickBooks note stay as they are.",
    )


def _inputs(view: CaseView, subject: str, body: str) -> list[Block]:
    version = view.draft_version
    return [
        _input(Field.SUBJECT, version, "Subject", _line(Field.SUBJECT, subject)),
        _input(Field.BODY, version, "Message", _line(Field.BODY, body, many=True)),
    ]


def _marking(view: CaseView, marked: bool) -> Block:
    """For figures that are on no record: the person says what they are, or they are refused."""
    option = _option("marked", MARKED)
    element: Block = {"type": "checkboxes", "action_id": Field.MARKED.value, "options": [option]}
    element |= {"initial_options": [option]} if marked else {}
    hint = "Not for figures from QuickBooks: a total, a balance, or what an invoice is about."
    return _input(
        Field.MARKED, view.draft_version, "Terms you offer", element, hint=hint, optional=True
    )


def reject(view: CaseView, policy: Policy) -> Block:
    """Why the case is rejected: each reason says what happens next."""
    offered = rejecting(view.stage, policy.already_paid_working_days, fired(view, ON_ACCOUNT))
    options = {str(name): words for name, words in offered.items()}
    blocks = [
        _about(view, "No message goes out. What happens next depends on the reason."),
        _input(Field.REASON, view.version, "Reason", _radio(Field.REASON, options, "")),
        *_invoices(view, "Disputed invoices", "Only for the reason Disputed."),
        _comment(view, "Comment", optional=True),
    ]
    return _form(Verb.REJECT, blocks, _meta(view), "Reject")


def was_paid(view: CaseView, policy: Policy) -> Block:
    """The customer has paid: the card waits for the payment, or for one to be applied."""
    days = wording.working_days(policy.already_paid_working_days)
    told = f"{_payment(view)} Nothing is sent until then; the case asks again after {days}."
    blocks = [_about(view, told), _comment(view, "Comment", optional=True)]
    return _form(Verb.WAS_PAID, blocks, _meta(view), "It was paid")


def _payment(view: CaseView) -> str:
    """What has to happen in QuickBooks before the case closes by itself."""
    if not fired(view, ON_ACCOUNT):
        return "No payment is on record yet. Once it is in QuickBooks, the case closes by itself."
    named = {id for r in view.rulings if r.rule in ON_ACCOUNT for id in r.evidence}
    labels = [one_line(one.label) for one in view.evidence if one.id in named and one.label]
    what = shortened(wording.joined(labels), 300) or "The money on account"
    return (
        f"{what} is in QuickBooks but not applied to the invoices. Once it is applied, the case "
        "closes by itself."
    )


def hold(view: CaseView, until: date) -> Block:
    """Put invoices, or the whole customer, on hold for a while; `until` is proposed."""
    options = {str(name): words for name, words in HOLD.items()}
    blocks = [
        _about(view, "Held invoices are left out of every message until the review date."),
        _input(Field.KIND, view.version, "Why", _radio(Field.KIND, options, "")),
        *_invoices(view, "Invoices", "Choose none to hold everything of this customer."),
        _date(view, "Review date", until, hint="For a promise: the day the customer named."),
        _comment(view, "Comment", optional=True),
    ]
    return _form(Verb.HOLD, blocks, _meta(view), "Hold")


def snooze(view: CaseView, until: date) -> Block:
    """Bring the case back on a day; `until` is proposed."""
    blocks = [
        _about(view, "The case comes back on that day with fresh figures."),
        _date(view, "Come back on", until),
        _comment(view, "Comment", optional=True),
    ]
    return _form(Verb.SNOOZE, blocks, _meta(view), "Snooze")


def draft_anyway(view: CaseView) -> Block:
    """A finance lead sets the named stops aside, for one draft, with a reason."""
    stops = [r for r in view.rulings if r.kind is Kind.STOP]
    lines = [
        [text(r.rule.replace("_", " "), bold=True), text(f" · {cap(one_line(r.reason), 500)}")]
        for r in stops
    ]
    told = "Only a finance lead can do this. It sets these stops aside for the next draft only:"
    blocks = [_about(view, told), *([rich(bullets(lines))] if lines else [])]
    blocks.append(_comment(view, "Why a draft is right anyway"))
    seen = stops_seen(view.rulings)
    return _form(Verb.DRAFT_ANYWAY, blocks, _meta(view, seen), "Draft")


def confirm_address(view: CaseView) -> Block:
    """Choose one of the ledger's own addresses; it is remembered for this customer."""
    found = addresses(view)
    if not found:
        return gone("QuickBooks has no e-mail address for this customer. Please add one there.")
    options = {address_key(one): ReasonOption(one_line(one), "") for one in found[:MOST_ADDRESSES]}
    rest = len(found) - MOST_ADDRESSES
    more = f" QuickBooks has {rest} more; please remove unused ones there." if rest > 0 else ""
    told = f"Messages to this customer go to the address you choose, until it changes.{more}"
    chosen = _radio(Field.ADDRESS, options, "")
    blocks = [_about(view, told), _input(Field.ADDRESS, view.version, "Address", chosen)]
    return _form(Verb.CONFIRM_ADDRESS, blocks, _meta(view), "Confirm")


def confirm_name(view: CaseView) -> Block:
    """A finance lead confirms once that a name which looks like a web address is the name."""
    seen = to_confirm(view.facts)
    if not seen:
        return gone("The name of this customer no longer looks like a web address.")
    told = (
        "This name looks like a web address, and mail programs turn it into a link. If it is the "
        "customer's name, confirm it: messages then use it until it changes in QuickBooks."
    )
    return _form(Verb.CONFIRM_NAME, [_about(view, told)], _meta(view, seen), "Confirm")


def address_key(address: str) -> str:
    """An option's value in place of the address, which is looked up in the ledger's own list."""
    return hashlib.sha256(address.strip().lower().encode("utf-8", "replace")).hexdigest()[:16]


def _about(view: CaseView, told: str) -> Block:
    name = cap(one_line(view.facts.customer.name), 600)
    top = [text(name, bold=True), text(f" · case {view.id}\n{told}")]
    return rich(paragraph(*top))


def _meta(view: CaseView, seen: str = "") -> str:
    return Opened(binding(view), seen).encode()


def _form(verb: Verb, blocks: list[Block], meta: str, submit: str, title: str = "") -> Block:
    return _view(verb.value, title or verb.row.button.removesuffix("…"), blocks, meta, submit)


def _view(name: str, title: str, blocks: list[Block], meta: str, submit: str = "") -> Block:
    made: Block = {"type": "modal", "callback_id": name, "blocks": blocks}
    made |= {"title": plain(title, 24), "close": plain("Cancel" if submit else "Close", 24)}
    made |= {"private_metadata": meta}
    return made | ({"submit": plain(submit, 24)} if submit else {})


def _input(
    field: Field,
    version: int,
    label: str,
    element: Block,
    *,
    hint: str = "",
    optional: bool = False,
) -> Block:
    made: Block = {"type": "input", "block_id": block_id(field, version), "element": element}
    made |= {"label": plain(label, 2000), "optional": optional}
    return made | ({"hint": plain(hint, 2000)} if hint else {})


def _line(field: Field, value: str, *, many: bool = False) -> Block:
    made: Block = {"type": "plain_text_input", "action_id": field.value, "multiline": many}
    return made | ({"initial_value": value} if value else {})


def _comment(view: CaseView, label: str, *, optional: bool = False) -> Block:
    element = _line(Field.COMMENT, "", many=True) | {"max_length": 1000}
    return _input(Field.COMMENT, view.version, label, element, optional=optional)


def _date(view: CaseView, label: str, proposed: date, *, hint: str = "") -> Block:
    element = {"type": "datepicker", "action_id": Field.UNTIL.value}
    element["initial_date"] = proposed.isoformat()
    return _input(Field.UNTIL, view.version, label, element, hint=hint)


def _radio(field: Field, options: dict[str, ReasonOption], chosen: str) -> Block:
    made = {name: _option(name, words) for name, words in options.items()}
    element: Block = {"type": "radio_buttons", "action_id": field.value}
    element["options"] = list(made.values())
    return element | ({"initial_option": made[chosen]} if chosen in made else {})


def _option(value: str, words: ReasonOption) -> Block:
    made: Block = {"text": plain(words.label, 75), "value": value}
    told = {"description": plain(words.consequence, 75)} if words.consequence else {}
    return made | told


def _invoices(view: CaseView, label: str, hint: str) -> list[Block]:
    some = view.facts.invoices[:MOST_OPTIONS]
    if not some:
        return []
    rest = len(view.facts.invoices) - len(some)
    more = f" Only the oldest {MOST_OPTIONS} can be chosen here, not {rest} others." if rest else ""
    element: Block = {"type": "multi_static_select", "action_id": Field.INVOICES.value}
    names = wording.invoice_names(view.facts.invoices)
    element["options"] = [_option(one.id, _named(one, names[one.id])) for one in some]
    element["placeholder"] = plain("Choose invoices", 150)
    made = _input(Field.INVOICES, view.version, label, element, hint=hint + more, optional=True)
    return [made]


def _named(one: Invoice, called: str) -> ReasonOption:
    name = shortened(called, 40)
    return ReasonOption(f"{name}, {wording.money(one.open)} open", "")
