"""What the letters of a case leave out, because it was not available when one was to be sent."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jobs.rules.facts import Facts
from jobs.rules.policy import Policy


@dataclass(frozen=True)
class Without:
    """`links`: ids of invoices without a pay link; `files`: the PDFs are too large for a mail."""

    links: frozenset[str] = frozenset()
    files: bool = False

    def __or__(self, other: Without) -> Without:
        return Without(self.links | other.links, self.files or other.files)

    def facts(self, facts: Facts) -> Facts:
        """The same facts, in which these invoices cannot be paid online."""
        told = (replace(i, online=i.online and i.id not in self.links) for i in facts.invoices)
        return replace(facts, invoices=tuple(told))

    def policy(self, policy: Policy) -> Policy:
        """The same policy, attaching nothing if the files are too large."""
        return policy.model_copy(update={"attach_pdf": False}) if self.files else policy


NOTHING = Without()
