"""QuickBooks' routes: notifications, and the pages for connecting a company."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from bot.process import Process
from bot.web.deliveries import Deliveries
from bot.web.pages import BodyTooLarge, body_of, page
from jobs.companies import connect
from jobs.companies.connect import NotConnected, UsedAlready
from jobs.store import companies
from jobs.store.companies import ConnectedCompany
from jobs.store.intake.events import Notice
from qbo import Change, Malformed, webhooks

LARGEST = 4_000_000
SOURCE = "quickbooks"
REALM = re.compile(r"[0-9]{1,32}")
COLUMNS = {"source": 200, "event_id": 200, "realm": 64, "entity": 40, "id": 64, "deleted_id": 64}
"""Column lengths; a longer value is not an id of QuickBooks."""
RECONNECT = (
    "To connect you need a personal link, which works once, within ten minutes.",
    "Finance leads find one in the Home tab of Overdue in Slack; `overdue connect` prints one.",
    "If the connection of this company has ended, its Slack channel was told that you came here.",
)

slog = structlog.get_logger()


class QuickBooksRoutes:
    """Stores notifications and acknowledges them; a worker does the rest."""

    def __init__(self, process: Process, redraw: Callable[[str], None]) -> None:
        """`redraw` shows a person the current state in their Home tab, soon."""
        self._process, self._redraw = process, redraw
        self._tokens = [t.get_secret_value() for t in process.settings.qbo_webhook_tokens]
        self._deliveries = Deliveries(lambda: process.database, process.now)

    def routes(self) -> list[Route]:
        """Below `/quickbooks`."""
        return [
            Route("/quickbooks/webhook", self._webhook, methods=["POST"]),
            Route("/quickbooks/connect", self._connect),
            Route("/quickbooks/callback", self._callback),
            Route("/quickbooks/disconnected", self._disconnected),
            Route("/quickbooks/reconnect", self._reconnect),
        ]

    async def _webhook(self, request: Request) -> Response:
        try:
            body = await body_of(request, LARGEST)
        except BodyTooLarge:
            return PlainTextResponse("too large", 413)
        if not body:
            return PlainTextResponse("ok")  # the probe sent when a URL is saved may be unsigned
        signature = request.headers.get("intuit-signature", "")
        signer = webhooks.verify(body, signature, self._tokens)
        if signer is None:
            return PlainTextResponse("the signature is missing or wrong", 401)
        # nothing else tells which of two environments, or of an old and a new token, it was
        slog.info("webhook.signed", token=signer + 1)
        return await run_in_threadpool(self._take, notices(body))

    def _take(self, found: list[Notice]) -> Response:
        """Store them and answer; not a 200 only if they were not stored.

        Any other answer than 200 may hold back later deliveries.
        """
        try:
            if found:
                self._deliveries.put(found)
        except SQLAlchemyError as error:
            slog.error("webhook.not_stored", error=type(error).__name__, events=len(found))
            return PlainTextResponse("not stored, please send it again", 503)
        if found:
            self._process.queues.wake("detect")
        return PlainTextResponse("ok")

    async def _connect(self, request: Request) -> Response:
        return await run_in_threadpool(_told, lambda: self._to_intuit(request))

    def _to_intuit(self, request: Request) -> Response:
        state = request.query_params.get("state", "")
        with self._process.database.reading() as conn:
            connect.check_link(conn, state, self._process.now())
        return RedirectResponse(self._process.oauth.authorize_url(state), 302)

    async def _disconnected(self, request: Request) -> Response:
        """The page Intuit sends people to; anybody may open it, so it only says what we know."""
        realm = request.query_params.get("realmId", "")
        ended = await run_in_threadpool(self._has_ended, realm)
        said = [ENDED if ended else IF_ENDED, WHAT_ENDS, connect.NEW_LINK]
        return page("Disconnected" if ended else "Disconnecting", said)

    def _has_ended(self, realm: str) -> bool:
        try:
            with self._process.database.reading() as conn:
                company = companies.get(conn, realm) if REALM.fullmatch(realm) else None
        except SQLAlchemyError as error:
            slog.error("disconnected.no_record", error=type(error).__name__)
            return False
        return company is not None and not company.connected

    async def _reconnect(self, request: Request) -> Response:
        """Where Intuit sends people who press "Reconnect" in QuickBooks.

        Our pages have no sign-in, so nobody gets a link here: the company's channel is told, at
        most once a day. The page says the same to everybody, whatever realm it was given.
        """
        await run_in_threadpool(self._invite, request.query_params.get("realmId", ""))
        return page("Connect again", RECONNECT)

    def _invite(self, realm: str) -> None:
        if not REALM.fullmatch(realm):
            return
        try:
            with self._process.database.writing() as conn:
                found = connect.invite(conn, realm, self._process.now())
        except SQLAlchemyError as error:
            slog.error("reconnect.no_record", error=type(error).__name__)
            return
        if found:
            self._process.queues.wake("messages")

    async def _callback(self, request: Request) -> Response:
        return await run_in_threadpool(_told, lambda: self._back(request))

    def _back(self, request: Request) -> Response:
        given = request.query_params
        if "error" in given:
            raise NotConnected(
                "Access was not granted in QuickBooks, so nothing was connected. If you change "
                "your mind, the link still works for the rest of its ten minutes."
            )
        code, realm = given.get("code", ""), given.get("realmId", "")
        if not code or not REALM.fullmatch(realm):
            raise NotConnected(f"This page opens only from QuickBooks. {connect.NEW_LINK}")
        process = self._process
        state, now = given.get("state", ""), process.now()
        with process.database.reading() as conn:
            person = connect.check_link(conn, state, now).person
        company = connect.connect(process.database, process.intuit, code, realm, state, now)
        slog.info("company.connected", realm=realm)
        for step in ("sweep", "messages"):
            process.queues.wake(step)
        if person != connect.UNNAMED:
            self._redraw(person)
        return _welcome(company)


def _told(answer: Callable[[], Response]) -> Response:
    """The answer, or a page that says what went wrong."""
    try:
        return answer()
    except UsedAlready:
        fine = "If this page already said that your company is connected, all is well."
        return page("This link has already been used", [fine, connect.NEW_LINK], 400)
    except NotConnected as why:
        return page("Not connected", [str(why)], 400)
    except SQLAlchemyError as error:
        slog.error("connect.no_record", error=type(error).__name__)
        words = "Our database cannot be reached just now, so nothing was connected."
        return page("Not connected", [words, "Please try again in a few minutes."], 503)


def _welcome(company: ConnectedCompany) -> HTMLResponse:
    said = [f"{company.name} is connected. Its open invoices are being read now."]
    if not company.reminders_off_at:
        said.append(
            "Next, in its Slack channel, a finance lead confirms that QuickBooks' own reminders "
            "are off. No message is sent before that."
        )
    if company.live:
        said.append("It is live: approved messages are sent.")
    else:
        said.append(
            "It is in shadow mode: cards appear in Slack, and nothing is sent to customers until "
            "a finance lead types `/overdue live`."
        )
    return page("Connected", [*said, "You can close this page."])


ENDED = "Overdue is no longer connected to this QuickBooks company."
IF_ENDED = (
    "If this company was just disconnected in QuickBooks, Overdue no longer has access to it. It "
    "notices within a day and says so in the company's Slack channel."
)
WHAT_ENDS = (
    "Without a connection nothing is read or written there and no message goes out until somebody "
    "connects it again. Cases and decisions stay on record."
)


def notices(body: bytes) -> list[Notice]:
    """The rows of a notification. Unreadable parts become one row, which raises an alarm."""
    try:
        return _rows(webhooks.parse(body), body)
    except Malformed as error:
        return [*_rows(error.readable, body), _malformed(body)]


def _rows(changes: Sequence[Change], body: bytes) -> list[Notice]:
    fitting = [change for change in changes if _fits(change)]
    rows = [_notice(change) for change in fitting]
    return rows if len(fitting) == len(changes) else [*rows, _malformed(body)]


def _fits(change: Change) -> bool:
    return all(len(getattr(change, name)) <= room for name, room in COLUMNS.items())


def _notice(change: Change) -> Notice:
    return Notice(
        source=change.source,
        event_id=change.event_id,
        company=change.realm,
        entity=change.entity,
        entity_id=change.id,
        verb=change.verb,
        happened_at=change.at,
        deleted_id=change.deleted_id,
        vague=change.source == webhooks.LEGACY_SOURCE,
    )


def _malformed(body: bytes) -> Notice:
    """The row for an unreadable body: the same body is the same event each time it comes."""
    digest, never = hashlib.sha256(body).hexdigest(), None
    return Notice(SOURCE, digest, "", "malformed", "", "unreadable", never)
