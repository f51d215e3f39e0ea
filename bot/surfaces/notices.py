"""A notice that asks for one click, and what it says once somebody has clicked. Pure."""

from __future__ import annotations

from bot.blockkit import ids
from bot.blockkit.blocks import actions, button, mention, section, stamp
from bot.blockkit.escaping import cap
from bot.blockkit.ids import Switch
from bot.blockkit.lint import MOST_TEXT
from bot.surfaces.card.card import Card
from jobs.store.companies import ConnectedCompany

LABEL = "QuickBooks' reminders are off"


def question(text: str, company: ConnectedCompany) -> Card:
    """The notice "connected", which asks to switch off QuickBooks' own reminders."""
    if company.reminders_off_at:
        who = mention(company.reminders_off_by or "") or "somebody"
        told = f"{text}\n:white_check_mark: Confirmed as off by {who}, "
        told += f"{stamp(company.reminders_off_at)}."
        return Card(cap(told, MOST_TEXT), [section(told)])
    row = actions([reminders_button(company)], "reminders")
    return Card(cap(text, MOST_TEXT), [section(text), row])


def reminders_button(company: ConnectedCompany) -> dict[str, object]:
    """What a finance lead presses to confirm."""
    value = ids.of_company(company.realm)
    says = f"QuickBooks' own reminders are off for {company.name}"
    return button(Switch.REMINDERS_OFF, LABEL, value, style="primary", says=says)
