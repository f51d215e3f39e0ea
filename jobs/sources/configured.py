"""The table of sources besides the ledger, and which of them the settings name.

A new source is a file in this folder, its settings, and a row here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from jobs.settings import Settings
from jobs.sources.source import Source


def _none(_settings: Settings) -> Source | None:
    """Nothing of this kind can be connected yet."""
    return None


SOURCES: dict[str, Callable[[Settings], Source | None]] = {
    "CRM": _none,
    "help desk": _none,
    "mailbox": _none,
}
"""What a card calls it → how it is built, or None where its settings are empty."""


def configured(settings: Settings) -> tuple[Source, ...]:
    """The sources that the settings name, in the order of the table."""
    built = (build(settings) for build in SOURCES.values())
    return tuple(source for source in built if source)


def absent(present: Iterable[str]) -> tuple[str, ...]:
    """The names of the known sources that are not among these: absent by choice."""
    return tuple(name for name in SOURCES if name not in set(present))
