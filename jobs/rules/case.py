"""A case as a person sees it: everything that a card, a modal or a list needs to show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from jobs.rules.facts.evidence import Evidence, TextToRead
from jobs.rules.facts.facts import Facts
from jobs.rules.letters.letter import Letter
from jobs.rules.policy.rights import Manager
from jobs.rules.replies import CustomerReply
from jobs.rules.rulings import Ruling
from jobs.rules.states import CaseClass, Stage, State

LONGEST_HANDOVER = timedelta(minutes=34)
"""However slow its server is, no mail takes longer: until then it may still go."""


class HeldUp(StrEnum):
    """What keeps all approved messages of a company from going out."""

    NOT_CONNECTED = "not_connected"
    PAUSED = "paused"
    SHADOW = "shadow"
    REMINDERS = "reminders"
    """Nobody has confirmed that QuickBooks' own reminders are off."""


@dataclass(frozen=True)
class Reason:
    """Why the class was chosen, with the ids of its evidence."""

    text: str
    evidence: tuple[str, ...]


class Decided(StrEnum):
    """Kinds of decision that are read again after they were made; those of verbs have its name."""

    APPROVE = "approve"
    FINE = "fine"
    REJECT = "reject"
    CONFIRM_ADDRESS = "confirm_address"
    TAKE_BACK = "take_back"
    ASSIGN = "assign"
    # undo of a rejection, and lift of the hold that ended a case
    REOPEN = "reopen"
    TAKE_UP = "take_up"
    # the program itself, when an approval no longer holds
    LAPSE = "lapse"
    DIFFERS = "differs"
    REFUSED = "refused"
    # the record was brought back from a backup
    RESTORED = "restored"


@dataclass(frozen=True)
class Decision:
    """Something a person (Slack user id) or the machine ("system:…") decided."""

    kind: str
    """The name of the verb, or one of `Decided`."""
    actor: str
    at: datetime
    reason: str = ""
    """A word from a closed list if there is one, otherwise a person's or our own sentence."""
    comment: str = ""
    """What a person added to the reason."""


@dataclass(frozen=True)
class Approvals:
    """How many approvals the current draft needs, and who gave one."""

    needed: int
    given: tuple[Decision, ...] = ()
    lead_needed: bool = False
    lead_given: bool = False
    opens_at: datetime | None = None
    """Approval opens at this time, or earlier if the account manager says Fine."""
    manager_fine: bool = True
    looks_good: str = ""
    """Who has said so of exactly this draft, asked for or not: a Slack user id. The account
    manager, or a finance lead where there was none; empty if nobody has."""

    def open(self, now: datetime) -> bool:
        """Whether anybody may approve yet: the account manager has seen it, or had the time."""
        return self.manager_fine or (self.opens_at is not None and self.opens_at <= now)

    @property
    def missing(self) -> int:
        by_count = self.needed - len(self.given)
        return max(by_count, 1 if self.lead_needed and not self.lead_given else 0)


@dataclass(frozen=True)
class SendOutcome:
    """How the sending went. `state`: sent, refused, not_sent, unknown, shadow, or BOUNCE where a
    mail that was sent came back."""

    state: str
    at: datetime
    detail: str = ""
    message_id: str = ""


@dataclass(frozen=True)
class CaseView:
    """One case, ready to show. Outside text in it is raw: escape it before showing it."""

    id: str
    version: int
    state: State
    shadow: bool
    facts: Facts
    stage: Stage
    class_: CaseClass | None = None
    summary: str = ""
    reasons: tuple[Reason, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    rulings: tuple[Ruling, ...] = ()
    allowed_anyway: tuple[Ruling, ...] = ()
    """The stops that a finance lead has set aside for the current draft."""
    draft_id: str = ""
    draft_version: int = 0
    draft_hash: str = ""
    letter: Letter | None = None
    people: tuple[str, ...] = ()
    """Addresses of the customer from which somebody may choose who gets a copy."""
    edited_by: str = ""
    judged_by: str = ""
    """Who judged the case and wrote its summary: a model name, or "template" for rules alone."""
    author: str = ""
    """Who wrote the text: a model name, "template", or a Slack user id."""
    author_reason: str = ""
    """Why the template was used ("no model is configured"), or empty."""
    violations: tuple[str, ...] = ()
    unusual_words: tuple[str, ...] = ()
    """Words that a person wrote and no vocabulary has; they are no fault."""
    approvals: Approvals | None = None
    decisions: tuple[Decision, ...] = ()
    manager: Manager | None = None
    """The account manager."""
    assigned_to: str = ""
    """Who is to decide next (Slack user id), if somebody said so."""
    undo_until: datetime | None = None
    send_at: datetime | None = None
    lapses_at: datetime | None = None
    outcome: SendOutcome | None = None
    note_state: str = ""
    """"" (not yet), "written", "kept" (books closed or read-only), "failed", "taking_back",
    "taken_back".
    """
    note_detail: str = ""
    end_reason: str = ""
    """Why a closed case ended, or why the last approval was voided, as a sentence."""
    closed_at: datetime | None = None
    may_return: bool = False
    """Whether a rejection can still be undone: nothing has happened with the customer since."""
    changed: tuple[str, ...] = ()
    """What differs from the previous version, as sentences."""
    capped: bool = False
    """Whether it waits because today's cap on new cards is reached."""
    held_up: HeldUp | None = None
    """Why the company's approved messages are waiting, or None."""
    last_error: str = ""
    sources_read: tuple[str, ...] = ()
    """What was read when this was prepared: "QuickBooks", "mailbox"."""
    sources_absent: tuple[str, ...] = ()
    """Context that is not configured, by choice: "CRM", "help desk", "mailbox"."""
    reply: CustomerReply | None = None
    """The customer's reply that a form is about."""
    to_read: tuple[TextToRead, ...] = ()
    """What somebody has to read, because no program could."""
    sources_down: tuple[str, ...] = ()
    """Context that is configured and could not be read when this was prepared."""

    @property
    def taken_up(self) -> bool:
        """Whether somebody reopened the matter of this closed case from its card."""
        return bool(self.decisions) and self.decisions[-1].kind in (
            Decided.TAKE_UP,
            Decided.CONFIRM_ADDRESS,
        )


@dataclass(frozen=True)
class Proposal:
    """Its text has only slots such as `{total_open}`, never a digit, a link or an address.

    `subject` and `sentences` are empty if a stopped case was only summarized. `author` names the
    model and the prompt version, or "template".
    """

    class_: CaseClass
    confidence: str  # "low", "medium", "high"
    reasons: tuple[Reason, ...]
    summary: str
    subject: str
    sentences: tuple[str, ...]
    author: str
