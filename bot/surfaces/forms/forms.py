"""The forms of verbs: what each asks for, and what becomes of it when it comes back; and the list
of what else can be done, for which a card's menu has no room.

Pure: drawn from a case, and read into what the function of the verb takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from bot.blockkit.blocks import (
    Block,
    bullets,
    button,
    chunks,
    paragraph,
    quote,
    rich,
    section,
    text,
)
from bot.blockkit.escaping import cap, one_line, revealed
from bot.blockkit.ids import ALSO, AS_PAGE, CUSTOMER, ELSEWHERE, SEND_COPY, Field
from bot.surfaces import wording
from bot.surfaces.card.amounts import linked
from bot.surfaces.card.buttons import (
    ABOUT_CUSTOMER,
    OPEN_IN_QUICKBOOKS,
    PAGE,
    addresses,
    binding,
    fired,
)
from bot.surfaces.card.buttons import about as about_customer
from bot.surfaces.card.reasons import HOLD, WRONG, ReasonOption, rejecting
from bot.surfaces.forms import agreements, edit, fields
from bot.surfaces.forms.fields import unusable
from bot.surfaces.forms.modal import Form, Submission, about, asking, bound, gone, modal
from jobs.decide.assign import Assignment
from jobs.decide.hold import Holding, Snooze
from jobs.decide.look import SetAside
from jobs.decide.reject import Rejection
from jobs.decide.sent import Mistake
from jobs.decide.verbs import Verb
from jobs.reasoning.cleaning import lines
from jobs.rules.case import CaseView
from jobs.rules.facts.addresses import ledger_addresses
from jobs.rules.facts.evidence import Evidence, TextToRead
from jobs.rules.facts.past import HoldKind
from jobs.rules.figures import listed
from jobs.rules.gates.about_ledger import ON_ACCOUNT
from jobs.rules.gates.about_texts import named
from jobs.rules.gates.heard import having_read, settling, to_settle
from jobs.rules.plain import capital, shortened
from jobs.rules.policy.business_days import add_working_days
from jobs.rules.policy.policy import Policy
from jobs.rules.rulings import Kind, stops_seen
from jobs.rules.states import RejectReason, State
from jobs.rules.verification.ledger_text import to_confirm

ABOUT_MARKS = (
    "*Marks and account manager.* For finance leads: key account, do not chase, private person."
)
ABOUT_COPY = "*A test copy.* Mails this draft to you, marked as a test; the customer gets nothing."
ABOUT_PAGE = (
    "*The case as a page.* A file in the thread of the card, for somebody who takes it over: "
    "facts, messages, promises, evidence and decisions."
)
SNOOZED = 2
"""How many working days the form of a snooze proposes."""
MOST_ADDRESSES = 10
LONGEST_SHOWN = 6000
"""Characters of a text that somebody has to read."""


def reject(view: CaseView, policy: Policy) -> Block:
    """Why the case is rejected: each reason says what happens next."""
    offered = rejecting(view.stage, policy.already_paid_working_days, fired(view, ON_ACCOUNT))
    options = {str(name): words for name, words in offered.items()}
    blocks = [
        about(view, "No message goes out. What happens next depends on the reason."),
        fields.labelled(
            Field.REASON, view.version, "Reason", fields.radio(Field.REASON, options, "")
        ),
        *fields.invoices(view, "Disputed invoices", "Only for the reason Disputed."),
        fields.comment(view, "Comment", optional=True),
    ]
    return asking(Verb.REJECT, blocks, bound(view), "Reject")


def rejection(sent: Submission) -> Rejection:
    """Raises UnusableError for a dispute without invoices, or "other" without a comment."""
    values = sent.values
    reason = fields.chosen(values, Field.REASON, RejectReason)
    comment = fields.typed(values, Field.COMMENT)
    if reason is RejectReason.OTHER and not comment:
        raise unusable(values, Field.COMMENT, "Please say why, so that others understand.")
    if reason is not RejectReason.DISPUTED:
        return Rejection(reason, comment)
    invoices = fields.several(values, Field.INVOICES)
    if not invoices:
        raise unusable(values, Field.INVOICES, "Please choose the disputed invoices.")
    return Rejection(reason, comment, invoices)


def was_paid(view: CaseView, policy: Policy) -> Block:
    """The customer has paid: the card waits for the payment, or for one to be applied."""
    days = wording.working_days(policy.already_paid_working_days)
    told = f"{_payment(view)} Nothing is sent until then; the case asks again after {days}."
    blocks = [about(view, told), fields.comment(view, "Comment", optional=True)]
    return asking(Verb.WAS_PAID, blocks, bound(view), "It was paid")


def _payment(view: CaseView) -> str:
    """What has to happen in QuickBooks before the case closes by itself."""
    if not fired(view, ON_ACCOUNT):
        return "No payment is on record yet. Once it is in QuickBooks, the case closes by itself."
    named = {id for r in view.rulings if r.rule in ON_ACCOUNT for id in r.evidence}
    labels = [one_line(one.label) for one in view.evidence if one.id in named and one.label]
    what = shortened(listed(labels), 300) or "The money on account"
    return (
        f"{what} is in QuickBooks but not applied to the invoices. Once it is applied, the case "
        "closes by itself."
    )


def payment(sent: Submission) -> Rejection:
    """A rejection whose reason is that of the form; a comment is optional."""
    return Rejection(RejectReason.ALREADY_PAID, fields.typed(sent.values, Field.COMMENT))


def hold(view: CaseView, policy: Policy) -> Block:
    """Put invoices, or the whole customer, on hold for a while."""
    until = view.facts.today + timedelta(days=policy.hold_days)
    options = {str(name): words for name, words in HOLD.items()}
    blocks = [
        about(view, "Held invoices are left out of every message until the review date."),
        fields.labelled(Field.KIND, view.version, "Why", fields.radio(Field.KIND, options, "")),
        *fields.invoices(view, "Invoices", "Choose none to hold everything of this customer."),
        fields.day(view, "Review date", until, hint="For a promise: the day the customer named."),
        fields.comment(view, "Comment", optional=True),
    ]
    return asking(Verb.HOLD, blocks, bound(view), "Hold")


def holding(sent: Submission) -> Holding:
    """Raises UnusableError for a review date that is not after today, in the company's zone."""
    values = sent.values
    kind = fields.chosen(values, Field.KIND, HoldKind)
    until = fields.day_after(values, sent.view().facts.today)
    comment = fields.typed(values, Field.COMMENT)
    return Holding(kind, until, comment, fields.several(values, Field.INVOICES))


