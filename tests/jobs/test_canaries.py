"""Words planted in everything that we read, looked for in everything that leaves us.

One whole case: read, drafted, approved, sent, noted, with troubles on the way. What somebody wrote
goes to the model without addresses, numbers and names; secrets, and what is in the policy, never
do. Neither words nor secrets are in logs, metrics, notes of failures, Slack, or the mail to the
customer.
"""

from __future__ import annotations

import io
import json
from datetime import timedelta
from random import Random
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from pydantic import SecretStr
from sqlalchemy import select

from bot.web.health import Waiting
from jobs.decide.access import Answer
from jobs.reports.evaluation.export import Exported, export
from jobs.rules.states import State
from jobs.sources.configured import configured
from jobs.store import work
from jobs.store.database.tables import cases, events, messages, schedule
from tests.bot.test_logs import said as log  # noqa: F401
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import MANAGER, CompanyHarness, books, customer, invoice
from tests.sandbox import company

PERSON, OWNER, FIRM = "Tessa Canaryperson", "Olive Canaryowner", "Canary & Co"
ADDRESS = "billing@canary-nest.example"
NUMBERS = ("415 555 0188", "DE89 3704 0044 0532 0130 00", "4111 1111 1111 1111")
LINK = "https://canary-nest.example/pay"
SAID_BY = {
    "memo": "canarymemo",
    "mail": "canarymail",
    "ticket": "canaryticket",
    "private note": "canaryprivate",
    "CRM note": "canarycrm",
}
"""Where it stands → a word that only stands there."""
NOT_READ = {"PrivateNote": "canarystaff", "Notes": "canarynotes"}
POLICY = {"sender_phone": "+1 503 555 0142", "how_to_pay": "Pay at the canarybank counter."}


def text(place: str) -> str:
    """It says nothing about the bill, and has everything in it that is nobody's business."""
    return (
        f"Greetings about the {SAID_BY[place]} from {PERSON} of {FIRM}, {ADDRESS}.\n"
        f"Call {NUMBERS[0]}, IBAN {NUMBERS[1]}, card {NUMBERS[2]}, or see {LINK}.\n"
        f"{OWNER} knows the parrot."
    )


def content() -> dict[str, Any]:
    """A customer, and what every source has about it."""
    person = dict(zip(("GivenName", "FamilyName"), PERSON.split(), strict=True))
    more = {"DisplayName": FIRM, "Notes": NOT_READ["Notes"], **person}
    memo = {"CustomerMemo": {"value": text("memo")}, "PrivateNote": NOT_READ["PrivateNote"]}
    notes = [{"at": "today-3", "text": text("CRM note")}]
    owner = {"name": OWNER, "email": "olive@canary-owner.example"}
    comments = [
        {"at": "today-9", "author": ADDRESS, "public": True, "text": text("ticket")},
        {"at": "today-8", "author": "agent", "public": False, "text": text("private note")},
    ]
    ticket = {"requester": ADDRESS, "subject": "Nests", "status": "solved", "created": "today-9"}
    mail = {"from": ADDRESS, "to": "accounts@brass-fern.example", "subject": "Nests"}
    return books(
        customer("1", ADDRESS, **more),
        invoice("71", "1", "840.00", 12, **memo),
        crm=[{"email": ADDRESS, "name": PERSON, "company": FIRM, "owner": owner, "notes": notes}],
        tickets=[ticket | {"comments": comments}],
        mails=[mail | {"at": "today-9", "text": text("mail")}],
    )


def secrets(harness: CompanyHarness) -> set[str]:
    """Every secret among the settings, and the tokens of the company."""
    given = (
        getattr(harness.process.settings, n) for n in type(harness.process.settings).model_fields
    )
    found = {one.get_secret_value() for one in given if isinstance(one, SecretStr)}
    tokens = harness.process.token_store.load(harness.realm)
    found |= {tokens.access.get_secret_value(), tokens.refresh.get_secret_value()}
    return {one for one in found if len(one) > 8 and not one.startswith("sqlite")}


def metrics(harness: CompanyHarness) -> str:
    registry = CollectorRegistry()
    registry.register(Waiting(harness.process))
    return generate_latest(registry).decode()


def troubles(harness: CompanyHarness) -> str:
    """What the rows of work say went wrong."""
    tables = (cases, events, messages, schedule)
    return "\n".join(row[0] for t in tables for row in harness.rows(select(t.c.last_error)))


