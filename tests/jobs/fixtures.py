"""Fixtures that open companies and look after them: what must never be is checked at the end."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from jobs.reports.replay import Replay
from jobs.store.reports import replaying
from tests.faults.invariants import violations
from tests.jobs.harness import ONE, WEDNESDAY, CompanyHarness, SharedStandIns, serve_stand_ins
from tests.jobs.store.copies import Copies
from tests.sandbox import company


class OpenHarness(Protocol):
    """Open a company with these books, before its first sweep or just after it."""

    def __call__(
        self,
        content: Mapping[str, Any] = ONE,
        policy: Mapping[str, Any] | None = None,
        *,
        swept: bool = False,
        **how: Any,
    ) -> CompanyHarness: ...


@pytest.fixture(scope="session")
def shared() -> Iterator[SharedStandIns]:
    """The stand-ins, served once."""
    with serve_stand_ins() as found:
        yield found


@pytest.fixture(params=["sqlite", "postgresql"])
def home_url(request: pytest.FixtureRequest, shared: SharedStandIns) -> Iterator[str]:
    """Where one company after another keeps its record; the test runs once on each engine."""
    if request.param == "sqlite":
        yield shared.home
        return
    copies: Copies = request.getfixturevalue("postgres_copies")
    with copies() as url:
        yield url


@pytest.fixture
def open_harness(shared: SharedStandIns, tmp_path: Path) -> Iterator[OpenHarness]:
    """Opens companies, one at a time, on SQLite."""
    with ExitStack() as stack:
        yield opener(stack, shared, shared.home, tmp_path)


@pytest.fixture(scope="module")
def only_harness(
    shared: SharedStandIns, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OpenHarness]:
    """Opens the one company that the tests of a file look at, and none of them changes."""
    with ExitStack() as stack:
        yield opener(stack, shared, shared.home, tmp_path_factory.mktemp("company"))


def opener(
    stack: ExitStack, shared: SharedStandIns, url: str, folder: Path
) -> Callable[..., CompanyHarness]:
    """A function that opens a company on this database; `stack` closes it."""

    def open_one(
        content: Mapping[str, Any] = ONE,
        policy: Mapping[str, Any] | None = None,
        *,
        swept: bool = False,
        **how: Any,
    ) -> CompanyHarness:
        shared.tidy()
        kept = shared.beginnings if url == shared.home else {}
        connected, after_sweep = _keys(content, policy, how)
        beginning = kept.get(after_sweep) if swept else None
        known = beginning or kept.get(connected)
        if known:
            shared.begin_at(known)
        else:
            shared.prepare(url)
        harness = CompanyHarness(shared, url, folder, content, policy, beginning=known, **how)
        stack.callback(harness.close)
        stack.callback(check, harness)
        stack.callback(harness.heal)
        if url == shared.home and not known:
            shared.keep(connected, harness)
        if swept and not beginning:
            harness.sweep()
            if url == shared.home:
                shared.keep(after_sweep, harness)
        return harness

    return open_one


def check(harness: CompanyHarness) -> None:
    """Raises AssertionError with all that must not be."""
    handed, policy = harness.mailer.handed, harness.services.policy
    found = violations(
        harness.database, harness.outside, policy=policy, handed=handed, now=harness.now
    )
    harness.outside.slack.space.lint.clear()
    assert not found, "\n".join(found)
    if not harness.altered:
        _judges_the_same(harness)


def _judges_the_same(harness: CompanyHarness) -> None:
    """Every judgement on record comes out equal to the byte when it is made again."""
    present = harness.process.services.ruling()
    known = {**harness.ruled_by, present.sha256: present}
    again = Replay(lambda past: known[past.policy_sha256])
    with harness.database.reading() as conn:
        judged = [id for case in harness.cases() for id in replaying.of_case(conn, case.id)]
        for past in replaying.load(conn, judged):
            found = again(past)
            told = found.differing, found.altered
            assert told == ((), ()), f"judgement {past.said.id} of case {past.case.id}: {found!r}"


def _keys(
    content: Mapping[str, Any], policy: Mapping[str, Any] | None, how: Mapping[str, Any]
) -> list[str]:
    """What a company after connecting depends on, which reads no invoices, and after a sweep."""
    built = company.build(content, how.get("now", WEDNESDAY))
    ledgers = ([built.info, built.preferences], content)
    return [json.dumps([each, policy, how], default=str, sort_keys=True) for each in ledgers]


@pytest.fixture
def a_harness(open_harness: OpenHarness) -> CompanyHarness:
    """A live company with one customer and one invoice, whose card waits."""
    return open_harness(swept=True)
