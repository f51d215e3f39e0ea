"""Which model and which prompts are at work, by company: each change is on record, once.

The settings only offer a model. It is used once a finance lead of the company says so; until then
the one before goes on, or rules and templates where it cannot be asked any more. The first one
needs nobody's word: there is nothing to compare it with. Prompts, vocabularies and phrases come
with a release, so their change is logged and told.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, select, update

from jobs.store import companies, log, outbox
from jobs.store.companies import ConnectedCompany
from jobs.store.database.tables import companies as table
from jobs.store.outbox import MessageKind

ACTOR = "system:start"
OFFERS = "model:"
"""The key prefix of the notices that ask whether to use a model."""


def fingerprint(label: str) -> str:
    """A hash (64 hex digits) that a button carries: it accepts what its notice named, only."""
    return hashlib.sha256(label.encode()).hexdigest()


def is_news(conn: Connection, model: str, prompts: str) -> bool:
    """Whether `note` has anything to write."""
    return bool(conn.scalar(select(table.c.realm).where(_news(model, prompts)).limit(1)))


def _news(model: str, prompts: str) -> ColumnElement[bool]:
    asks = (table.c.model != model) & (table.c.model_offered != model)
    over = (table.c.model == model) & (table.c.model_offered != "")
    other = table.c.prompts != prompts
    return other | asks | over if model else other


def note(conn: Connection, model: str, prompts: str, now: datetime) -> None:
    """Put on record, for each company, what the settings and this release bring.

    `model` is a `Model.label`, empty where none is configured: then there is nothing to decide, and
    one that comes back later is compared with the one accepted last. `prompts` is a fingerprint.
    """
    for company in companies.all_of_them(conn):
        if model:
            _note_model(conn, company, model, now)
        _note_prompts(conn, company, prompts, now)


def _note_model(conn: Connection, company: ConnectedCompany, model: str, now: datetime) -> None:
    mine = update(table).where(table.c.realm == company.realm)
    data = {"from": company.model, "to": model}
    if not company.model:
        first = mine.where(table.c.model == "").values(model=model)
        if conn.execute(first).rowcount:
            log.note(conn, log.Entry(company.realm, "model.changed", ACTOR, now, data=data))
        return
    offered = "" if company.model == model else model
    news = mine.where(table.c.model == company.model, table.c.model_offered != offered)
    if not conn.execute(news.values(model_offered=offered)).rowcount:
        return
    action = "model.offered" if offered else "model.withdrawn"
    log.note(conn, log.Entry(company.realm, action, ACTOR, now, data=data))
    outbox.draw_again(conn, company.realm, OFFERS, now)
    if offered:
        key = f"{OFFERS}{company.realm}:{now.isoformat()}"
        said = {**data, "company": company.name}
        outbox.say(conn, company, MessageKind.MODEL_OFFERED, key, said, now)


def _note_prompts(conn: Connection, company: ConnectedCompany, prompts: str, now: datetime) -> None:
    mine = select(table.c.prompts).where(table.c.realm == company.realm)
    before = str(conn.scalar(mine))
    change = update(table).where(table.c.realm == company.realm, table.c.prompts == before)
    if before == prompts or not conn.execute(change.values(prompts=prompts)).rowcount:
        return
    data = {"from": before, "to": prompts}
    log.note(conn, log.Entry(company.realm, "prompt.changed", ACTOR, now, data=data))
    if before:
        key = f"prompts:{company.realm}:{now.isoformat()}"
        outbox.say(conn, company, MessageKind.PROMPTS_CHANGED, key, {"sha256": prompts}, now)


def accept(conn: Connection, company: ConnectedCompany, seen: str, by: str, now: datetime) -> bool:
    """Use the offered model from now on; False if it is not the one whose fingerprint was `seen`.

    The caller has checked who asks.
    """
    label = company.model_offered
    if not label or fingerprint(label) != seen:
        return False
    offered = (table.c.realm == company.realm) & (table.c.model_offered == label)
    use = update(table).where(offered).values(model=label, model_offered="")
    if not conn.execute(use).rowcount:
        return False
    data = {"from": company.model, "to": label}
    log.note(conn, log.Entry(company.realm, "model.changed", by, now, data=data))
    outbox.draw_again(conn, company.realm, OFFERS, now)
    key = f"model_used:{company.realm}:{now.isoformat()}"
    outbox.say(conn, company, MessageKind.MODEL_USED, key, {**data, "by": by}, now)
    return True
