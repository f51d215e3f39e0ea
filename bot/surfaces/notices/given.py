"""What the words of a notice are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.blockkit.blocks import (
    mention,
)
from bot.blockkit.escaping import escaped
from jobs.reports.review.review import Review
from jobs.rules.letters.letter import Letter
from jobs.rules.plain import one_line
from jobs.rules.replies import CustomerReply
from jobs.store.companies import ConnectedCompany
from jobs.store.wordings import ProposedWording
from jobs.store.work import TRIED_ENOUGH

Data = Mapping[str, Any]


@dataclass(frozen=True)
class Given:
    """What the words of a message are made of: its data, and what is known as it is drawn."""

    data: Data
    names: Mapping[str, str]
    """Display names by Slack user id."""
    asker: ConnectedCompany | None = None
    """The company of a notice that asks for a click."""
    reply: CustomerReply | None = None
    """The customer's reply that it is about, as it is now."""
    card: str = ""
    """The card of the case as text, for the one kind that repeats it."""
    letters: tuple[Letter, Letter] | None = None
    """The message before and after an edit."""
    wording: ProposedWording | None = None
    """The proposed change of a text that it is about, as it is now."""
    reviews: tuple[Review, ...] = ()
    """The weekly review that it is about, after those of the weeks before."""

    def __getitem__(self, key: str) -> str:
        """A text of the data, escaped: what stands there comes from outside."""
        return escaped(self.data[key])

    def number(self, key: str) -> str:
        return f"{self.data[key]:,}"

    @property
    def company(self) -> str:
        return f"*{escaped(one_line(self.data['company']))}*"

    @property
    def who(self) -> str:
        """The person who did it: by name, or by id if it is unknown."""
        user = self.data["by"]
        return escaped(one_line(self.names.get(user, ""))) or mention(user) or "somebody"

    @property
    def by(self) -> str:
        """Like `who`, at the end of a clause; nothing if nobody is named."""
        return f" by {self.who}" if self.data["by"] else ""

    @property
    def tried(self) -> str:
        """How often; empty if a single answer was enough to give up."""
        return TRIED_ENOUGH if self.data["tried"] else ""

    @property
    def fingerprint(self) -> str:
        """The beginning of a policy's hash, which is enough to tell two apart."""
        return f"`{escaped(self.data['sha256'][:12])}`"
