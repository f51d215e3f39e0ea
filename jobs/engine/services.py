"""What the steps work with: the policy, who signs, and a way to each outside service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jobs.mail.results import Mailer
from jobs.rules.policy import Policy
from qbo.client import QuickBooks

if TYPE_CHECKING:
    from jobs.reasoning.model import Model  # loads the model's library, which only triage needs


@dataclass(frozen=True)
class Services:
    """Built once per process by an entry point. `sender` and `reply_to` are bare addresses."""

    ruling: Callable[[], Policy]
    """The policy that rules now; its file may change at any time."""
    policy: Policy
    """The one by which the work at hand is done, from its beginning to its end."""
    sender: str
    reply_to: str
    channel: str
    """Where alarms go that belong to no company."""
    still_ours: Callable[[str, str], bool]
    """Case and token → whether its mail may go on; see `jobs.store.sends.still_ours`."""
    quickbooks: Callable[[str], QuickBooks]
    """Realm → its client; raises ReauthRequired only when it is used."""
    mailer: Mailer | None = None
    model: Model | None = None

    def for_company(self, realm: str) -> Services:
        """The same with the policy that rules in this company now."""
        return replace(self, policy=self.ruling().for_company(realm))

    @property
    def sent_by(self) -> str:
        """The From of a letter: the named person of the policy at the finance mailbox."""
        name = "".join(c for c in self.policy.sender_name if c not in '<>"').strip()
        return f"{name} <{self.sender}>" if name else self.sender