def snooze(view: CaseView, policy: Policy) -> Block:
    """Bring the case back on a day."""
    until = add_working_days(view.facts.today, SNOOZED, policy)
    blocks = [
        about(view, "The case comes back on that day with fresh figures."),
        fields.day(view, "Come back on", until),
        fields.comment(view, "Comment", optional=True),
    ]
    return asking(Verb.SNOOZE, blocks, bound(view), "Snooze")


def snoozing(sent: Submission) -> Snooze:
    """Raises UnusableError for a day that is not after today, in the company's zone."""
    until = fields.day_after(sent.values, sent.view().facts.today)
    return Snooze(until, fields.typed(sent.values, Field.COMMENT))


def draft_anyway(view: CaseView, _: Policy) -> Block:
    """A finance lead sets the named stops aside, for one draft, with a reason."""
    stops = [r for r in view.rulings if r.kind is Kind.STOP]
    lines = [
        [text(capital(wording.rule(r.rule)), bold=True), text(f" · {cap(one_line(r.reason), 500)}")]
        for r in stops
    ]
    told = "Only a finance lead can do this. It sets these stops aside for the next draft only:"
    blocks = [about(view, told), *([rich(bullets(lines))] if lines else [])]
    blocks.append(fields.comment(view, "Why a draft is right anyway"))
    seen = stops_seen(view.rulings)
    return asking(Verb.DRAFT_ANYWAY, blocks, bound(view, seen), "Draft")


