"""The sandbox page on a small app in the place of the product, and what stands around it."""

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, expect
from slack_sdk import WebClient
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.real_processes import PATIENCE
from tests.sandbox.slack import Slack
from tests.sandbox.slack_receiver import Receiver

MARKUP = '<img src=x onerror="alert(1)"> & <!channel>'


def plain(text: str) -> dict[str, Any]:
    """A plain_text object."""
    return {"type": "plain_text", "text": text}


def button(action: str, **more: Any) -> dict[str, Any]:
    """A button with its action as its label."""
    return {"type": "button", "action_id": action, "text": plain(action), "value": "1", **more}


def card(*buttons: dict[str, Any]) -> list[dict[str, Any]]:
    """A header and a row of buttons."""
    header = {"type": "header", "text": plain("Acme owes 1,200.00")}
    return [header, {"type": "actions", "elements": list(buttons)}]


EDIT: dict[str, Any] = {
    "type": "modal",
    "title": plain("Edit draft"),
    "submit": plain("Save"),
    "blocks": [
        {
            "type": "input",
            "block_id": "body_1",
            "label": plain("Message"),
            "element": {
                "type": "plain_text_input",
                "action_id": "body",
                "multiline": True,
                "initial_value": "Dear Ann",
            },
        }
    ],
}


class OtherServices:
    """What other stand-ins show: a mail, a note, an invoice to be paid, tickets, a contact."""

    name = "quickbooks"

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.count = 1

    def app(self) -> None:
        """No service of its own."""

    def control(self) -> list[Route]:
        """Paying an invoice, a comment on a ticket, a note about a contact, an answer to us."""
        paths = ("/quickbooks/pay", "/tickets/comment", "/crm/note", "/mail/receive")
        return [Route(path, self._ask, methods=["POST"]) for path in paths]

    def snapshot(self) -> dict[str, Any]:
        """One of each."""
        mail = {"from": "us@example.com", "to": "ann@example.com", "subject": MARKUP}
        files = [{"name": "Invoice 1037.pdf", "sha256": "", "size": 2048}]
        came = {"from": "Ann", "subject": MARKUP, "text": "Paid", "at": "2026-11-02T09:00:00Z"}
        note = {"id": "9", "invoices": ["742"], "text": "[Overdue 412] reminder", "deleted": False}
        invoice = {"id": "742", "number": "1037", "customer": MARKUP, "balance": "1200.00"}
        said: dict[str, Any] = {
            "at": "2026-11-18T09:00:00Z",
            "author": "ann@example.com",
            "text": MARKUP,
        }
        ticket: dict[str, Any] = {"id": 88, "subject": MARKUP, "requester": "ann@example.com"}
        ticket |= {"comments": [said | {"public": True}, said | {"public": False}]}
        contact: dict[str, Any] = {
            "email": "ann@example.com",
            "name": "Ann",
            "company": MARKUP,
            "owner": "Marc",
        }
        contact |= {"notes": [{"at": "2026-11-18T09:00:00Z", "text": MARKUP}]}
        return {
            "mails": [mail | {"text": "Dear Ann", "message_id": "<1>", "attachments": files}]
            * self.count,
            "inbox": [came | {"in_reply_to": "<1>"}, came | {"in_reply_to": ""}],
            "notes": [note] * self.count,
            "tickets": [ticket | {"status": "open"}, ticket | {"id": 89, "status": "solved"}],
            "crm": [contact],
            "invoices": [invoice | {"currency": "USD", "due_date": "2026-11-02"}],
        }

    async def _ask(self, request: Request) -> Response:
        self.asked.append(await request.json())
        return JSONResponse({"ok": True})


class SlackPage:
    """The workspace, the app, and the browser's tab on it."""

    def __init__(
        self, slack: Slack, receiver: Receiver, others: OtherServices, tab: Page, url: str
    ) -> None:
        self.slack, self.receiver, self.tab = slack, receiver, tab
        self.others = others
        self.client = WebClient(slack.keys.bot_token, base_url=f"{url}/slack/api/")
        tab.goto(url)
        self.at("welcome-close").click()
        expect(self.at("live")).to_have_text("Connected")

    def at(self, testid: str) -> Locator:
        """A part of the page."""
        return self.tab.get_by_test_id(testid)

    def post(self, text: str = "A card", **more: Any) -> Locator:
        """Post to the channel; the message on the page."""
        posted = self.client.chat_postMessage(channel="CFINANCE", text=text, **more)
        return self.at(f"message-{posted['ts']}")

    def press(self, message: Locator, action: str) -> None:
        """Click a button of a message."""
        message.get_by_test_id(f"action-{action}").click()

    def heard(self, count: int) -> list[dict[str, Any]]:
        """What the app was told, once it was told so often."""
        self.until(lambda: len(self.receiver.heard) >= count)
        return self.receiver.heard

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something outside the page, while the page goes on."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"the app heard {self.receiver.heard}"
            self.tab.wait_for_timeout(20)

    def opens(self, view: dict[str, Any]) -> None:
        """Let every click open this modal."""

        def reply(payload: dict[str, Any]) -> None:
            if payload["type"] == "block_actions":
                self.client.views_open(trigger_id=payload["trigger_id"], view=view)

        self.receiver.reply = reply
