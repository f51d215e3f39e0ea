"""Is the process alive, can it work, and how much is waiting: for platforms and dashboards."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from redis import RedisError
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.processes import Kit
from jobs.rules.states import State
from jobs.store import schema
from jobs.store.tables import cases, events, messages, schedule

WORK = {table.name: table for table in (events, cases, messages, schedule)}
slog = structlog.get_logger()


class Health:
    """`/healthz`, `/readyz`, `/metrics`. None of them names a customer or an amount."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._registry = CollectorRegistry()
        self._registry.register(Waiting(kit))

    def routes(self) -> list[Route]:
        return [
            Route("/healthz", _alive),
            Route("/readyz", self._ready),
            Route("/metrics", self._metrics),
        ]

    async def _ready(self, _: Request) -> Response:
        found = await run_in_threadpool(readiness, self._kit)
        return JSONResponse(found, 200 if set(found.values()) == {"ok"} else 503)

    async def _metrics(self, _: Request) -> Response:
        try:
            text = await run_in_threadpool(generate_latest, self._registry)
        except SQLAlchemyError as error:
            slog.warning("metrics.no_record", error=type(error).__name__)
            return PlainTextResponse("the record cannot be reached", 503)
        return Response(text, media_type=CONTENT_TYPE_LATEST)


async def _alive(_: Request) -> Response:
    return PlainTextResponse("ok")


def readiness(kit: Kit) -> dict[str, str]:
    """What the process cannot do without, each "ok" or what is the matter."""
    return {"database": _database(kit), "redis": _redis(kit)}


def _database(kit: Kit) -> str:
    try:
        return "ok" if schema.is_current(kit.database) else "run: overdue db upgrade"
    except SQLAlchemyError:
        return "cannot be reached"


def _redis(kit: Kit) -> str:
    try:
        kit.redis.ping()
    except RedisError:
        return "cannot be reached"
    return "ok"


class Waiting(Collector):
    """How many cases are where, and what work is due and for how long; read when asked."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing is read at registration."""
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Raises SQLAlchemyError where the record cannot be read."""
        now = self._kit.now()
        with self._kit.database.reading() as conn:
            return iter([_cases(conn), *_due(conn, now), _unread(conn)])


def _cases(conn: Connection) -> GaugeMetricFamily:
    counted = select(cases.c.state, func.count()).group_by(cases.c.state)
    found = {row[0]: row[1] for row in conn.execute(counted)}
    family = GaugeMetricFamily("overdue_cases", "Cases by state.", labels=["state"])
    for state in State:
        family.add_metric([state], found.get(state, 0))
    return family


def _due(conn: Connection, now: datetime) -> Iterator[GaugeMetricFamily]:
    rows = GaugeMetricFamily("overdue_due_rows", "Work that is due.", labels=["table"])
    age = GaugeMetricFamily(
        "overdue_oldest_due_seconds", "How long the oldest due work has waited.", labels=["table"]
    )
    for name, table in WORK.items():
        query = select(func.count(), func.min(table.c.due_at)).where(table.c.due_at <= now)
        count, oldest = conn.execute(query).one()
        rows.add_metric([name], count)
        age.add_metric([name], (now - oldest).total_seconds() if oldest else 0)
    yield from (rows, age)


def _unread(conn: Connection) -> GaugeMetricFamily:
    waiting = select(func.count()).select_from(events).where(events.c.due_at.is_not(None))
    family = GaugeMetricFamily("overdue_events_waiting", "Notifications not dealt with yet.")
    family.add_metric([], conn.execute(waiting).scalar_one())
    return family
