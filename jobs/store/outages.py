"""Since when a source besides the ledger cannot be read, for each customer, across processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Connection, delete, select

from jobs.rules.findings import Down, Findings
from jobs.store.database.tables import outages
from jobs.store.database.upsert import insert_or_ignore


def remember(
    conn: Connection, company: str, customer: str, findings: Mapping[str, Findings]
) -> dict[str, Findings]:
    """Note what can and cannot be read about this customer now, by the name of the source.

    In the result each `Down` says since when and why it was first found, so that its words stay
    the same until the source answers again. A source may fail for one customer alone, and another
    one's answer does not end that.
    """
    ours = (outages.c.company == company) & (outages.c.customer == customer)
    before = {row.source: row for row in conn.execute(select(outages).where(ours))}
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
