"""Connecting a QuickBooks company: a personal link, and what Intuit sends back.

A link carries a random `state`. It is made for one person, works once and expires after ten
minutes. What Intuit sends back counts only if it names a link that is still valid.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from jobs.companies import profile
from jobs.pipeline import AT_CONNECTION, EACH_COMPANY
from jobs.rules.states import ConnectionStatus
from jobs.store import cases, companies, log, outbox, work
from jobs.store.companies import ConnectedCompany
from jobs.store.database.engine import AWAY, Database
from jobs.store.outbox import MessageKind, OtherChannel
from jobs.store.services import tokens
from jobs.store.services.tokens import ConnectLink, Seal
from qbo import (
    CompanyInfo,
    Gone,
    OAuth,
    Preferences,
    QuickBooks,
    QuickBooksError,
    ReauthRequired,
    Tokens,
)

LINK_LIVES = timedelta(minutes=10)
FORGOTTEN = timedelta(days=1)
"""When an unused link is deleted; until then it can be reported as too old."""
UNNAMED = "system:connect"
"""The person of a link that was made on the command line without naming one."""

NEW_LINK = (
    "The Home tab of Overdue in Slack has a fresh link for finance leads, and `overdue connect` "
    "prints one."
)
STALE = (
    "QuickBooks no longer accepted its own answer, perhaps because the page was loaded twice. "
    f"{NEW_LINK}"
)
NO_LEASE = {"lease_token": None, "lease_until": None}


class NotConnected(Exception):
    """The company was not connected; the text tells a person why and what to do."""


class UsedAlready(NotConnected):
    """The link was used before; perhaps the same person has just reloaded the page."""

    def __init__(self) -> None:
        super().__init__(f"This link has already been used. {NEW_LINK}")


@dataclass(frozen=True)
class Intuit:
    """What connecting needs from outside. `open` makes a client that uses the given tokens."""

    oauth: OAuth
    seal: Seal
    open: Callable[[str, Tokens], QuickBooks]
    channel: str
    """Where a company's cards go if its link names no channel."""


def open_link(conn: Connection, person: str, channel: str, now: datetime) -> str:
    """Store a new link; returns its `state`.

    `person` is a Slack user id or empty; `channel` is a Slack channel id or empty.
    """
    tokens.forget_links(conn, now - FORGOTTEN)
    return tokens.make_link(conn, person or UNNAMED, channel, now)


def invite(conn: Connection, realm: str, now: datetime) -> bool:
    """Tell a company's channel that somebody wants to connect it again; False if it need not be.

    It needs to be if its connection has ended or ends soon. Posted once a day, no matter how often
    somebody asks. We do not know who asked, so no link is posted: links are personal, and each
    person finds their own in App Home.
    """
    company = companies.get(conn, realm)
    if company is None or not _needs_connecting(company, now):
        return False
    key = f"reconnect:{realm}:{now:%Y-%m-%d}"
    outbox.say(conn, company, MessageKind.CONNECT_ASKED, key, {"company": company.name}, now)
    return True


def _needs_connecting(company: ConnectedCompany, now: datetime) -> bool:
    return not company.connected or company.ending(now) is not None


def check_link(conn: Connection, state: str, now: datetime) -> ConnectLink:
    """The valid link with this `state`. Raises NotConnected."""
    if not state:
        raise NotConnected(f"This page opens only from a personal link. {NEW_LINK}")
    link = tokens.link(conn, state[:64])
    if link is None:
        raise NotConnected(f"This link is not one of ours. {NEW_LINK}")
    if link.used_at is not None:
        raise UsedAlready
    if now - link.opened_at > LINK_LIVES:
        raise NotConnected(f"This link is older than ten minutes. {NEW_LINK}")
    return link


def use_link(conn: Connection, state: str, now: datetime) -> ConnectLink:
    """Use up the link; of two requests at once, one gets it. Raises NotConnected."""
    link = check_link(conn, state, now)
    if not tokens.use_link(conn, link.state, now):
        raise UsedAlready
    return link


def connect(
    database: Database, intuit: Intuit, code: str, realm: str, state: str, now: datetime
) -> ConnectedCompany:
    """Exchange the code, read the company, and store it with its tokens; its sweep becomes due.

    A company that was connected before keeps its mode and its history. Raises NotConnected; a
    company that is already connected then stays connected.
    """
    with database.writing() as conn:
        link = check_link(conn, state, now)
        _channel(conn, realm, link.channel, intuit.channel)  # before the code ends older tokens
        use_link(conn, state, now)
    tokens = _exchanged(intuit, code, now)
    try:
        columns = _looked_at(intuit, realm, tokens) | _sealed(intuit, realm, tokens)
        return _twice(lambda: _record(database, intuit, columns, link, now))
    except _Foreign:
        _forget(intuit, tokens)
        raise
    except NotConnected:
        _keep_or_forget(database, intuit, realm, tokens)
        raise


class _Foreign(NotConnected):
    """The tokens are not for the company that Intuit's answer names."""


def _exchanged(intuit: Intuit, code: str, now: datetime) -> Tokens:
    try:
        return intuit.oauth.exchange(code, now)
    except ReauthRequired:
        raise NotConnected(STALE) from None
    except QuickBooksError as error:
        raise NotConnected(f"{error.message}. Nothing was connected. {NEW_LINK}") from None


