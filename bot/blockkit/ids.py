"""The ids that go to Slack and come back: buttons, fields, and what a button is bound to.

Buttons and forms about a case have the name of their verb (`jobs.decide.verbs`), those of a
company that of their switch (`jobs.decide.switches`).

What comes back only says what is meant: state and rights are looked up again on every click.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class HomeButton(StrEnum):
    """The action id of every button of App Home that is not a switch of a company."""

    CONNECT = "connect"
    RECONNECT = "reconnect"
    CHANNEL = "channel"
    DISCONNECT = "disconnect"
    BACK = "back"
    NEXT = "next"


USE_MODEL = "use_model"
"""The action id of the button below the notice that offers a model."""
SHOW_CUSTOMER = "show_customer"
"""The action id of a button that shows how a customer stands."""
LOG_CALL = "log_call"
"""The action id of the button, and the name of the form, that log a call."""
SEND_COPY = "send_copy"
"""The action id of the button that mails a draft to the person who presses it."""
AS_PAGE = "as_page"
"""The action id of the button, and the name of the option, that ask for a case as a page."""
OPEN_CASE = "open_case"
"""The action id of the button that opens a case for a customer now."""
CUSTOMER = "customer"
"""The action id of the button, and the name of the form, that say what is special about one."""


class WorklistButton(StrEnum):
    """The action id of every button that opens the worklist or moves it on without a decision."""

    START = "start"
    SKIP = "skip"


class WordingButton(StrEnum):
    """The action id of every button below a proposed change of a text."""

    USE = "use_wording"
    DECLINE = "decline_wording"
    TAKE_BACK = "take_back_wording"
    CASES = "wording_cases"


class Field(StrEnum):
    """The action id of every input, and the first half of its block id."""

    SUBJECT = "subject"
    BODY = "body"
    MARKED = "marked"
    REASON = "reason"
    COMMENT = "comment"
    INVOICES = "invoices"
    KIND = "kind"
    UNTIL = "until"
    ADDRESS = "address"
    CC = "cc"
    COLLEAGUE = "colleague"
    MARKS = "marks"
    PERSON = "person"
    RELEASE = "release"
    KNOWN_AS = "known_as"
    RECORD = "record"
    AMOUNT = "amount"
    INSTALMENTS = "instalments"


class BadValueError(ValueError):
    """Slack sent back a value that this program never wrote."""


def block_id(name: str, version: int) -> str:
    """A block id that changes with the draft, so that a client keeps no value from an older one."""
    return f"{name}:{version}"


def field_of(block: str) -> str:
    """The name inside a block id made by `block_id`, or in an action id with a mark."""
    return block.partition(":")[0]


_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NUMBER = re.compile(r"[0-9]{1,9}")
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Binding:
    """What a button is bound to: one case and exactly one draft of it.

    `draft_id` and `draft_hash` are both empty if the card shows no draft.
    """

    case_id: str
    draft_id: str = ""
    draft_hash: str = ""
    reply: str = ""
    """The reply of the customer below which it stands; empty elsewhere."""

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.case_id):
            raise BadValueError("the case id is not one of ours")
        if self.reply and not _NUMBER.fullmatch(self.reply):
            raise BadValueError("the reply's id is not one of ours")
        if (self.draft_id or self.draft_hash) and not self._names_a_draft():
            raise BadValueError("the draft id or its hash is not one of ours")

    def _names_a_draft(self) -> bool:
        return bool(_ID.fullmatch(self.draft_id) and _HASH.fullmatch(self.draft_hash))

    def encode(self) -> str:
        """The value of a button: at most 300 characters of JSON."""
        made = {"case": self.case_id, "draft": self.draft_id, "hash": self.draft_hash}
        return _dump(made | ({"reply": self.reply} if self.reply else {}))


@dataclass(frozen=True)
class WorklistPlace:
    """Where somebody is in their worklist: its cases in order, and the position of the one shown.

    `last` is the case that they decided last, which can still be undone at the head; or empty.
    """

    cases: tuple[str, ...]
    at: int = 0
    last: str = ""

    def encode(self) -> str:
        """The private metadata of the worklist."""
        return _dump({"cases": ",".join(self.cases), "at": str(self.at), "last": self.last})


@dataclass(frozen=True)
class Opened:
    """What a modal was opened for.

    `seen` is the fingerprint of what the person was shown: a text with its violations, so that
    submitting the same text again means "save anyway", or the stops to set aside; empty otherwise.
    """

    binding: Binding
    seen: str = ""
    place: str = ""
    """The encoded place in the worklist from which it was opened; empty elsewhere."""

    def __post_init__(self) -> None:
        if self.seen and not _HASH.fullmatch(self.seen):
            raise BadValueError("the fingerprint is not one of ours")

    def encode(self) -> str:
        """The private metadata of a modal."""
        return _dump({"for": self.binding.encode(), "seen": self.seen, "place": self.place})


def binding(value: object) -> Binding:
    """The binding in a button's value; raises BadValueError for what `encode` cannot write."""
    below_a_reply = {"reply"} if isinstance(value, str) and '"reply":' in value else set()
    found = _load(value, {"case", "draft", "hash"} | below_a_reply)
    return Binding(found["case"], found["draft"], found["hash"], found.get("reply", ""))


