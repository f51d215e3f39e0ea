"""The web process: Slack's and QuickBooks' door, and the pages of a person who connects."""

from __future__ import annotations

import gc
import socket
import threading
from collections.abc import Sequence

import click
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from bot.health import Health
from bot.ledger_door import LedgerDoor
from bot.processes import Kit
from bot.reconnecting import Reconnecting
from bot.slack_door import SlackDoor

slog = structlog.get_logger()
KEEP_ALIVE_SECONDS = 75
"""Longer than the clients of Slack and Intuit keep a connection: one that is closed under a client
loses whatever it is just sending."""
GRACE_SECONDS = 5
"""How long open requests may take to end after SIGTERM."""


def app(kit: Kit, slack_door: SlackDoor) -> Starlette:
    """Every route of the web process."""
    routes: Sequence[BaseRoute] = [
        *slack_door.routes(),
        *LedgerDoor(kit, slack_door.redraw_home).routes(),
        *Reconnecting(kit).routes(),
        *Health(kit).routes(),
    ]
    return Starlette(routes=routes)


def run(kit: Kit) -> None:
    """Serve until SIGTERM. A port that is taken is told in words."""
    settings = kit.settings
    kit.policy  # noqa: B018 - a policy file that cannot be read is told now, not at a click
    try:
        listener = _listener(settings.host, settings.port)
    except OSError as error:
        raise click.ClickException(
            f"HOST {settings.host}, PORT {settings.port} cannot be listened on: {error.strerror}."
        ) from error
    slack_door = SlackDoor(kit)
    config = uvicorn.Config(
        app(kit, slack_door),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    gc.freeze()  # to walk all that is loaded takes 80 ms, while clicks wait for their answer
    host, port = listener.getsockname()[:2]
    slog.info("web.listening", url=f"http://{host}:{port}")
    threading.Thread(target=slack_door.open, name="slack", daemon=True).start()
    uvicorn.Server(config).run(sockets=[listener])
    kit.close()


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=1024)
    # asyncio does this only for sockets it opens itself; without it an answer may take 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