def settle(view: CaseView, _: Policy) -> Block:
    """A finance lead says that what these texts speak of is settled, with a reason."""
    found = to_settle(view.rulings, view.evidence)
    if not found:
        return gone("Nothing of what the customer wrote is left to settle.")
    lines = [
        [text(str(one.stance).replace("_", " "), bold=True), text(f" · {_quoted(one)}")]
        for one in found
    ]
    told = (
        "Only a finance lead can do this. From now on these texts no longer stop a message; a new "
        "one will:"
    )
    blocks = [about(view, told), rich(bullets(lines))]
    blocks.append(fields.comment(view, "How it was settled"))
    return asking(Verb.SETTLE, blocks, bound(view, settling(found)), "Settle")


def _quoted(one: Evidence) -> str:
    """The line, or what is left to tell once its text is deleted."""
    return f"“{cap(one_line(one.quote), 300)}”" if one.quote else one.label or "see the source"


def have_read(view: CaseView, _: Policy) -> Block:
    """Somebody says that they have read what no program could; what is here of it is shown."""
    if not view.to_read:
        return gone("There is no text left that somebody has to read.")
    told = (
        "No program has read this, or could read all of it. Open it where it came from, and read "
        "it. If the customer disputes the bill or says more, close this and use Hold or Reject. "
        "Exactly these texts then ask nobody again:"
    )
    shown = [_to_read(view, one) for one in view.to_read]
    meta = bound(view, having_read(view.to_read))
    return asking(Verb.HAVE_READ, [about(view, told), *shown], meta, "I have read it")


def _to_read(view: CaseView, one: TextToRead) -> Block:
    """What it is called, and its text as we have it, word for word."""
    document = one.document
    where = f" ({document.source})" if document.source else ""
    title = paragraph(text(capital(named(view.facts, document)) + where, bold=True))
    words = revealed("\n".join(lines(document.text)))
    if not words:
        return rich(title, paragraph(text("Nothing of its text is here.")))
    left = len(words) - LONGEST_SHOWN
    more = [paragraph(text(f"{left:,} more characters are not shown here."))] if left > 0 else []
    pieces = [quote(text(piece)) for piece in chunks(words[:LONGEST_SHOWN], 3000)]
    return rich(title, *pieces, *more)


def set_aside(sent: Submission) -> SetAside:
    """What was shown, and why. Raises UnusableError without a reason."""
    told = "Please give a reason; it goes on record."
    why = fields.required(sent.values, Field.COMMENT, fields.paragraphs, told)
    return SetAside(sent.seen, why)


def confirm_address(view: CaseView, _: Policy) -> Block:
    """Choose one of the ledger's own addresses; it is remembered for this customer."""
    found = addresses(view)
    if not found:
        return gone("QuickBooks has no e-mail address for this customer. Please add one there.")
    options = {
        fields.address_key(one): ReasonOption(one_line(one), "") for one in found[:MOST_ADDRESSES]
    }
    rest = len(found) - MOST_ADDRESSES
    more = f" QuickBooks has {rest} more; please remove unused ones there." if rest > 0 else ""
    told = f"Messages to this customer go to the address you choose, until it changes.{more}"
    chosen = fields.radio(Field.ADDRESS, options, "")
    blocks = [about(view, told), fields.labelled(Field.ADDRESS, view.version, "Address", chosen)]
    return asking(Verb.CONFIRM_ADDRESS, blocks, bound(view), "Confirm")


def chosen_address(sent: Submission) -> str:
    """The chosen one of the current addresses in the ledger. Raises UnusableError."""
    key = fields.selected(sent.values, Field.ADDRESS)
    found = [one for one in ledger_addresses(sent.view().facts) if fields.address_key(one) == key]
    if not found:
        raise unusable(sent.values, Field.ADDRESS, "That address is no longer in QuickBooks.")
    return found[0]


def confirm_name(view: CaseView, _: Policy) -> Block:
    """A finance lead confirms once that a name which looks like a web address is the name."""
    seen = to_confirm(view.facts)
    if not seen:
        return gone("The name of this customer no longer looks like a web address.")
    told = (
        "This name looks like a web address, and mail programs turn it into a link. If it is the "
        "customer's name, confirm it: messages then use it until it changes in QuickBooks."
    )
    return asking(Verb.CONFIRM_NAME, [about(view, told)], bound(view, seen), "Confirm")


