"""What cannot be read: a company's QuickBooks, or another source, since when and for whom."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, delete, exists, func, select, update

from jobs.rules.facts.findings import Down, Findings
from jobs.rules.states import OPEN, ConnectionStatus
from jobs.store import cases, companies, log, outbox
from jobs.store.database.tables import cases as cases_table
from jobs.store.database.tables import companies as companies_table
from jobs.store.database.tables import of_customer, outages
from jobs.store.database.upsert import insert_or_ignore
from jobs.store.outbox import MessageKind

ACTOR = "system:connection"


def remember(
    conn: Connection, company: str, customer: str, findings: Mapping[str, Findings]
) -> dict[str, Findings]:
    """Note what can and cannot be read about this customer now, by the name of the source.

    In the result each `Down` says since when and why it was first found, so that its words stay
    the same until the source answers again. A source may fail for one customer alone, and another
    one's answer does not end that.
    """
    ours = (outages.c.company == company) & (outages.c.customer == customer)
    known = conn.execute(_KNOWN, {"company": company, "customer": customer})
    before = {row.source: row for row in known}
    down = {name: f.freshness for name, f in findings.items() if isinstance(f.freshness, Down)}
    if answered := before.keys() - down.keys():
        conn.execute(delete(outages).where(ours, outages.c.source.in_(answered)))
    told = dict(findings)
    for name, state in down.items():
        if name in before:
            state = Down(before[name].since, before[name].reason)
        else:
            row = {"company": company, "customer": customer, "source": name}
            insert_or_ignore(conn, outages, row | {"since": state.since, "reason": state.reason})
        told[name] = replace(findings[name], freshness=state)
    return told


_KNOWN = select(outages).where(of_customer(outages))


def standing(conn: Connection, company: str) -> list[tuple[str, datetime]]:
    """The sources that cannot be read for some open case of a company, and since when at worst."""
    since = func.min(outages.c.since)
    asked = (cases_table.c.company == company) & (cases_table.c.customer == outages.c.customer)
    asked &= cases_table.c.state.in_(OPEN)
    wanted = (outages.c.company == company) & exists(select(cases_table.c.id).where(asked))
    query = select(outages.c.source, since).where(wanted)
    rows = conn.execute(query.group_by(outages.c.source).order_by(outages.c.source))
    return [(source, at) for source, at in rows]


def forget(conn: Connection, company: str, customers: Collection[str]) -> None:
    """Nobody has asked about these customers lately: an outage of then says nothing about now."""
    theirs = (outages.c.company == company) & outages.c.customer.in_(sorted(customers))
    conn.execute(delete(outages).where(theirs))


def lose(conn: Connection, realm: str, why: str, now: datetime) -> None:
    """Stop the company's work and ask a person, once; `why` is a sentence without the full stop.

    Steps are not ready for a company that is not connected, so everything due simply waits.
    """
    lost = (
        update(companies_table)
        .where(companies_table.c.realm == realm)
        .where(companies_table.c.status == ConnectionStatus.CONNECTED)
        .values(status=ConnectionStatus.REAUTH_REQUIRED)
    )
    if conn.execute(lost).rowcount:
        company = companies.need(conn, realm)
        key = f"reauth:{realm}:{now:%Y-%m-%dT%H:%M:%S}"
        data = {"company": company.name, "reason": why}
        outbox.say(conn, company, MessageKind.CONNECTION_LOST, key, data, now)
        cases.redraw_pending(conn, realm, now)
        log.note(conn, log.Entry(realm, "company.reauth_required", ACTOR, now))


def lapse(conn: Connection, realm: str, now: datetime) -> None:
    """The subscription has lapsed: write no notes until tomorrow's upkeep; told once a week."""
    company = companies.need(conn, realm)
    companies.change(conn, realm, read_only=True)
    key, data = f"lapsed:{realm}:{now:%G-%V}", {"company": company.name}
    outbox.say(conn, company, MessageKind.SUBSCRIPTION_LAPSED, key, data, now)
