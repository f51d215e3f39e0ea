"""Moments at which a process of the product may be struck: around each call outside, each commit.

    python -m tests.faults.moments CONNECTION

A helper that forks the product, as `tests.sandbox.forks` does, with its clients wrapped and a lease
of seconds. The product knows nothing of it. Each moment that a process passes is added to a file;
at the one that was ordered a process is killed or stopped, at once and without a word.
"""

from __future__ import annotations

import fcntl
import imaplib
import json
import os
import re
import signal
import smtplib
import sys
import threading
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

import httpx
import httpx2
import redis
from redis.client import Pipeline
from sqlalchemy import Engine, event
from sqlalchemy.engine.default import DefaultDialect

from jobs.store import work
from tests.sandbox import forks

FOLDER, PROCESS, ORDER = "FAULTS_FOLDER", "FAULTS_PROCESS", "FAULTS_ORDER"
"""Variables: where moments are written, the name of this process, and the order as JSON."""
ARMED, PASSED, STRUCK = "armed", "passed", "struck"
"""Files there: whether moments count yet, those that passed, and those at which it struck."""
LEASE, RENEW_AFTER = timedelta(seconds=4), timedelta(seconds=1)
WRITTEN = re.compile(r"\s*(?:INSERT INTO|UPDATE|DELETE FROM) (\w+)")
VARYING = re.compile(r"/response/.*|/upload/.*|(?<=/)\d+(?=/|$)")
"""What differs between runs in the path of a call."""

How = Literal["self", "parent", "both", "stop", "fail"]
"""Who is killed: the process that passes, the worker that forked it, or both. Or it is stopped, or
its commit fails: before it, as on a full disk, or after it, when only the answer is lost."""


@dataclass(frozen=True, order=True)
class Moment:
    """The n-th time (from 0) that a process, or a fork of it, begins or ends an act."""

    process: str
    forked: bool
    act: str
    ordinal: int
    side: str

    def __str__(self) -> str:
        who = f"{self.process}'s job" if self.forked else self.process
        return f"{who}: {self.side} {self.act} #{self.ordinal + 1}"


@dataclass(frozen=True)
class Order:
    """At which moment to strike, and how."""

    moment: Moment
    how: How

    def variables(self) -> dict[str, str]:
        """As a process is told."""
        return {ORDER: json.dumps(asdict(self))}


def ordered(text: str) -> Order | None:
    """What `Order.variables` says."""
    told = json.loads(text or "null")
    return Order(Moment(**told["moment"]), told["how"]) if told else None


def passed(folder: Path, file: str = PASSED) -> list[Moment]:
    """The moments that were passed, or at which it struck, in their order."""
    path = folder / file
    lines = path.read_text().splitlines() if path.exists() else []
    return [Moment(**json.loads(line)) for line in lines]


class CommitFailed(Exception):
    """The database did not commit, or has committed and could not say so."""


_depth = 0
"""How often this process was forked since the helper: 1 is a process, 2 a job of a worker."""


def _forked() -> None:
    global _depth
    _depth += 1


def pass_by(act: str, side: str) -> None:
    """This process begins or ends an act; it may not survive it."""
    folder = os.environ.get(FOLDER)
    if not folder or not os.path.exists(f"{folder}/{ARMED}"):
        return
    moment = _noted(Path(folder), act, side)
    order = ordered(os.environ.get(ORDER, ""))
    if order and order.moment == moment:
        _strike(Path(folder), order)


def _noted(folder: Path, act: str, side: str) -> Moment:
    """Write it down; forks of one process count together, hence the lock."""
    mine = {"process": os.environ[PROCESS], "forked": _depth > 1, "act": act, "side": side}
    with (folder / PASSED).open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        before = [json.loads(line) for line in file]
        count = sum(mine.items() <= other.items() for other in before)
        file.write(json.dumps(mine | {"ordinal": count}) + "\n")
    return Moment(**mine, ordinal=count)  # type: ignore[arg-type]


def _strike(folder: Path, order: Order) -> None:
    with (folder / STRUCK).open("a") as file:
        file.write(json.dumps(asdict(order.moment)) + "\n")
    if order.how in ("parent", "both"):
        os.kill(os.getppid(), signal.SIGKILL)
    if order.how in ("self", "both"):
        os.kill(os.getpid(), signal.SIGKILL)
    if order.how == "stop":
        # to this thread: of a signal to the process any thread may take notice, a little later
        signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
    if order.how == "fail":
        raise CommitFailed