def _looked_at(intuit: Intuit, realm: str, tokens: Tokens) -> dict[str, Any]:
    """What QuickBooks says about the company, as columns. Raises NotConnected."""
    try:
        with intuit.open(realm, tokens) as quickbooks:
            return _facts(realm, quickbooks.company_info(), quickbooks.preferences())
    except ReauthRequired:
        raise _Foreign(STALE) from None
    except Gone:
        raise _Foreign(f"QuickBooks does not know this company. {NEW_LINK}") from None
    except QuickBooksError as error:
        raise NotConnected(f"{error.message}. Nothing was connected. {NEW_LINK}") from None


def _sealed(intuit: Intuit, realm: str, tokens: Tokens) -> dict[str, Any]:
    ends = {name: getattr(tokens, name) for name in ("refresh_expires_at", "hard_expires_at")}
    return {"sealed_tokens": intuit.seal.close(realm, tokens), **ends, **NO_LEASE}


def _twice(write: Callable[[], ConnectedCompany]) -> ConnectedCompany:
    """Retry once if another transaction was in the way: code and link cannot be used again."""
    try:
        return write()
    except (*AWAY, IntegrityError):
        return write()


def _record(
    database: Database, intuit: Intuit, columns: dict[str, Any], link: ConnectLink, now: datetime
) -> ConnectedCompany:
    realm: str = columns["realm"]
    with database.writing() as conn:
        before = companies.get(conn, realm)
        channel = _channel(conn, realm, link.channel, intuit.channel)
        again = _store(conn, columns | {"channel": channel}, link.person, now)
        for kind in AT_CONNECTION:
            work.hurry(conn, realm, kind, now)
        for kind in EACH_COMPANY:
            work.ensure(conn, realm, kind, now)
        company = companies.need(conn, realm)
        _tell(conn, company, link, again, now)
        if before and before.channel != channel:
            _say_goodbye(conn, company, before.channel, link, now)
    return company


def _keep_or_forget(database: Database, intuit: Intuit, realm: str, tokens: Tokens) -> None:
    """Keep the new tokens if the company is connected: they may have ended its old ones."""
    with database.writing() as conn:
        company = companies.get(conn, realm)
        if company and company.connected:
            companies.change(conn, realm, **_sealed(intuit, realm, tokens))
            return
    _forget(intuit, tokens)


def _forget(intuit: Intuit, tokens: Tokens) -> None:
    """Revoke tokens that nobody will use."""
    with suppress(QuickBooksError):  # otherwise they expire by themselves
        intuit.oauth.revoke(tokens.refresh)


def _facts(realm: str, info: CompanyInfo, preferences: Preferences) -> dict[str, Any]:
    """The columns of a company. Raises NotConnected if we would have to guess any."""
    try:
        known = profile.columns(info, preferences, realm)
    except profile.UnusableProfile as error:
        raise NotConnected(f"{error} Nothing was connected. {NEW_LINK}") from None
    return {"realm": realm, **known, "status": ConnectionStatus.CONNECTED}


def _channel(conn: Connection, realm: str, wanted: str, default: str) -> str:
    """The channel for the company's cards: each channel has one company, and a known company
    keeps its channel. Raises NotConnected."""
    known = companies.get(conn, realm)
    channel = wanted or (known.channel if known else default)
    if not channel:
        raise NotConnected(
            "No Slack channel is set for the cards. Choose one in the Home tab of Overdue in "
            "Slack, or name one: `overdue connect --channel C…`."
        )
    holder = companies.in_channel(conn, channel)
    if holder is not None and holder.realm != realm:
        raise NotConnected(
            f"The channel {channel} already has the cards of {holder.name}, and each company needs "
            "its own. Choose another in the Home tab of Overdue in Slack, or name it: `overdue "
            "connect --channel C…`."
        )
    return channel


def _store(conn: Connection, columns: dict[str, Any], person: str, now: datetime) -> bool:
    """Insert or update the company; returns whether it was known before."""
    first = {"mode": "shadow", "connected_at": now, "connected_by": person[:32]}
    if companies.add(conn, **(columns | first)):
        return False
    _channel(conn, columns["realm"], columns["channel"], "")  # another company may have it now
    companies.change(conn, **columns)
    cases.redraw_pending(conn, columns["realm"], now)
    cases.hurry_approved(conn, columns["realm"], now)
    return True


def _tell(
    conn: Connection, company: ConnectedCompany, link: ConnectLink, again: bool, now: datetime
) -> None:
    action = "company.reconnected" if again else "company.connected"
    data = {"channel": company.channel, "mode": "live" if company.live else "shadow"}
    log.note(conn, log.Entry(company.realm, action, link.person, now, data=data))
    told = {
        "company": company.name,
        "by": "" if link.person == UNNAMED else link.person,
        "again": again,
        "asks": company.reminders_off_at is None,
    }
    outbox.say(conn, company, MessageKind.CONNECTED, f"connected:{link.state}", told, now)


def _say_goodbye(
    conn: Connection, company: ConnectedCompany, left: str, link: ConnectLink, now: datetime
) -> None:
    """Tell the channel that a company has left where its cards go now."""
    told = {"company": company.name, "channel": company.channel}
    to = OtherChannel(company.realm, left)
    outbox.say(conn, to, MessageKind.MOVED, f"moved:{link.state}", told, now)
