"""Which model is at work: a new one waits for a finance lead; each change is on record once."""

from __future__ import annotations

import json

import httpx2
from sqlalchemy import select

from jobs.engine.clock import Clock
from jobs.reasoning import prompting
from jobs.reasoning.model import Model
from jobs.reasoning.reading import ReadingForm
from jobs.store import companies, log
from jobs.store.database.engine import Database
from jobs.store.database.tables import messages
from jobs.store.services import model_versions
from tests.jobs.store import record

OLD, NEW = "m-1 at api.openai.com", "m-2 at api.openai.com"
OTHER = "4620816365000000002"


def ticks(database: Database, model: str) -> None:
    """Two clocks with these settings, one after the other."""
    for _ in range(2):
        clock = Clock(database, [], None, lambda: record.NOW, model=model)  # type: ignore[arg-type]
        clock.tick()


def logged(database: Database, realm: str = record.REALM) -> list[tuple[str, str, str]]:
    """(action, actor, to) of each line about model and prompts."""
    with database.reading() as conn:
        lines = [line.fields for line in log.lines(conn, realm)]
    return [(one["action"], one["actor"], one["data"]["to"]) for one in lines if one["data"]]


def kinds(database: Database) -> list[str]:
    """The kinds of what is told in channels."""
    with database.reading() as conn:
        return [body["kind"] for body in conn.scalars(select(messages.c.body))]


def accepts(database: Database, label: str) -> bool:
    """A finance lead presses the button that named this model."""
    with database.writing() as conn:
        company = companies.need(conn, record.REALM)
        seen = model_versions.fingerprint(label)
        return model_versions.accept(conn, company, seen, "ULEAD1", record.NOW)


def test_a_new_model_waits_until_a_finance_lead_says_so(database: Database) -> None:
    """Company by company, and for exactly the one that was named; the first needs nobody."""
    record.company(database)
    record.company(database, OTHER)
    prompts = prompting.fingerprint()
    first = [("model.changed", "system:start", OLD), ("prompt.changed", "system:start", prompts)]
    ticks(database, OLD)
    assert logged(database) == logged(database, OTHER) == first
    assert kinds(database) == []

    ticks(database, NEW)
    assert logged(database)[2:] == [("model.offered", "system:start", NEW)]
    assert kinds(database) == ["model_offered"] * 2
    assert not accepts(database, "m-3 at api.openai.com")
    assert accepts(database, NEW)
    assert not accepts(database, NEW)
    assert logged(database)[3:] == [("model.changed", "ULEAD1", NEW)]
    with database.reading() as conn:
        ours, theirs = (companies.need(conn, realm) for realm in (record.REALM, OTHER))
    assert (ours.model, ours.model_offered) == (NEW, "")
    assert (theirs.model, theirs.model_offered) == (OLD, NEW)

    ticks(database, "")  # no key: nothing to decide
    ticks(database, OLD)
    assert logged(database, OTHER)[3:] == [("model.withdrawn", "system:start", OLD)]
    assert logged(database)[4:] == [("model.offered", "system:start", OLD)]

    with database.writing() as conn:
        model_versions.note(conn, OLD, "0" * 64, record.NOW)
    assert logged(database)[5:] == [("prompt.changed", "system:start", "0" * 64)]
    assert kinds(database)[-1] == "prompts_changed"


def test_the_accepted_model_is_asked_while_its_server_is_the_same() -> None:
    """Through the same client; at another server nobody is asked."""
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(json.loads(request.content)["model"])
        return httpx2.Response(401, json={"error": {"message": "no"}})

    client = httpx2.Client(transport=httpx2.MockTransport(answer))
    model = Model("k", model="m-2", max_retries=0, http_client=client)
    assert model.label == NEW
    for label in ("", NEW, OLD):
        found = model.accepted(label)
        assert found is not None
        found.ask(prompting.prompt("read_document"), "{}", ReadingForm)
    assert asked == ["m-2", "m-2", "m-1"]
    assert model.accepted("m-1 at elsewhere.example") is None
    model.close()
