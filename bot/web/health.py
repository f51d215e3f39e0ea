"""Is the process alive, can it work, and how much is waiting: for platforms and dashboards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from redis import RedisError
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.process import Process
from bot.slack.socket_mode import Socket
from jobs.rules.states import State
from jobs.store import companies, work
from jobs.store.companies import ConnectedCompany
from jobs.store.database import schema
from jobs.store.intake import events
from jobs.store.reports import case_lists
from jobs.store.services import budget, model_costs

OK = "ok"
slog = structlog.get_logger()


class Health:
    """`/healthz` and `/readyz` for everybody; `/metrics` and the details for operators."""

    def __init__(self, process: Process, slack_socket: Socket | None = None) -> None:
        """`slack_socket` is given in Socket Mode."""
        self._process, self._socket, self._trouble = process, slack_socket, ""
        self._registry = CollectorRegistry()
        self._registry.register(Waiting(process))

    def routes(self) -> list[Route]:
        """What everybody may see: whether the process is alive and ready, and no names."""
        return [Route("/healthz", _alive), Route("/readyz", self._ready)]

    def operators_routes(self) -> list[Route]:
        """What names companies and says what is wrong; served on METRICS_PORT only."""
        return [Route("/readyz", self._details), Route("/metrics", self._metrics)]

    async def _ready(self, _: Request) -> Response:
        found = await self._look()
        ready = _all_well(found)
        return PlainTextResponse("ready" if ready else "not ready", 200 if ready else 503)

    async def _details(self, _: Request) -> Response:
        found = await self._look()
        return JSONResponse(found, 200 if _all_well(found) else 503)

    async def _look(self) -> dict[str, str]:
        """What is wrong; each change is also logged."""
        found = await run_in_threadpool(readiness, self._process)
        if self._socket:
            found["slack socket"] = self._socket.trouble() or OK
        trouble = "; ".join(f"{part} {words}" for part, words in found.items() if words != OK)
        if trouble != self._trouble:
            slog.warning("web.not_ready", trouble=trouble) if trouble else slog.info("web.ready")
            self._trouble = trouble
        return found

    async def _metrics(self, _: Request) -> Response:
        try:
            text = await run_in_threadpool(generate_latest, self._registry)
        except SQLAlchemyError as error:
            slog.warning("metrics.no_record", error=type(error).__name__)
            return PlainTextResponse("the record cannot be reached", 503)
        return Response(text, media_type=CONTENT_TYPE_LATEST)


async def _alive(_: Request) -> Response:
    return PlainTextResponse("ok")


def _all_well(found: dict[str, str]) -> bool:
    return set(found.values()) == {OK}


def readiness(process: Process) -> dict[str, str]:
    """Everything the process needs → "ok", or what is wrong."""
    return {"database": _database(process), "redis": _redis(process)}


def _database(process: Process) -> str:
    try:
        return OK if schema.is_current(process.database) else "run: overdue db upgrade"
    except SQLAlchemyError:
        return "cannot be reached"


def _redis(process: Process) -> str:
    try:
        process.redis.ping()
    except RedisError:
        return "cannot be reached"
    return OK


class Waiting(Collector):
    """How many cases are in which state, what is due and for how long; read on each scrape."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Empty, so that nothing is read at registration."""
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Raises SQLAlchemyError if the database cannot be read."""
        now = self._process.now()
        with self._process.database.reading() as conn:
            waiting = [_cases(conn), *_due(conn, now), _unread(conn)]
            model = _model(conn, now)
            return iter([*waiting, *_reads(conn, now), *_connections(conn, now), *model])


def _cases(conn: Connection) -> GaugeMetricFamily:
    found = case_lists.by_state(conn)
    family = GaugeMetricFamily("overdue_cases", "Cases by state.", labels=["state"])
    for state in State:
        family.add_metric([state], found.get(state, 0))
    return family


def _due(conn: Connection, now: datetime) -> Iterator[GaugeMetricFamily]:
    rows = GaugeMetricFamily("overdue_due_rows", "Work that is due.", labels=["table"])
    age = GaugeMetricFamily(
        "overdue_oldest_due_seconds", "How long the oldest due work has waited.", labels=["table"]
    )
    for table in (work.EVENTS, work.CASES, work.MESSAGES, work.SCHEDULE):
        count, oldest = work.waiting(conn, table, now)
        rows.add_metric([table.name], count)
        age.add_metric([table.name], (now - oldest).total_seconds() if oldest else 0)
    yield from (rows, age)


def _unread(conn: Connection) -> GaugeMetricFamily:
    family = GaugeMetricFamily("overdue_events_waiting", "Notifications not dealt with yet.")
    family.add_metric([], events.unsettled(conn))
    return family


def _reads(conn: Connection, now: datetime) -> Iterator[GaugeMetricFamily]:
    """Metered reads per company; all share one quota, so the sum over `company` matters."""
    reads = GaugeMetricFamily(
        "overdue_quickbooks_reads", "Metered reads of this month (UTC).", labels=["company"]
    )
    free = GaugeMetricFamily(
        "overdue_quickbooks_writes", "Unmetered requests of this month.", labels=["company"]
    )
    for used in budget.by_company(conn, budget.month_of(now)):
        reads.add_metric([used.company], used.metered)
        free.add_metric([used.company], used.free)
    quota = GaugeMetricFamily("overdue_quickbooks_quota", "Metered reads a month has.")
    quota.add_metric([], budget.QUOTA)
    yield from (reads, free, quota)


ASKED = {
    "questions": "Questions to the model this month (UTC).",
    "failed": "Those of them without a usable answer.",
    "tokens_in": "Tokens that went in, cached ones included.",
    "tokens_cached": "Those of them that the model's server had cached.",
    "tokens_out": "Tokens that came out.",
    "cost": "What they cost, in the currency of the policy's prices.",
}
"""Counts of a `ModelUse`."""


def _model(conn: Connection, now: datetime) -> Iterator[GaugeMetricFamily]:
    """Per company and model; the cases asked about are there to divide by."""
    month = budget.month_of(now)
    used = model_costs.by_model(conn, month)
    for name, what in ASKED.items():
        family = GaugeMetricFamily(f"overdue_model_{name}", what, labels=["company", "model"])
        for key, use in used.items():
            family.add_metric(key, float(getattr(use, name)))
        yield family
    about = GaugeMetricFamily(
        "overdue_model_cases", "Cases that they were about.", labels=["company"]
    )
    for realm, count in model_costs.cases_asked(conn, month).items():
        about.add_metric([realm], count)
    spent = GaugeMetricFamily(
        "overdue_model_spent", "The part of the month's budget that is spent or reserved."
    )
    spent.add_metric([], float(model_costs.spent_in(conn, month)))
    yield from (about, spent)


def _connections(conn: Connection, now: datetime) -> Iterator[GaugeMetricFamily]:
    up = GaugeMetricFamily(
        "overdue_quickbooks_connected", "Whether QuickBooks can be asked.", labels=["company"]
    )
    known = companies.all_of_them(conn)
    for company in known:
        up.add_metric([company.realm], company.connected)
    held = GaugeMetricFamily(
        "overdue_quickbooks_held", "Whether QuickBooks asked for a pause.", labels=["company"]
    )
    for realm in budget.held(conn, now):
        held.add_metric([realm], 1)
    yield from (up, held, _ends(known))


def _ends(known: Iterable[ConnectedCompany]) -> GaugeMetricFamily:
    ends = GaugeMetricFamily(
        "overdue_quickbooks_ends",
        "When the tokens end (Unix time), if they are not renewed and at the latest.",
        labels=["company", "end"],
    )
    for company in known:
        for end, at in (("refresh", company.refresh_ends_at), ("hard", company.hard_ends_at)):
            if at is not None:
                ends.add_metric([company.realm, end], at.timestamp())
    return ends
