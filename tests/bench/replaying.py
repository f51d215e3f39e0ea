"""Past judgements made again. `python -m tests.bench.replaying CASES` does it in a process of its
own and prints what it took as JSON: the record is a file, and nothing else is needed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, event, insert

from jobs.reasoning import reading
from jobs.reasoning.proposing import Proposed, Question, taken
from jobs.reports.replay import CaseEffect, JudgedAgain, PastPolicies, Replay, each
from jobs.rules.basis import CaseBasis
from jobs.rules.case import Proposal, Reason
from jobs.rules.facts.evidence import Document
from jobs.rules.facts.facts import Facts
from jobs.rules.facts.findings import Context, Findings, Fresh
from jobs.rules.facts.past import Past
from jobs.rules.policy import policy as policies
from jobs.rules.policy.policy import Policy
from jobs.rules.rulings import RULINGS
from jobs.rules.states import CaseClass, Stage, State
from jobs.sources.quickbooks import CaseFile, Scope
from jobs.store import assessments, companies, drafts, texts
from jobs.store import cases as case_store
from jobs.store.database.engine import Database, connect
from jobs.store.database.tables import cases
from jobs.store.reports import replaying as store
from jobs.triage.drafting import Before
from jobs.triage.judging import ruled
from jobs.triage.proposal import prepare
from tests.bench import memory
from tests.bench.big_ledger import AN_HOUR
from tests.bench.measures import Figure
from tests.bot import views
from tests.bot.harness import REALM, add_company, record

CASES, SECONDS, MOST_STATEMENTS = 1_000, 10, 10
TOGETHER = 100
"""Cases that are written in one transaction, and read in one by the product."""
NOW = datetime(2026, 11, 6, 15, tzinfo=UTC)
THEN = '[message]\nsender_name = "Cora Lindqvist"\n'
STRICTER = THEN + "[limits.home]\nsecond_approver = 2000\n"
ASK = "Could you tell us when {invoices} will be paid, or what is missing?"
SAID = Proposal(
    CaseClass.ROUTINE_REMINDER,
    "medium",
    (Reason("Looks like an oversight.", ("habit",)),),
    "Payment is late, with no sign of a problem.",
    "When will {invoices} be paid?",
    (ASK, "Thank you for looking into it."),
    "model propose/3",
)
READ_BY = "model read_document/3"
LETTERS = (
    "Thank you for the reminder, we have passed it on to our accounts department. ",
    "We are still missing the purchase order number on this invoice. ",
    "Please send a copy of the delivery note, the goods have not reached us. ",
)


def replay() -> list[Figure]:
    """As they were, to the byte, and under a stricter policy."""
    command = [sys.executable, "-m", "tests.bench.replaying", str(CASES)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=AN_HOUR)
    took = json.loads(done.stdout)
    name, figures = f"replay of {CASES:,} cases without the model", []
    for which in ("as it was", "stricter"):
        said = f"{took[which]:.1f} s of CPU"
        figures.append(Figure(f"{name}, {which}", said, f"{SECONDS} s", took[which] < SECONDS))
    statements, most = took["statements"], MOST_STATEMENTS
    return [
        *figures,
        Figure("not equal to the byte", str(took["differing"]), "0", not took["differing"]),
        Figure("statements per 100 cases", f"{statements:.1f}", f"{most}", statements <= most),
        Figure("replay: peak memory", f"{took['megabytes']:.0f} MB", "no target", good=True),
    ]


def fill(database: Database, count: int) -> None:
    """So many cases, each judged from two letters of the customer, with a letter of ours."""
    add_company(database)
    policy = policies.load(THEN)
    for first in range(1, count + 1, TOGETHER):
        with database.writing() as conn:
            texts.note_policy(conn, THEN, NOW)
            for n in range(first, min(first + TOGETHER, count + 1)):
                _judge(conn, policy, n)


def _judge(conn: Connection, policy: Policy, n: int) -> None:
    """Judge case `n` with the functions of the product, and store what came of it."""
    context = Context(_facts(n), {"mailbox": Findings(Fresh(NOW), documents=_letters(n))})
    read = tuple(replace(r, reader=READ_BY) for r in reading.read(context.documents, None).readings)
    basis = CaseBasis(NOW, Past(), "billing@harbour.example", "billing@harbour.example")
    view = ruled(policy, _file(conn, n, context.facts), context, read, basis)

    def ask(question: Question) -> Proposed:
        return taken(SAID, question)

    made = prepare(policy, view, Before(None, rejected=False), ask)
    judgement = replace(
        view.judgement(policy),
        basis=replace(basis, answer=SAID),
        proposal=made.made.proposal,
        failure=made.proposed.reason,
    )
    id = assessments.put(conn, str(n), judgement, NOW)
    if made.written:
        rulings = RULINGS.dump_python(made.written.rulings, mode="json")
        columns = made.written.columns | {"rulings": rulings, "assessment": id}
        drafts.write_draft(conn, str(n), made.written.letter, NOW, **columns)


def _file(conn: Connection, n: int, facts: Facts) -> CaseFile:
    row = {
        "id": str(n),
        "company": REALM,
        "customer": f"c{n}",
        "currency": "USD",
        "state": State.WAITING,
        "stage": 2,
        "shadow": False,
        "trigger": "sweep",
        "opened_at": NOW,
    }
    conn.execute(insert(cases).values(**row))
    company, nobody = companies.need(conn, REALM), frozenset[str]()
    scope = Scope(facts.company, f"c{n}", "USD", nobody, {})
    return CaseFile(case_store.get(conn, str(n)), company, nobody, nobody, scope)


def _facts(n: int) -> Facts:
    bills = tuple(views.invoice(f"{n}{k}", amount=str(500 + n % 7 * 100 + k)) for k in range(3))
    facts = views.facts(bills)
    customer = replace(facts.customer, id=f"c{n}", balance=views.usd(sum(_open(facts), Decimal(0))))
    own = replace(customer, email=f"pat@customer{n}.example", contact="Pat Doyle")
    stages = {bill.id: Stage.FOLLOW_UP for bill in bills}
    return replace(facts, customer=own, stages=stages, company=replace(facts.company, id=REALM))


def _open(facts: Facts) -> list[Decimal]:
    return [bill.open.amount for bill in facts.invoices]


def _letters(n: int) -> tuple[Document, ...]:
    said = (LETTERS[(n + k) % len(LETTERS)] * 8 + f"Kind regards, Pat {n}" for k in range(2))
    return tuple(
        Document(f"mail:{n}-{k}", "mailbox", "mail", NOW - timedelta(days=3 + k), text)
        for k, text in enumerate(said)
    )


def main(count: int) -> None:
    """Fill a record, judge its cases again twice, print what that took."""
    with record() as url, closing(connect(url)) as database:
        fill(database, count)
        with database.reading() as conn:
            ids, _ = store.last_of_each(conn, NOW, NOW + timedelta(days=1))
        assert len(ids) == count, len(ids)
        asked: list[int] = []
        event.listen(database.engine, "before_cursor_execute", lambda *_: asked.append(1))
        stricter = policies.load(STRICTER)
        took: dict[str, Any] = {}
        took["as it was"], found = _timed(database, ids, Replay(PastPolicies(database)))
        took["statements"] = len(asked) / count * 100
        took["differing"] = found["different"]
        took["stricter"], found = _timed(database, ids, Replay(lambda _: stricter))
        assert found[CaseEffect.MORE_PEOPLE] > count / 2, found
    print(json.dumps(took | {"megabytes": memory.peak()}))


def _timed(database: Database, ids: Sequence[str], replay: Replay) -> tuple[float, Counter[str]]:
    """The seconds of CPU for judging every case again, and how many of each effect there were."""
    began, found = time.process_time(), Counter[str]()
    for _, one in each(database, ids, replay, lambda _: None):
        assert isinstance(one, JudgedAgain)
        found.update(one.effects)
        found["different"] += bool(one.differing or one.altered)
    return time.process_time() - began, found


if __name__ == "__main__":
    main(int(sys.argv[1]))
