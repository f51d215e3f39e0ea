"""Copies of sent mails that their sender could not file: it died, or the mailbox did not answer.

The bytes are kept from the intent until a copy is filed. Some minutes after a mail went, whatever
is still kept is tried once more; the folder is searched for the Message-ID first, so that a copy
that was taken without an answer does not get a second one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from jobs.engine.services import Services
from jobs.engine.step import Round, Step, scheduled, tries_again
from jobs.send.outcome import Filed, file_copy, filed
from jobs.store import sends, work
from jobs.store.sends import Unfiled
from jobs.store.work import Claim

if TYPE_CHECKING:
    from jobs.sources.sent_folder import SentFolder  # loads IMAP, which only `act` needs

AT_ONCE = 5
"""Copies in one round: each may take as long as the mailbox is patient."""
KEPT = timedelta(days=30)
"""How long the bytes are kept of a mail about which nobody says whether it went."""
UNDECIDED = timedelta(hours=1)
"""How soon to look again at what nobody can tell yet whether it went."""


def step(services: Services) -> Step:
    """The mails of one company per row; sending puts it on the schedule."""
    return scheduled(
        sends.FILING,
        lambda conn, claim, now: _load(services, conn, claim, now),
        tries_again(after=UNDECIDED),
    )


def _load(services: Services, conn: Connection, claim: Claim, now: datetime) -> Round | None:
    company = claim.row.company
    nowhere = services.sent_folder is None
    sends.forget_messages(conn, company, now - KEPT, everything=nowhere)
    late = sends.unfiled(conn, company, now - sends.FILED_WITHIN, AT_ONCE)
    if late and services.sent_folder:
        return FileLate(services.sent_folder, company, late)
    work.settle(conn, claim, now + UNDECIDED if sends.keeps_messages(conn, company) else None)
    return None


@dataclass(frozen=True)
class FileLate:
    """File the copies that are missing."""

    folder: SentFolder
    company: str
    late: Sequence[Unfiled]

    def act(self) -> list[Filed]:
        """What became of each, in their order."""
        return [file_copy(self.folder, one.message, one.message_id) for one in self.late]

    def settle(self, conn: Connection, claim: Claim, outcome: list[Filed], now: datetime) -> None:
        """Write down what became of them; there may be more."""
        if not work.settle(conn, claim, now):
            return
        for one, said in zip(self.late, outcome, strict=True):
            filed(conn, self.company, one, said, now)
            sends.forget_message(conn, one)