def holds(text: str, words: set[str]) -> set[str]:
    """Those of `words` that stand in the text."""
    return {word for word in words if word.casefold() in text.casefold()}


def test_no_canary_leaves_its_cage(open_harness: OpenHarness, log: io.StringIO) -> None:  # noqa: F811
    """Search everything for everything."""
    manager = MANAGER | {"customers": ["1"]}
    harness = open_harness(content(), {"message": POLICY, "account_manager": [manager]})
    made = company.build(content(), harness.now)
    for stand_in in (harness.outside.hubspot, harness.outside.zendesk, harness.outside.inbox):
        stand_in.load(made)
    harness.process.sources = configured(harness.process.settings)  # which the process closes
    for source in harness.process.sources:
        harness.add_source(source)
    with_news(harness, "canaryearly", "sweep", "replies")
    with_troubles(harness)
    with_news(harness, "canarylate", "replies", "triage")
    harness.post()
    assert harness.approve("ULEAD1") is Answer.RECORDED
    harness.wait_out()
    harness.time.later(minutes=30)
    harness.run()
    assert harness.state() is State.DONE
    harness.post()

    words, private = (
        {*SAID_BY.values(), "canaryearly", "canarylate"},
        {*NUMBERS, ADDRESS, LINK, PERSON, OWNER, FIRM},
    )
    hidden = {*NOT_READ.values(), *secrets(harness)}
    asked = "\n".join(harness.outside.model.prompts)
    assert holds(asked, words) == words, "the model is to read all seven texts"
    ours = {*POLICY.values(), str(MANAGER["name"]), "canary-owner"}
    assert not holds(asked, private | hidden | ours)
    for told in (log.getvalue(), metrics(harness), troubles(harness), str(harness.logged())):
        assert not holds(told, words | private | hidden | ours)
    (sent,) = harness.mails
    assert not holds(sent.raw.decode(), words | hidden | {*NUMBERS, LINK, OWNER})
    assert not holds(str(harness.notes), words | hidden | private)
    shown = json.dumps(harness.outside.slack.snapshot()["messages"], ensure_ascii=False)
    assert holds(shown, {FIRM, ADDRESS}) == {FIRM, ADDRESS}, "they see whom they write to"
    assert not holds(shown, {*SAID_BY.values(), LINK} | hidden), "only answers to us are quoted"
    (case,) = evaluation_set(harness)
    assert case["expect"]["decision"] == "sent unchanged"
    everything = json.dumps(case, ensure_ascii=False)
    assert not holds(everything, words | private | hidden | ours | {"canary", "171", "840"})
    assert everything.count("knows the") == 7, "each text is there"


def evaluation_set(harness: CompanyHarness) -> list[dict[str, Any]]:
    """The evaluation cases that are made of people's decisions."""
    since = harness.now - timedelta(days=60)
    with harness.database.reading() as conn:
        given = conn, harness.company, since, harness.now + timedelta(days=1)
        return [one.content for one in export(*given, Random(7), Exported())]


def with_news(harness: CompanyHarness, word: str, *steps: str) -> None:
    """Another mail, which is noticed as soon as it comes: before the case has been prepared, and
    after that."""
    said = text("mail").replace(SAID_BY["mail"], word)
    harness.outside.inbox.receive({"from": ADDRESS, "text": said})
    with harness.database.writing() as conn:
        work.hurry(conn, harness.realm, steps[0], harness.now)
    harness.run(*steps)


def with_troubles(harness: CompanyHarness) -> None:
    """Triage, with every service failing once in its own way, until every text is read."""
    harness.fault("quickbooks", "query", "status", 1, 500)
    harness.fault("zendesk", "search", "html")
    harness.fault("imap", "IMAP SEARCH", "status")
    for kind in ("garbage", "wrong_enum", "refusal"):
        harness.outside.model.enqueue(kind)
    harness.outside.model.enqueue("captured", {"stance": SAID_BY["mail"], "lines": [1]})
    harness.sweep()
    for _ in range(6):
        harness.time.later(hours=2)
        harness.run("sweep", "triage")
    harness.fault("hubspot", "POST", "garbage")
    harness.refresh()
    harness.fault("mail", "SMTP RCPT", "status", 1, 451)
    assert harness.rules() == set()
