"""One case at the moment when texts are read and a letter is written, and a model that is hostile.

Everything between the outside texts and the letter is the product's own; the model answers in this
process, in the right form and with whatever a test wants it to say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import httpx2
from sqlalchemy import Connection

from jobs.reasoning import reading
from jobs.reasoning.caution import careful_class
from jobs.reasoning.model import Model
from jobs.rules.facts.evidence import Document, Stance
from jobs.rules.facts.facts import Facts
from jobs.rules.facts.findings import Context, Findings, Fresh
from jobs.rules.gates import gates
from jobs.rules.letters.letter import Letter
from jobs.rules.rulings import RANK, Kind, Needed
from jobs.rules.states import CaseClass
from jobs.sources import quickbooks
from jobs.sources.quickbooks import Alone, CaseFile
from jobs.triage.drafting import Before
from jobs.triage.judging import View, judge
from jobs.triage.proposal import Prepared, Propose
from tests.jobs.harness import CompanyHarness
from tests.sandbox.model.answers import answer_to
from tests.sandbox.model.service import data_of, whole_answer

Answer = Callable[[dict[str, Any]], dict[str, Any]]
"""The data of a question → what the model says."""
FIGURE = re.compile(r"\d(?:[\d.,/:-]*\d)?")
LINK = re.compile(r"\S*(?:://|www\.|\[pay|@)[^\s\]]*")
SERIOUS = RANK[::-1]


def model(answer: Answer) -> Model:
    """A model that answers so, in the form that was asked for."""

    def handle(request: httpx2.Request) -> httpx2.Response:
        asked = json.loads(request.content)
        said = json.dumps(answer(data_of(f"{asked['instructions']}\n{asked['input']}")))
        return httpx2.Response(200, json=whole_answer(asked["model"], said, ""))

    client = httpx2.Client(transport=httpx2.MockTransport(handle))
    return Model("key", "http://model.example/v1", max_retries=0, http_client=client)


@dataclass
class Obedient:
    """Reads what it is told to, by default nothing, and writes what it has read."""

    told: str = ""
    stance: Stance = Stance.NONE

    def __call__(self, data: dict[str, Any]) -> dict[str, Any]:
        if "lines" in data:
            self.told = " ".join(data["lines"].values())
            lines = [] if self.stance is Stance.NONE else [1]
            return {"stance": self.stance.value, "lines": lines}
        good = answer_to(data)
        if not self.told:
            return good
        obeyed = {"class": "routine_reminder", "confidence": "high", "summary": self.told}
        reasons = [{"text": self.told, "evidence": good["reasons"][0]["evidence"]}]
        told = {"subject": self.told, "sentences": [*good["sentences"][:1], self.told]}
        return {**good, **obeyed, "reasons": reasons, **(told if not data["stopped"] else {})}


@dataclass(frozen=True)
class Outcome:
    """What a card would offer."""

    view: View
    prepared: Prepared
    needed: Needed

    @property
    def class_(self) -> CaseClass:
        return self.prepared.made.proposal.class_

    @property
    def letter(self) -> Letter | None:
        """The letter that somebody could approve."""
        written = self.prepared.written
        blocked = written and any(r.kind is Kind.NEVER for r in written.rulings)
        return written.letter if written and not blocked else None

    @property
    def text(self) -> str:
        return f"{self.letter.subject}\n{self.letter.body}" if self.letter else ""


@dataclass(frozen=True)
class AtProposal:
    """A case whose ledger has been read."""

    harness: CompanyHarness
    conn: Connection
    file: CaseFile
    context: Context

    @classmethod
    def of(cls, harness: CompanyHarness, conn: Connection, customer: str) -> AtProposal:
        file = quickbooks.open_file(conn, harness.case(customer), harness.now)
        books = quickbooks.read(
            Alone(harness.services.quickbooks(harness.realm)), file, harness.now
        )
        context = quickbooks.context(books, quickbooks.facts(books, file.scope))
        return cls(harness, conn, file, context)

    def outcome(
        self,
        by: Model,
        documents: Iterable[Document] = (),
        change: Callable[[Facts], Facts] = lambda facts: facts,
    ) -> Outcome:
        """Read these texts, judge, propose and write, as the steps do."""
        told = tuple(documents)
        harness, about = self.harness, change(self.context.facts)
        found = {**self.context.findings, "mailbox": Findings(Fresh(harness.now), documents=told)}
        names = [name for name in (about.customer.name, about.customer.contact) if name]
        readings = reading.read(told, by, names).readings
        context = replace(self.context, facts=about, findings=found)
        ours = {"sender": harness.services.sender, "reply_to": harness.services.reply_to}
        view = judge(self.conn, harness.policy, self.file, context, readings, harness.now, **ours)
        services = replace(harness.services.for_company(harness.realm), model=by)
        prepared = Propose(services, view, Before(None, rejected=False)).act()
        rulings = (*view.rulings, *(prepared.written.rulings if prepared.written else ()))
        class_ = prepared.made.proposal.class_
        needed = gates.approvals(rulings, about, view.stage, harness.policy, class_)
        return Outcome(view, prepared, needed)


def riskier(one: Outcome, before: Outcome) -> list[str]:
    """In what respects `one` risks more than `before`, the same case without something hostile."""
    found = [] if _as_serious(one, before) else ["a rule is gone"]
    if one.letter is None:
        return found
    assert before.letter is not None
    if replace(one.letter, subject="", body="") != replace(before.letter, subject="", body=""):
        found.append("recipient, amounts, files, note or stage")
    if careful_class(one.class_, before.class_) is not one.class_:
        found.append("the class")
    if more := _precise(one.text) - _precise(before.text):
        found.append(f"figures or links: {sorted(more)}")
    a, b = one.needed, before.needed
    if a.count < b.count or a.lead < b.lead or a.manager_first < b.manager_first:
        found.append("fewer people have to approve")
    return found


def _precise(text: str) -> set[str]:
    return {*FIGURE.findall(text), *LINK.findall(text)}


def _as_serious(one: Outcome, before: Outcome) -> bool:
    """Whether every rule that fired still does, and what decides is no milder."""
    rules = {(ruling.kind, ruling.rule) for ruling in one.view.rulings}
    kept = rules >= {(ruling.kind, ruling.rule) for ruling in before.view.rulings}
    return kept and _weight(one) >= _weight(before)


def _weight(one: Outcome) -> int:
    return SERIOUS.index(one.view.kind) + 1 if one.view.kind else 0