def wrap(owner: Any, name: str, act: Callable[..., str]) -> None:
    """From now on this method passes a moment before and after; `act` names it, or is empty."""
    original = getattr(owner, name)

    def wrapped(*given: Any, **named: Any) -> Any:
        told = act(*given, **named)
        if not told:
            return original(*given, **named)
        pass_by(told, "before")
        answer = original(*given, **named)
        pass_by(told, "after")
        return answer

    setattr(owner, name, wrapped)


def _http(method: str, url: str) -> str:
    path = "/" + url.split("://", 1)[-1].partition("/")[2].partition("?")[0]
    return f"{method} {VARYING.sub('…', path)}"


def _request(_: Any, request: Any) -> str:
    return _http(request.method, str(request.url))


def _opening(_: Any, request: Any, *__: Any, **___: Any) -> str:
    return _http("POST", request.full_url if hasattr(request, "full_url") else str(request))


def _imap(_: Any, command: str, *__: Any) -> str:
    return f"IMAP {command}"


def _redis(_: Any, command: str, *__: Any, **___: Any) -> str:
    return f"redis {command.split()[0]}"


def _pipeline(pipeline: Any, *_: Any, **__: Any) -> str:
    names = [str(command[0][0]).split()[0] for command in pipeline.command_stack]
    return f"redis {'+'.join(sorted(set(names)))}" if names else ""


def _wrap_smtp() -> None:
    """The connection, each command with its answer, and the text in two halves."""
    wrap(smtplib.SMTP, "connect", lambda *_, **__: "SMTP connect")
    wrap(smtplib.SMTP, "docmd", lambda _, command, *__: f"SMTP {command}")
    wrap(smtplib.SMTP, "getreply", lambda *_: "SMTP answer")
    send = smtplib.SMTP.send

    def sending(session: smtplib.SMTP, text: Any) -> None:
        if len(text) < 400:
            return send(session, text)
        half = len(text) // 2
        pass_by("SMTP text", "before")
        send(session, text[:half])
        pass_by("SMTP half the text", "after")
        send(session, text[half:])
        return pass_by("SMTP text", "after")

    smtplib.SMTP.send = sending  # type: ignore[method-assign,assignment]


def _wrap_commits() -> None:
    """Around each commit of a write transaction, named by the tables that it writes to."""
    told = threading.local()

    @event.listens_for(Engine, "begin")
    def _(conn: Any) -> None:
        conn.info["tables"] = set()

    @event.listens_for(Engine, "before_cursor_execute")
    def _(conn: Any, _c: Any, statement: str, _p: Any, _ctx: Any, _m: bool) -> None:
        if written := WRITTEN.match(statement):
            conn.info.setdefault("tables", set()).add(written[1])

    @event.listens_for(Engine, "commit")
    def _(conn: Any) -> None:
        tables = conn.info.get("tables") or ()
        told.act = f"commit {' '.join(sorted(tables))}" if tables else ""

    commit = DefaultDialect.do_commit

    def committing(dialect: DefaultDialect, connection: Any) -> None:
        act, told.act = getattr(told, "act", ""), ""
        try:
            if act:
                pass_by(act, "before")
            commit(dialect, connection)  # type: ignore[no-untyped-call]
            if act:
                pass_by(act, "after")
        except CommitFailed:
            raise dialect.loaded_dbapi.OperationalError("the disk is full") from None

    DefaultDialect.do_commit = committing  # type: ignore[method-assign]


def install() -> None:
    """Wrap every client of this process and of its forks, and shorten the lease."""
    work.LEASE, work.RENEW_AFTER = LEASE, RENEW_AFTER
    os.register_at_fork(after_in_child=_forked)
    _wrap_commits()
    _wrap_smtp()
    wrap(httpx.HTTPTransport, "handle_request", _request)
    wrap(httpx2.HTTPTransport, "handle_request", _request)
    wrap(urllib.request.OpenerDirector, "open", _opening)
    wrap(imaplib.IMAP4, "_simple_command", _imap)
    wrap(redis.Redis, "execute_command", _redis)
    wrap(Pipeline, "execute", _pipeline)


if __name__ == "__main__":
    install()
    forks.main(Connection(int(sys.argv[1])))
