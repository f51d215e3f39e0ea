"""The table of verbs: what people can do with a case, a row each.

Buttons, forms, private answers, the lines in a card's thread and the log read it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib import import_module
from typing import Any, NamedTuple

from jobs.rules.case import Decided
from jobs.rules.policy.rights import Who


@dataclass(frozen=True)
class Row:
    """What the program has to know about a verb, apart from its rule, which is its function."""

    name: str
    """The id of its button, and of its form if it has one."""
    button: str
    """The label of its button; a card may use a more specific one."""
    did: str
    """What the thread of the card says about it, after the person's name."""
    was: str
    """What was done to the case, for somebody who comes second."""
    does: str
    """Its function: the module of `jobs.decide`, a dot, and the name in it."""
    wakes: str = ""
    """The step that follows. The card is drawn again after every decision."""
    who: Who = Who.EDITOR
    """Who may; an approval has more to pass. Checked before a form opens, too."""
    needs_reason: bool = False
    """Whether the decision is not recorded without one."""
    told: str = ""
    """What the person is told in private afterwards; empty if the card says enough."""
    by: str = ""
    """How a card that it puts off says who did it, before the name; empty if it puts none off."""
    holds: str = ""
    """What kind of hold the case is on then, where the reason of the decision does not say it."""


_REJECT = Row(
    Decided.REJECT,
    button="Reject…",
    did="rejected the case",
    was="rejected",
    does="reject.reject",
    wakes="triage",
    needs_reason=True,
    by="rejected by ",
    holds="dispute",  # the only reason to reject that sets a hold
)


