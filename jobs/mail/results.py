"""What became of a mail, and the face that every way of sending has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Sent:
    """The mail was accepted. `detail` is a sentence for a person."""

    detail: str


@dataclass(frozen=True)
class NotSent:
    """The mail was definitely not accepted.

    `permanent` means that the same mail will be refused again; otherwise a later try may succeed.
    `code` is the server's reply code, 0 where it gave none. `recipient` means that the server
    refused this address for good.
    """

    reason: str
    permanent: bool
    code: int = 0
    recipient: bool = False


@dataclass(frozen=True)
class Unknown:
    """The mail may have been accepted or not. A machine must never send it again."""

    reason: str


Result = Sent | NotSent | Unknown


@dataclass(frozen=True)
class Check:
    """What a look at the way of sending found; `detail` says what to do where it is not ok."""

    ok: bool
    detail: str


class Mailer(Protocol):
    """A way to hand over one finished mail to one recipient."""

    def send(self, sender: str, recipient: str, message: bytes) -> Result:
        """Hand over `message` for one bare address; never raises for what the other side does."""

    def check(self) -> Check:
        """Would a mail find its way now? Sends none."""
