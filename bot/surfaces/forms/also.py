"""What else can be done about a case: what does not fit into the menu of its card. Pure."""

from __future__ import annotations

from bot.blockkit.blocks import Block, button, section
from bot.blockkit.ids import ALSO, CUSTOMER, ELSEWHERE, SEND_COPY
from bot.surfaces.card.amounts import linked
from bot.surfaces.card.buttons import ABOUT_CUSTOMER, OPEN_IN_QUICKBOOKS, about, binding
from bot.surfaces.forms.modal import about as head
from bot.surfaces.forms.modal import modal
from jobs.rules.case import CaseView

MARKS = "*Marks and account manager.* For finance leads: key account, do not chase, private person."

COPY = "*A test copy.* Mails this draft to you, marked as a test; the customer gets nothing."


def also(view: CaseView, books: str) -> Block:
    """The modal; `books` is the base URL of QuickBooks' pages, or empty."""
    says = f"{ABOUT_CUSTOMER} {view.facts.customer.name}"
    marks = button(CUSTOMER, ABOUT_CUSTOMER, about(view).encode(), says=says)
    blocks = [head(view, "What else can be done here:"), section(MARKS, marks)]
    if view.letter:
        label = "Send me a copy"
        says = f"{label} of the draft of case {view.id}"
        blocks.append(section(COPY, button(SEND_COPY, label, binding(view).encode(), says=says)))
    if link := linked(view, books):
        opens = button(ELSEWHERE, OPEN_IN_QUICKBOOKS, view.id, says=f"Open {view.id} in QuickBooks")
        where = "*QuickBooks.* The invoice, or the customer if there are several."
        blocks.append(section(where, opens | {"url": link}))
    return modal(ALSO, "More", blocks, "")