MORE = "more"
"""The action id of the menu behind ⋯. Each of its options names a verb and its binding."""
ALSO = "also"
"""The name of the option, and of the modal, that shows what does not fit into that menu."""
ELSEWHERE = "elsewhere"
"""The value of an option that only opens a link in the browser."""


def choice(verb: str, bound: Binding) -> str:
    """The value of an option, which Slack limits to 150 characters."""
    return f"{verb} {bound.case_id} {bound.draft_id} {bound.draft_hash}".rstrip()


def pressed(action: Mapping[str, Any]) -> tuple[str, Binding]:
    """The verb and the binding of a pressed button or a chosen option of ⋯.

    Raises BadValueError for anything that this program does not write.
    """
    if action.get("action_id") != MORE:
        return verb_in(action), binding(action.get("value"))
    parts = chosen(action).split(" ")
    if len(parts) not in (2, 4):
        raise BadValueError("the option is not one that this program writes")
    return parts[0], Binding(*parts[1:])


def chosen(action: Mapping[str, Any]) -> str:
    """The value of the option that was chosen; empty if there is none."""
    option = action.get("selected_option")
    value = option.get("value") if isinstance(option, dict) else None
    return value if isinstance(value, str) else ""


def verb_in(action: Mapping[str, Any]) -> str:
    """What a button or an option is called, even if the rest of it makes no sense."""
    name = chosen(action).partition(" ")[0] or str(action.get("action_id"))
    return field_of(name)


def opened(value: object) -> Opened:
    """The content of a modal's private metadata; raises BadValueError for anything else."""
    found = _load(value, {"for", "seen", "place"})
    return Opened(binding(found["for"]), found["seen"], found["place"])


def place(value: object) -> WorklistPlace:
    """The place in a worklist's private metadata; raises BadValueError for anything else."""
    found = _load(value, {"cases", "at", "last"})
    cases, at, last = tuple(found["cases"].split(",")), found["at"], found["last"]
    known = all(_NUMBER.fullmatch(one) for one in (*cases, at, *([last] if last else [])))
    if not known or int(at) > len(cases):
        raise BadValueError("the place in the worklist is not one of ours")
    return WorklistPlace(cases, int(at), last)


def of_company(realm: str) -> str:
    """The value of a button about a company."""
    return _dump({"company": realm})


@dataclass(frozen=True)
class AboutCustomerButton:
    """What a button or form about a customer is bound to: its company's realm and its own id.

    `seen` is the fingerprint of what a form showed; empty in a button.
    """

    company: str
    customer: str
    seen: str = ""

    def __post_init__(self) -> None:
        if not (_ID.fullmatch(self.company) and _ID.fullmatch(self.customer)):
            raise BadValueError("the customer is not one of ours")
        if self.seen and not _HASH.fullmatch(self.seen):
            raise BadValueError("the fingerprint is not one of ours")

    def encode(self) -> str:
        """The value of a button, and the private metadata of a form."""
        return _dump({"company": self.company, "customer": self.customer, "seen": self.seen})


def customer(value: object) -> AboutCustomerButton:
    """The binding in such a value; raises BadValueError for anything else."""
    return AboutCustomerButton(**_load(value, {"company", "customer", "seen"}))


@dataclass(frozen=True)
class AboutWordingButton:
    """What a button below a proposed change is bound to: a realm, and the fingerprint of it."""

    company: str
    proposal: str

    def __post_init__(self) -> None:
        if not (_ID.fullmatch(self.company) and _HASH.fullmatch(self.proposal)):
            raise BadValueError("the proposal is not one of ours")

    def encode(self) -> str:
        """The value of a button."""
        return _dump({"company": self.company, "proposal": self.proposal})


def wording(value: object) -> AboutWordingButton:
    """The binding in such a value; raises BadValueError for anything else."""
    return AboutWordingButton(**_load(value, {"company", "proposal"}))


def of_any(name: str) -> re.Pattern[str]:
    """A pattern for the action ids of a button: alone, or with a realm or case number where the
    buttons of several companies or cases stand together."""
    return re.compile(rf"^{name}(:[0-9]+)?$")


def company(value: object) -> str:
    """The realm in such a value; raises BadValueError for what `of_company` cannot write."""
    realm = _load(value, {"company"})["company"]
    if not _ID.fullmatch(realm):
        raise BadValueError("the company is not one of ours")
    return realm


def of_model(realm: str, seen: str) -> str:
    """The value of the button that accepts the model of this fingerprint for a company."""
    return _dump({"company": realm, "model": seen})


def model(value: object) -> tuple[str, str]:
    """Realm and fingerprint; raises BadValueError for what `of_model` cannot write."""
    found = _load(value, {"company", "model"})
    if not (_ID.fullmatch(found["company"]) and _HASH.fullmatch(found["model"])):
        raise BadValueError("the model is not one of ours")
    return found["company"], found["model"]


def _dump(fields: dict[str, str]) -> str:
    return json.dumps(fields, separators=(",", ":"))


def _load(value: object, names: set[str]) -> dict[str, str]:
    try:
        found = json.loads(value) if isinstance(value, str) and len(value) <= 2000 else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or set(found) != names:
        raise BadValueError("the value is not one that this program writes")
    if not all(isinstance(text, str) for text in found.values()):
        raise BadValueError("the value holds something other than text")
    return found