def assign(view: CaseView, _: Policy) -> Block:
    """Who is to decide next."""
    blocks = [
        about(view, "This person is told in a direct message. Others may still decide."),
        fields.labelled(Field.PERSON, view.version, "Who", fields.person(Field.PERSON)),
        fields.comment(view, "What they should know", optional=True),
    ]
    return asking(Verb.ASSIGN, blocks, bound(view), "Assign")


def assignment(sent: Submission) -> Assignment:
    """Raises UnusableError if nobody was chosen."""
    person = fields.user(sent.values, Field.PERSON)
    if not person:
        raise unusable(sent.values, Field.PERSON, "Please choose somebody.")
    return Assignment(person, fields.typed(sent.values, Field.COMMENT))


def was_wrong(view: CaseView, _: Policy) -> Block:
    """What was wrong with a message that went."""
    options = {str(name): words for name, words in WRONG.items()}
    why = fields.radio(Field.REASON, options, "")
    blocks = [
        about(view, "The e-mail cannot be called back. It counts in the weekly review."),
        fields.labelled(Field.REASON, view.version, "What was wrong", why),
        *fields.invoices(view, "Disputed invoices", "Only for the reason Disputed."),
        fields.comment(view, "Comment", optional=True),
    ]
    return asking(Verb.WAS_WRONG, blocks, bound(view), "Save")


def mistake(sent: Submission) -> Mistake:
    """Raises UnusableError as `rejection` does."""
    found = rejection(sent)
    return Mistake(found.why, found.comment, found.invoices)


def take_back(view: CaseView, _: Policy) -> Block:
    """Asks once more, since a note that was taken back cannot be written again."""
    told = (
        "The note is removed from QuickBooks and cannot be written again. The e-mail has already "
        "been sent, and stays on record here."
    )
    note = fields.shown("QuickBooks note", view.letter.note) if view.letter else []
    return asking(Verb.TAKE_BACK, [about(view, told), *note], bound(view), "Take it back")


def also(view: CaseView, books: str) -> Block:
    """The modal; `books` is the base URL of QuickBooks' pages, or empty."""
    says = f"{ABOUT_CUSTOMER} {view.facts.customer.name}"
    marks = button(CUSTOMER, ABOUT_CUSTOMER, about_customer(view).encode(), says=says)
    blocks = [about(view, "What else can be done here:"), section(ABOUT_MARKS, marks)]
    if view.letter:
        label = "Send me a copy"
        says = f"{label} of the draft of case {view.id}"
        asks = button(SEND_COPY, label, binding(view).encode(), says=says)
        blocks.append(section(ABOUT_COPY, asks))
    says = f"{PAGE}: case {view.id}, {view.facts.customer.name}"
    asks = button(AS_PAGE, PAGE, binding(view).encode(), says=says)
    blocks.append(section(ABOUT_PAGE, asks))
    if link := linked(view, books):
        opens = button(ELSEWHERE, OPEN_IN_QUICKBOOKS, view.id, says=f"Open {view.id} in QuickBooks")
        where = "*QuickBooks.* The invoice, or the customer if there are several."
        blocks.append(section(where, opens | {"url": link}))
    return modal(ALSO, "More", blocks, "")


FORMS: Mapping[Verb, Form] = {
    Verb.EDIT: Form(edit.edit, edit.edited),
    Verb.REJECT: Form(reject, rejection),
    Verb.WAS_PAID: Form(was_paid, payment),
    Verb.HOLD: Form(hold, holding),
    Verb.SNOOZE: Form(snooze, snoozing),
    Verb.DRAFT_ANYWAY: Form(draft_anyway, set_aside),
    Verb.SETTLE: Form(settle, set_aside),
    Verb.HAVE_READ: Form(have_read, lambda sent: sent.seen),
    Verb.ASSIGN: Form(assign, assignment),
    Verb.WAS_WRONG: Form(was_wrong, mistake, frozenset({State.DONE})),
    Verb.CONFIRM_ADDRESS: Form(confirm_address, chosen_address),
    Verb.CONFIRM_NAME: Form(confirm_name, lambda sent: sent.seen),
    Verb.TAKE_BACK: Form(take_back, lambda _: None, frozenset({State.DONE})),
    **agreements.FORMS,
}
"""Every other verb decides at once."""
