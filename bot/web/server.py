"""The web process: Slack's and QuickBooks' routes, and the pages for connecting a company."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
from collections.abc import Sequence
from functools import partial

import click
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.routing import BaseRoute

from bot.process import Process
from bot.web.health import Health
from bot.web.quickbooks import QuickBooksRoutes
from bot.web.slack import SlackRoutes

slog = structlog.get_logger()
KEEP_ALIVE_SECONDS = 75
"""Longer than Slack's and Intuit's clients keep a connection: if we closed it first, a request
sent at that moment would be lost."""
GRACE_SECONDS = 5
"""How long open requests, and then their background work, may take to end after SIGTERM."""


def app(process: Process, slack_routes: SlackRoutes, health: Health) -> Starlette:
    """The public routes of the web process."""
    routes: Sequence[BaseRoute] = [
        *slack_routes.routes(),
        *QuickBooksRoutes(process, slack_routes.redraw_home).routes(),
        *health.routes(),
    ]
    return Starlette(routes=routes)


def run(process: Process) -> None:
    """Serve until SIGTERM. If the port is taken, says so in a sentence."""
    settings = process.settings
    process.policy  # noqa: B018 - report an unreadable policy file now, not at the first click
    listener = _listener(settings.host, settings.port, "HOST {}, PORT {}")
    slack_routes = SlackRoutes(process)
    health = Health(process, slack_routes.socket)
    server = Server(config(app(process, slack_routes, health)), slack_routes)
    gc.freeze()  # collecting over all imports takes 80 ms, while clicks wait for their answer
    if settings.metrics_port is not None:
        _serve_operators(health, settings.metrics_host, settings.metrics_port)
    slog.info("web.listening", url=_url(listener))
    threading.Thread(target=slack_routes.open, name="slack", daemon=True).start()
    server.run(sockets=[listener])
    process.close()


def _serve_operators(health: Health, host: str, port: int) -> None:
    """Serve `/metrics` and the details on a separate port, for as long as the process lives."""
    listener = _listener(host, port, "METRICS_HOST {}, METRICS_PORT {}")
    server = uvicorn.Server(config(Starlette(routes=health.operators_routes())))
    slog.info("web.metrics", url=_url(listener))
    serve = partial(server.run, sockets=[listener])
    threading.Thread(target=serve, name="metrics", daemon=True).start()


def config(served: Starlette) -> uvicorn.Config:
    """uvicorn's configuration for `served`."""
    return uvicorn.Config(
        served,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{host}:{port}"


class Server(uvicorn.Server):
    """uvicorn together with Slack's socket: both finish what is open, then stop."""

    def __init__(self, config: uvicorn.Config, slack_routes: SlackRoutes) -> None:
        super().__init__(config)
        self._slack_routes = slack_routes

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """After SIGTERM; the process ends when this returns."""
        closed = run_in_threadpool(self._slack_routes.close, GRACE_SECONDS)
        await asyncio.gather(super().shutdown(sockets), closed)
        slog.info("web.finishing")
        await run_in_threadpool(self._slack_routes.finish, GRACE_SECONDS)


def _listener(host: str, port: int, names: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise click.ClickException(
            f"{names.format(host, port)} cannot be listened on: {error.strerror}."
        ) from error
    # asyncio does this only for sockets that it opens; without it an answer may take 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
