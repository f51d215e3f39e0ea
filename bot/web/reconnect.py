"""`/quickbooks/reconnect`: where Intuit sends people who press "Reconnect" in QuickBooks.

Our pages have no sign-in, so nobody gets a link here: instead, the company's channel is told that
somebody wants one. The page says the same to everybody, whatever realm it was given.
"""

from __future__ import annotations

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.process import Process
from bot.web.pages import page
from bot.web.quickbooks import REALM
from jobs.companies import connect

slog = structlog.get_logger()


class Reconnecting:
    """The page; it causes at most one message a day per company."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def routes(self) -> list[Route]:
        """Below `/quickbooks`."""
        return [Route("/quickbooks/reconnect", self._reconnect)]

    async def _reconnect(self, request: Request) -> Response:
        await run_in_threadpool(self._invite, request.query_params.get("realmId", ""))
        return page("Connect again", SAID)

    def _invite(self, realm: str) -> None:
        process = self._process
        if not REALM.fullmatch(realm):
            return
        try:
            with process.database.writing() as conn:
                found = connect.invite(conn, realm, process.now())
        except SQLAlchemyError as error:
            slog.error("reconnect.no_record", error=type(error).__name__)
            return
        if found:
            process.queues.wake("messages")


SAID = (
    "To connect you need a personal link, which works once, within ten minutes.",
    "Finance leads find one in the Home tab of Overdue in Slack; `overdue connect` prints one.",
    "If the connection of this company has ended, its Slack channel was told that you came here.",
)
