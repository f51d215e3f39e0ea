"""What the steps work with: the policy, the sender, and a client for each outside service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jobs.mail.results import Mailer
from jobs.reasoning.model import Reader
from jobs.reasoning.spending import WithinBudget
from jobs.rules.policy.policy import Policy
from jobs.sources.source import Source
from jobs.store.companies import ConnectedCompany
from jobs.store.services.model_costs import ModelCosts
from qbo.client import QuickBooks

if TYPE_CHECKING:
    from jobs.sources.sent_folder import SentFolder  # loads IMAP, which only `act` needs


@dataclass(frozen=True)
class Services:
    """Built once per process by an entry point. `sender` and `reply_to` are bare addresses."""

    ruling: Callable[[], Policy]
    """Returns the policy in force now; its file may change at any time."""
    policy: Policy
    """The policy that one piece of work keeps to, from beginning to end."""
    sender: str
    reply_to: str
    channel: str
    """The channel for alarms that belong to no company."""
    still_ours: Callable[[str, str], bool]
    """Case and token → whether its mail may still go; see `jobs.store.sends.still_ours`."""
    quickbooks: Callable[[str], QuickBooks]
    """Realm → its client; ReauthRequired is raised only when the client is used."""
    costs: ModelCosts
    """What the model costs, and whether the budget of the month has room for a question."""
    mailer: Mailer | None = None
    sent_folder: SentFolder | None = None
    model: Reader | None = None
    sources: tuple[Source, ...] = ()
    """Those that are configured, besides the ledger."""

    def for_company(self, realm: str) -> Services:
        """The same services with the policy now in force for this company."""
        return replace(self, policy=self.ruling().for_company(realm))

    def asking(self, company: ConnectedCompany) -> Services:
        """The same with the model that this company's finance leads have accepted; with none where
        it cannot be asked any more."""
        return replace(self, model=self.model.accepted(company.model)) if self.model else self

    def for_case(self, realm: str, case: str) -> Services:
        """The same for one case of this company: its model is asked within the month's budget."""
        ours = self.for_company(realm)
        if self.model is None:
            return ours
        spending = self.costs.of_case(realm, case, self.model.name, self.ruling)
        return replace(ours, model=WithinBudget(self.model, spending, case))
