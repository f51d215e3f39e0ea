"""The checker itself: each thing that must not be is found and named."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select, update

from jobs.rules.states import State
from jobs.store.database.tables import cases, decisions, notes, sends
from tests.faults.invariants import violations
from tests.jobs.harness import CompanyHarness

Tampering = Callable[[CompanyHarness], AbstractContextManager[None]]


@contextmanager
def recorded(harness: CompanyHarness, column: Any, value: Any) -> Iterator[None]:
    """The record says something else in this column, for a while; `value` may depend on it."""
    before = harness.rows(select(column))[0][0]
    _write(harness, column, value(before) if callable(value) else value)
    yield
    _write(harness, column, before)


def _write(harness: CompanyHarness, column: Any, value: Any) -> None:
    with harness.database.writing() as conn:
        conn.execute(update(column.table).values({column.name: value}))


@contextmanager
def twice(things: list[Any]) -> Iterator[None]:
    """The same once more."""
    things.append(things[0])
    yield
    things.pop()


@contextmanager
def altered(harness: CompanyHarness, **fields: Any) -> Iterator[None]:
    """Another mail went out than the one that did."""
    box = harness.outside.mailbox.mails
    mail, raw = box[0], box[0].raw.replace(b"Hello", b"Hallo")
    box[0] = replace(mail, **({"raw": raw} | fields))
    yield
    box[0] = mail


@contextmanager
def paid_before(harness: CompanyHarness) -> Iterator[None]:
    """It was handed over after a payment."""
    handed, now = dict(harness.mailer.handed), time.monotonic()
    harness.pay("71", "1.00")
    harness.mailer.handed.update(dict.fromkeys(handed, now + 60))
    yield
    harness.mailer.handed.update(handed)


NAMED: list[tuple[str, Tampering]] = [
    ("I1: mail <", lambda h: twice(h.outside.mailbox.mails)),
    ("I1: 2 mails about invoice 71", lambda h: twice(h.outside.mailbox.mails)),
    ("is not on record", partial(recorded, column=sends.c.message_id, value="<other@x>")),
    ("nobody approved", partial(recorded, column=decisions.c.kind, value="edit")),
    ("I2: mail", lambda h: recorded(h, decisions.c.at, lambda at: at + timedelta(days=1))),
    ("has another text", altered),
    ("I8: mail", lambda h: altered(h, recipient="somebody@else.example")),
    ("I4: mail", paid_before),
    ("I3: case", partial(recorded, column=cases.c.closed_at, value=None)),
    ("I3: the approval", partial(recorded, column=cases.c.state, value=State.APPROVED)),
    ("I5: 2 notes", lambda h: twice(h.outside.quickbooks.realms[h.realm].notes)),
    ("I5: a note in", partial(recorded, column=notes.c.text, value="another text")),
    ("without a mail", partial(recorded, column=sends.c.state, value="not_sent")),
    ("I7: case", lambda h: recorded(h, cases.c.version, lambda version: version + 1)),
]


@pytest.fixture
def sent(a_harness: CompanyHarness) -> CompanyHarness:
    """A company with one mail and its note."""
    a_harness.approve()
    a_harness.wait_out()
    assert a_harness.state() is State.DONE
    return a_harness


def test_each_violation_is_found_and_named(sent: CompanyHarness) -> None:
    """One after the other, each put right again."""
    policy, handed = sent.services.policy, sent.mailer.handed
    found = partial(violations, sent.database, sent.outside, policy=policy, now=sent.now)
    for words, tampering in NAMED:
        assert found(handed=handed) == []
        with tampering(sent):
            assert any(words in one for one in found(handed=handed)), (words, found(handed=handed))
    (recipient,) = {mail.recipient for mail in sent.mails}
    logs = f"sent to {recipient} with xoxb-1"
    said = found(handed=handed, logs=logs, secrets={"SLACK_BOT_TOKEN": "xoxb-1"})
    assert [one[:2] for one in said] == ["I9", "I9"]
