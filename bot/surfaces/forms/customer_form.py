"""The form about a customer: what is special about it, and who looks after it. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date, datetime, timedelta

from bot.blockkit.blocks import Block, context, paragraph, rich, text
from bot.blockkit.escaping import cap, one_line
from bot.blockkit.ids import CUSTOMER, LOG_CALL, AboutCustomerButton, Field
from bot.surfaces import wording
from bot.surfaces.card.reasons import ReasonOption
from bot.surfaces.forms import fields
from bot.surfaces.forms.fields import Values, unusable
from bot.surfaces.forms.modal import modal
from jobs.decide.customers import DO_NOT_CHASE, IN_SLACK, AboutCustomer
from jobs.reports.customer import CustomerView
from jobs.rules.figures import listed
from jobs.rules.phone_calls import CallOutcome, LoggedCall

MOST_RECORDS = 10
"""Checkboxes of one element."""
RECORD = re.compile(r"(?P<source>[^\d:]+?)[ :#]*(?P<id>\d{1,20})")
REVIEWED = timedelta(days=90)
"""When "do not chase" is looked at again, unless somebody chooses another day."""
MARKS = {
    "key_account": ReasonOption(
        "Key account", "The account manager sees every draft first; two people approve."
    ),
    "do_not_chase": ReasonOption("Do not chase", "No message to this customer is drafted or sent."),
    "consumer": ReasonOption("Private person", "No message to this customer is drafted or sent."),
}
RELEASE = ReasonOption(
    "Leave it to the policy file and the CRM", "Instead of whoever stands above."
)


def customer_form(view: CustomerView) -> Block:
    """What stands in Slack, to be changed; what stands elsewhere is only named."""
    version = len(view.said.marks)
    options = {kind: fields.option(kind, MARKS[kind]) for kind in IN_SLACK}
    stands = [options[one.kind] for one in view.said.marks if one.kind in options]
    boxes: Block = {"type": "checkboxes", "action_id": Field.MARKS.value}
    boxes |= {"options": list(options.values())} | ({"initial_options": stands} if stands else {})
    named = view.said.account_manager
    person = fields.person(Field.PERSON, named)
    blocks = [
        rich(paragraph(text(cap(one_line(view.name), 600), bold=True), text(f"\n{_told(view)}"))),
        fields.labelled(Field.MARKS, version, "Marks", boxes, optional=True),
        _day(view, version),
        fields.labelled(
            Field.PERSON, version, "Account manager", person, hint=_now(view), optional=True
        ),
        *([_release(version)] if named else []),
        *_elsewhere_known(view, version),
        fields.labelled(Field.COMMENT, version, "Reason", _reason(), optional=True, hint=_RECORDED),
    ]
    if view.in_file:
        blocks.insert(2, context(_filed(view)))
    meta = AboutCustomerButton(view.company, view.id, view.said.fingerprint).encode()
    return modal(CUSTOMER, "About the customer", blocks, meta, "Save")


_RECORDED = "It goes on record, and stands beside the mark on the customer's cards."


def _elsewhere_known(view: CustomerView, version: int) -> list[Block]:
    """Which records of other systems are this customer; nothing where no other system is read."""
    if not view.sources:
        return []
    options, chosen = _records(view), sorted(view.said.known_as)
    made = []
    if options:
        element: Block = {"type": "checkboxes", "action_id": Field.KNOWN_AS.value}
        element["options"] = list(options.values())
        known = [options[one] for one in chosen if one in options]
        element |= {"initial_options": known} if known else {}
        label, hint = "Who it is in other systems", "Choose none to go by its addresses."
        made = [fields.labelled(Field.KNOWN_AS, version, label, element, hint=hint, optional=True)]
    other = fields.line(Field.RECORD, "") | {"max_length": 60}
    hint = f"As “{view.sources[0]} 12345”, with the number that its page has in the address bar."
    label = f"Another one in the {listed(view.sources, 'or')}"
    return [*made, fields.labelled(Field.RECORD, version, label, other, hint=hint, optional=True)]


def _records(view: CustomerView) -> dict[tuple[str, str], Block]:
    """Those that were taken for the customer, and those that somebody has named."""
    names = {(s, one.id): one.name for s, found in view.counterparts.items() for one in found}
    names |= {one: f"number {one[1]}" for one in view.said.known_as if one not in names}

    def said_first(one: tuple[tuple[str, str], str]) -> tuple[bool, tuple[str, str]]:
        return one[0] not in view.said.known_as, one[0]

    return {
        (source, id): fields.option(f"{source}:{id}", ReasonOption(one_line(name), source))
        for (source, id), name in sorted(names.items(), key=said_first)[:MOST_RECORDS]
    }


def _told(view: CustomerView) -> str:
    told = "Open drafts of this customer are made anew when a mark is set."
    if view.manager is None:
        return f"{told} Nobody looks after this customer yet."
    return told


def _filed(view: CustomerView) -> str:
    """Marks that this form cannot take away."""
    kinds = listed([wording.marked_as(kind) for kind in view.in_file])
    return f"The policy file marks it as {kinds}; that is lifted only there."


def _now(view: CustomerView) -> str:
    """Who it is while nobody is named here."""
    if view.manager is None or view.said.account_manager:
        return ""
    who = cap(one_line(view.manager.name or view.manager.user), 300)
    return f"Now it is {who} ({one_line(view.manager.said_by)})."


def _day(view: CustomerView, version: int) -> Block:
    stands = next((one.review_on for one in view.said.marks if one.review_on), None)
    proposed = stands if stands and stands > view.today else view.today + REVIEWED
    element = {"type": "datepicker", "action_id": Field.UNTIL.value}
    element["initial_date"] = proposed.isoformat()
    hint = "Only for “Do not chase”: it stands until lifted, and is listed for review from then on."
    return fields.labelled(
        Field.UNTIL, version, "Review “do not chase” on", element, hint=hint, optional=True
    )


def _release(version: int) -> Block:
    element: Block = {"type": "checkboxes", "action_id": Field.RELEASE.value}
    element["options"] = [fields.option("release", RELEASE)]
    return fields.labelled(
        Field.RELEASE, version, "No longer name an account manager here", element, optional=True
    )


def _reason() -> Block:
    return fields.line(Field.COMMENT, "", many=True) | {"max_length": 300}


def about_customer(
    values: Values, seen: str, today: date, sources: Collection[str]
) -> AboutCustomer:
    """What the person wants to stand; `sources` are those whose records can be named.

    Raises UnusableError for a review date that is not later, or a record of no source.
    """
    kinds = frozenset(fields.several(values, Field.MARKS)) & frozenset(IN_SLACK)
    released = bool(fields.several(values, Field.RELEASE))
    review = fields.day_after(values, today) if DO_NOT_CHASE in kinds else None
    manager = "" if released else fields.user(values, Field.PERSON)
    reason = fields.typed(values, Field.COMMENT)
    kept = (_record(one, sources) for one in fields.several(values, Field.KNOWN_AS))
    known = frozenset(filter(None, kept))
    if sources and (other := fields.typed(values, Field.RECORD)):
        named = _record(other, sources)
        if named is None:
            told = f"Please write its system and its number, such as “{min(sources)} 12345”."
            raise unusable(values, Field.RECORD, told)
        known |= {named}
    return AboutCustomer(kinds, manager, review, reason, seen, known)


def _record(text: str, sources: Collection[str]) -> tuple[str, str] | None:
    """The name of a source and an id, as an option has them or as a person types them."""
    found = RECORD.fullmatch(text.strip())
    names = {name.casefold(): name for name in sources}
    source = names.get(found["source"].strip().casefold()) if found else None
    return (source, found["id"]) if found and source else None


def at_the_person(values: Values, told: str) -> dict[str, str]:
    """A refusal of whom they named, to be shown at that field."""
    return unusable(values, Field.PERSON, told).errors


CALLED = {
    CallOutcome.AGAIN: ReasonOption("Call again in 14 days", "Stays on the call list."),
    CallOutcome.AGENCY: ReasonOption("Handed to an agency", "Leaves the call list."),
    CallOutcome.WRITTEN_OFF: ReasonOption("Written off", "Leaves the call list."),
}


def call_form(view: CustomerView) -> Block:
    """What was said in a call, and whether to call again."""
    options = {str(outcome): words for outcome, words in CALLED.items()}
    chosen = fields.radio(Field.KIND, options, CallOutcome.AGAIN)
    said = fields.line(Field.COMMENT, "", many=True) | {"max_length": 1000}
    told = "A promise or a plan is a hold: set it on the customer's card or with `/overdue`."
    blocks = [
        rich(paragraph(text(cap(one_line(view.name), 600), bold=True), text(f"\n{told}"))),
        fields.labelled(Field.COMMENT, 0, "What was said", said),
        fields.labelled(Field.KIND, 0, "And now", chosen),
    ]
    meta = AboutCustomerButton(view.company, view.id).encode()
    return modal(LOG_CALL, "Log a call", blocks, meta, "Save")


def logged_call(values: Values, user: str, now: datetime) -> LoggedCall:
    """The call that this user made. Raises UnusableError without a word of what was said."""
    told = "Please say in a few words what was said."
    said = fields.required(values, Field.COMMENT, fields.paragraphs, told)
    return LoggedCall(fields.chosen(values, Field.KIND, CallOutcome), said, user, now)
