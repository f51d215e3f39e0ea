"""The outcomes of sending a mail, and the interface of every mailer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Sent:
    """The mail was accepted. `detail` is a sentence for a person."""

    detail: str


@dataclass(frozen=True)
class NotSent:
    """The mail was definitely not accepted.

    `permanent` means that the same mail will be refused again; otherwise a retry may succeed.
    `code` is the server's reply code, or 0. `address` is one that the server refused for good.
    """

    reason: str
    permanent: bool
    code: int = 0
    address: str = ""


@dataclass(frozen=True)
class Unknown:
    """The mail may or may not have been accepted. A machine must never send it again."""

    reason: str


Result = Sent | NotSent | Unknown
Fence = Callable[[], bool]
"""Whether we may still send the mail; asked again right before it can take effect."""
HELD_UP = NotSent("The sender was held up for too long, so it left the message alone.", False)
"""The outcome of a mail that its fence held back."""


@dataclass(frozen=True)
class MailerCheck:
    """The result of checking a mailer; `detail` says what to do if it is not ok."""

    ok: bool
    detail: str


class Mailer(Protocol):
    """A way to hand over one finished mail to its recipients, to all of them or to none."""

    def send(self, sender: str, to: Sequence[str], message: bytes, fence: Fence) -> Result:
        """Hand over `message` for these bare addresses, the first of which is the one that it is
        written to; never raises for anything the server does.

        Returns HELD_UP if `fence` says no before the mail can have been accepted.
        """

    def check(self) -> MailerCheck:
        """Check whether a mail could be sent now, without sending one."""
