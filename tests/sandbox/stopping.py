"""The product with a lease of seconds, whose process stops before one mail as a machine may.

    python -m tests.sandbox.stopping RECIPIENT work act

It gets SIGSTOP between the intent for the mail to RECIPIENT and the first question whether that
mail is still its own, a moment that nobody could hit from outside. It is stopped between two
transactions, never within one: a lock that sleeps would hold up whoever the test wants to see.
"""

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from jobs.mail.results import Fence, Result
from jobs.mail.smtp import Smtp
from jobs.store import work
from jobs.store.database.engine import Database

LEASE = timedelta(seconds=5)
RENEW_AFTER = timedelta(seconds=1)
BETWEEN = threading.RLock()
"""Held by whoever is in a transaction."""

Transaction = Callable[..., AbstractContextManager[Connection]]


def one_at_a_time(transaction: Transaction) -> Transaction:
    """The same kind of transaction, of which no two are open in this process."""

    @contextmanager
    def alone(database: Database, **how: bool) -> Iterator[Connection]:
        with BETWEEN, transaction(database, **how) as conn:
            yield conn

    return alone


@contextmanager
def stopping_before(wanted: str) -> Iterator[None]:
    """In this block the mail to `wanted` stops this process, until somebody sends SIGCONT."""
    send = Smtp.send

    def stopping(
        smtp: Smtp, sender: str, to: Sequence[str], message: bytes, fence: Fence
    ) -> Result:
        if to[0] == wanted:
            with BETWEEN:
                # Sent to this thread: by the process's id any thread may take it, and this one
                # would run on meanwhile, into the transaction of that first question.
                signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
        return send(smtp, sender, to, message, fence)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "reading", one_at_a_time(Database.reading))
        patch.setattr(Database, "writing", one_at_a_time(Database.writing))
        patch.setattr(Smtp, "send", stopping)
        yield


if __name__ == "__main__":
    work.LEASE, work.RENEW_AFTER = LEASE, RENEW_AFTER
    with stopping_before(sys.argv.pop(1)):
        from bot.cli.main import main  # whatever it loads takes the lease as it is by now

        main()
