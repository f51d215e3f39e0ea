"""The table of sources besides the ledger, and which of them the settings name.

A new source is a file in this folder, its settings, and a row here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from jobs.needs import HUBSPOT, ZENDESK
from jobs.settings import Settings
from jobs.sources.hubspot import HubSpot
from jobs.sources.mailbox import Mailbox
from jobs.sources.source import Source
from jobs.sources.zendesk import Zendesk


@dataclass(frozen=True)
class SourceRow:
    """How a source is built, and the settings that it needs (`a|b` is either)."""

    needs: tuple[str, ...]
    build: Callable[[Settings], Source]
    only_customers: bool = False
    """Whether whoever it knows is a customer: help desk and mailbox know colleagues too."""


def _hubspot(settings: Settings) -> Source:
    return HubSpot.at(settings.hubspot_api_url, settings.hubspot_token.get_secret_value())


def _zendesk(settings: Settings) -> Source:
    url = settings.zendesk_api_url or f"https://{settings.zendesk_subdomain}.zendesk.com"
    secret = settings.zendesk_client_secret.get_secret_value()
    return Zendesk.at(url, settings.zendesk_client_id, secret)


SOURCES: dict[str, SourceRow] = {
    "CRM": SourceRow(HUBSPOT.needed, _hubspot, only_customers=True),
    "help desk": SourceRow(ZENDESK.needed, _zendesk),
    "mailbox": SourceRow(("imap_url",), Mailbox.of_settings),
}
"""What a card calls it → how it is read."""


def configured(settings: Settings) -> tuple[Source, ...]:
    """The sources that the settings name, in the order of the table."""
    rows = (row for row in SOURCES.values() if is_named(row, settings))
    return tuple(row.build(settings) for row in rows)


def is_named(row: SourceRow, settings: Settings) -> bool:
    """Whether the settings have everything that this source needs."""
    return all(any(getattr(settings, n) for n in need.split("|")) for need in row.needs)


def customer_registers(sources: Iterable[Source]) -> tuple[Source, ...]:
    """Those of them that know nobody but customers."""
    return tuple(one for one in sources if one.name in SOURCES and SOURCES[one.name].only_customers)


def absent(present: Iterable[str]) -> tuple[str, ...]:
    """The names of the known sources that are not among these: absent by choice."""
    return tuple(name for name in SOURCES if name not in set(present))
