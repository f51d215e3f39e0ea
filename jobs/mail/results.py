"""What became of a mail, and the face that every way of sending has."""

from __future__ import annotations

from collections.abc import Callable
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
Fence = Callable[[], bool]
"""Whether the mail is still ours to send; asked again right before it can have an effect."""
HELD_UP = NotSent("The sender was held up for too long, so it left the message alone.", False)
"""What becomes of a mail that its fence holds back."""


@dataclass(frozen=True)
class Check:
    """What a look at the way of sending found; `detail` says what to do where it is not ok."""

    ok: bool
    detail: str


class Mailer(Protocol):
    """A way to hand over one finished mail to one recipient."""

    def send(self, sender: str, recipient: str, message: bytes, fence: Fence) -> Result:
        """Hand over `message` for one bare address; never raises for what the other side does.

        HELD_UP where `fence` says no before the mail can have been accepted.
        """

    def check(self) -> Check:
        """Would a mail find its way now? Sends none."""
