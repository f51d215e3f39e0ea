"""An approved letter → the bytes of a mail, with freshly fetched PDFs and pay links."""

from __future__ import annotations

import hashlib
from collections.abc import Container
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jobs.mail import compose
from jobs.mail.addresses import named
from jobs.mail.compose import File
from jobs.rules import drafts
from jobs.rules.plain import one_line
from jobs.store.drafts import Draft
from qbo.client import QuickBooks
from qbo.errors import (
    QuickBooksError,
    ReadOnly,
    ReauthRequired,
    Throttled,
    TokenExpired,
    Unreachable,
)

NOT_ABOUT_THE_LINK = (Unreachable, Throttled, TokenExpired, ReauthRequired, ReadOnly)
"""Errors that any other request would have got too."""
SERVER_ERROR = 500


@dataclass(frozen=True)
class Mail:
    """The finished mail: its bytes and its attachments."""

    message: bytes = field(repr=False)  # it contains pay links, which are secrets
    message_id: str
    attachments: list[dict[str, Any]]

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.message).hexdigest()


@dataclass(frozen=True)
class MailBuilder:
    """Builds the mail of one approved draft."""

    quickbooks: QuickBooks
    case: str
    draft: Draft
    thread: tuple[str, ...]
    """Message-IDs of our earlier messages to this customer, oldest first."""
    now: datetime

    def build(self) -> Mail:
        """Fetch the PDFs and pay links and compose the mail.

        Raises PayLinkError, MailTooLarge, Unsendable, QuickBooksError.
        """
        links = {key: self._link(id) for key, id in self._keys()}
        drafts.fill_pay_links(self.draft.letter.body, links)  # before the PDFs: it may be refused
        return self._mail(self._pdfs(), links)

    def invoices_of(self, keys: Container[str]) -> frozenset[str]:
        """The ids of the invoices whose pay links belong in these slots."""
        return frozenset(id for key, id in self._keys() if key in keys)

    def _pdfs(self) -> list[File]:
        wanted = self.draft.letter.attachments
        return [File(a.file_name, self.quickbooks.pdf(a.invoice)) for a in wanted]

    def _link(self, id: str) -> str:
        """Empty if QuickBooks gives none, or answers with an error about the link itself.

        The mere request for a link can fail permanently for a single invoice (error 4002).
        """
        try:
            found = self.quickbooks.invoice(id, with_link=True).invoice_link
        except NOT_ABOUT_THE_LINK:
            raise
        except QuickBooksError as error:
            if error.status >= SERVER_ERROR:
                raise  # this may pass, and says nothing about the link
            return ""
        return found.get_secret_value() if found else ""

    def _keys(self) -> list[tuple[str, str]]:
        """The keys of the pay link slots in the body, each with the id of its invoice."""
        wanted = set(drafts.pay_links_in(self.draft.letter.body))
        known = ((i, {one_line(i.number), f"#{i.id}"}) for i in self.draft.letter.invoices)
        return [(key, invoice.id) for invoice, keys in known for key in sorted(keys & wanted)]

    def _mail(self, files: list[File], links: dict[str, str]) -> Mail:
        letter = self.draft.letter
        domain = named(letter.sender).domain
        message = compose.message(
            letter,
            links,
            files,
            case_id=self.case,
            at=self.now,
            domain=domain,
            in_reply_to=self.thread[-1] if self.thread else "",
            references=self.thread[:-1],
        )
        attachments = [{"name": f.name, "sha256": f.sha256, "size": len(f.content)} for f in files]
        message_id = compose.message_id(self.case, self.draft.sha256, domain)
        return Mail(message, message_id, attachments)