class Verb(StrEnum):
    """Each verb is its name, with its row."""

    row: Row

    def __new__(cls, row: Row) -> Verb:
        verb = str.__new__(cls, row.name)
        verb._value_ = str(row.name)
        verb.row = row
        return verb

    APPROVE = Row(
        Decided.APPROVE,
        button="Approve & send",
        did="approved the message",
        was="approved",
        does="approve.approve",
        wakes="send",
    )
    UNDO = Row(
        "undo",
        button="Undo",
        did="took the approval back",
        was="taken back",
        does="approve.undo",
        wakes="triage",
        told="Taken back: nothing was sent, and it waits for a decision again.",
    )
    EDIT = Row("edit", button="Edit", did="edited the message", was="edited", does="edit.edit")
    FINE = Row(
        Decided.FINE,
        button="Looks good",
        did="said that the message looks good",
        was="looked at",
        does="look.fine",
        told="Thank you, noted. Finance can approve it now.",
        who=Who.MANAGER,
    )
    REJECT = _REJECT
    WAS_PAID = replace(_REJECT, name="was_paid", button="It was paid…")
    HOLD = Row(
        "hold",
        button="Hold…",
        did="put it on hold",
        was="put on hold",
        does="promise.hold_or_promise",
        wakes="triage",
        needs_reason=True,
        by="by ",
    )
    SNOOZE = Row(
        "snooze",
        button="Snooze…",
        did="snoozed it",
        was="snoozed",
        does="hold.snooze",
        by="by ",
    )
    TAKEOVER = Row(
        "takeover",
        button="I'll handle it",
        did="took it over",
        was="taken over",
        does="hold.take_over",
        by="taken over by ",
        told="The customer is yours now; nothing is sent meanwhile. This is how it stands.",
    )
    ASSIGN = Row(
        Decided.ASSIGN,
        button="Assign…",
        did="assigned the case",
        was="assigned",
        does="assign.assign",
    )
    LIFT = Row(
        "lift",
        button="Lift the dispute",
        did="lifted the dispute",
        was="marked as no longer disputed",
        does="hold.lift",
        wakes="triage",
    )
    LOOK_AGAIN = Row(
        "look_again",
        button="Look again",
        did="asked for another look",
        was="looked at again",
        does="look.look_again",
        wakes="triage",
    )
    DRAFT_ANYWAY = Row(
        "draft_anyway",
        button="Draft anyway…",
        did="set the stops aside for one draft",
        was="released for a draft",
        does="look.draft_anyway",
        wakes="triage",
        who=Who.LEAD,
        needs_reason=True,
    )
    SETTLE = Row(
        "settle",
        button="It is settled…",
        did="settled what the customer wrote",
        was="settled",
        does="look.settle",
        wakes="triage",
        who=Who.LEAD,
        needs_reason=True,
    )
    HAVE_READ = Row(
        "have_read",
        button="I have read it…",
        did="has read what no program could read",
        was="read",
        does="look.have_read",
        wakes="triage",
        who=Who.LEAD,
    )
    CONFIRM_ADDRESS = Row(
        Decided.CONFIRM_ADDRESS,
        button="Confirm an address…",
        did="confirmed the address",
        was="given a confirmed address",
        does="look.confirm_address",
        wakes="triage",
    )
    CONFIRM_NAME = Row(
        "confirm_name",
        button="Confirm the name…",
        did="confirmed the name",
        was="confirmed to have the right name",
        does="look.confirm_name",
        wakes="triage",
        who=Who.LEAD,
    )
    CONFIRM_PROMISE = Row(
        "confirm_promise",
        button="Confirm the promise",
        did="confirmed the promise",
        was="confirmed as promised",
        does="promise.confirm_promise",
        wakes="triage",
        by="confirmed by ",
        holds="promise",
    )
    PROMISE = Row(
        "promise",
        button="Enter a promise…",
        did="entered a promise",
        was="entered as promised",
        does="promise.promise",
        wakes="triage",
        by="entered by ",
        holds="promise",
    )
    PLAN = Row(
        "plan",
        button="Payment plan…",
        did="entered a payment plan",
        was="given a payment plan",
        does="promise.plan",
        wakes="triage",
        who=Who.LEAD,
        by="entered by ",
        holds="payment plan",
    )
    WITHDRAW = Row(
        "withdraw",
        button="Take it back",
        did="took back what was promised",
        was="taken back",
        does="promise.withdraw",
        wakes="triage",
    )
    DISPUTE = Row(
        "dispute",
        button="Hold disputed invoices…",
        did="put the disputed invoices on hold",
        was="put on hold",
        does="promise.dispute",
        wakes="triage",
        by="by ",
        holds="dispute",
    )
    DEALT_WITH = Row(
        "dealt_with",
        button="Dealt with",
        did="has dealt with the customer's reply",
        was="dealt with",
        does="promise.dealt_with",
        wakes="triage",
    )
    WENT = Row(
        "went",
        button="It was sent",
        did="said that the message was sent",
        was="marked as sent",
        does="sent.went",
        wakes="write_back",
        who=Who.SETTLER,
    )
    DID_NOT_GO = Row(
        "did_not_go",
        button="It was not sent",
        did="said that the message was not sent",
        was="marked as not sent",
        does="sent.did_not_go",
        who=Who.SETTLER,
    )
    TAKE_BACK = Row(
        Decided.TAKE_BACK,
        button="Take back the note…",
        did="took the QuickBooks note back",
        was="taken back",
        does="sent.take_back",
        wakes="write_back",
    )

    WAS_WRONG = Row(
        "was_wrong",
        button="This was wrong…",
        did="said that the message was wrong",
        was="marked as wrong",
        does="sent.was_wrong",
        wakes="triage",
        needs_reason=True,
    )

    @property
    def function(self) -> Callable[..., Any]:
        """Decides, given conn, policy, click, what its form has built (if it has one), and now.

        Returns a Reply, or Objections where an edit is not saved. Raises
        jobs.decide.access.VerbRefused.
        """
        module, _, name = self.row.does.partition(".")
        found: Callable[..., Any] = getattr(import_module(f"jobs.decide.{module}"), name)
        return found


class VerbWords(NamedTuple):
    """What a recorded decision is called; see `Row`."""

    was: str
    did: str = ""
    """Empty where no person decides so."""
    by: str = ""
    holds: str = ""


DECISIONS: Mapping[str, VerbWords] = {
    **{v.value: VerbWords(v.row.was, v.row.did, v.row.by, v.row.holds) for v in Verb},
    Decided.REOPEN: VerbWords("reopened", "took the rejection back"),
    Decided.TAKE_UP: VerbWords("taken up again", "lifted the hold"),
    Decided.LAPSE: VerbWords("put back"),
    Decided.DIFFERS: VerbWords("put back"),
    Decided.REFUSED: VerbWords("put back"),
    Decided.RESTORED: VerbWords("brought back from a backup"),
}
"""By the kind under which it is recorded."""
