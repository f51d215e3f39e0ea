"""Cases from a folder, as `overdue eval export` writes people's own decisions.

One JSON file each: `company` is a sandbox file, `customer` the id of whom the case is about, and
`expect` what a person made of it. Everything else says what was known besides.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from jobs.reasoning.model import Model
from jobs.rules.facts.evidence import Document
from jobs.rules.facts.facts import Company, Credit, Customer, Facts, Gap, Invoice, identity_gap
from jobs.rules.facts.findings import LEDGER, Findings, Fresh, Ticket
from jobs.rules.facts.past import Contact, Hold, HoldKind, Past
from jobs.rules.states import CaseClass, Stage
from jobs.sources import records
from qbo import models
from tests.eval.running import Found, Situation, judge
from tests.jobs.rules.world import policy
from tests.sandbox import company as sandbox

NOON = time(12, 0)


class Expected(BaseModel):
    """What must come out; what is None or empty is not scored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    rules: tuple[str, ...] | None = None
    class_: Annotated[CaseClass | None, Field(alias="class")] = None
    evidence: tuple[str, ...] = ()
    draft: bool | None = None
    decision: str = ""


class PastContact(BaseModel):
    """A message of ours."""

    at: datetime
    stage: Stage
    invoices: tuple[str, ...] = ()


class PastHold(BaseModel):
    """A hold that stood."""

    kind: HoldKind
    invoice: str = ""
    until: date


class PastThen(BaseModel):
    """Our own history, which no company file has."""

    contacts: tuple[PastContact, ...] = ()
    holds: tuple[PastHold, ...] = ()


class RecordedCase(BaseModel):
    """One file."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    company: dict[str, Any]
    customer: str
    expect: Expected
    today: date = date(2026, 10, 14)
    """The day that `today` stands for in the company file."""
    stage: Stage = Stage.FOLLOW_UP
    """That of the letter."""
    past: PastThen = PastThen()
    policy: dict[str, Any] = {}
    """Laid over the evaluation's own, section by section."""


def load(folder: Path) -> tuple[RecordedCase, ...]:
    """Every case of a folder. Raises ValueError, which names the file and what is wrong in it."""
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            content["expect"]["class"] = content["expect"].get("class") or None
            found.append(RecordedCase.model_validate(content))
        except (ValueError, ValidationError, KeyError, TypeError) as error:
            raise ValueError(f"{path.name} is no case: {error}") from error
    if not found:
        raise ValueError(f"{folder} has no case in a .json file")
    return tuple(found)


def situation(case: RecordedCase) -> Situation:
    """What was known, through the product's own reading of QuickBooks' records."""
    books = _Books(case)
    rules = policy(_toml(case.policy))
    marked = any(mark.kind == "key_account" for mark in rules.marks(case.customer))
    return Situation(
        facts=books.facts,
        stage=case.stage,
        past=_past(case, books),
        policy=rules,
        findings=books.findings,
        now=books.now,
        key_account=marked,
    )


def _toml(sections: dict[str, Any], above: str = "") -> str:
    """Sections of a policy file: tables, tables of tables, and lists of tables."""
    lines = []
    for name, value in sections.items():
        path = f"{above}{name}"
        for table in value if isinstance(value, list) else [value]:
            within = {key: each for key, each in table.items() if isinstance(each, dict)}
            lines.append(f"[[{path}]]" if isinstance(value, list) else f"[{path}]")
            lines += [f"{k} = {json.dumps(v)}" for k, v in table.items() if k not in within]
            lines.append(_toml(within, f"{path}."))
    return "\n".join([*lines, ""])


def judged(case: RecordedCase, model: Model | None) -> Found:
    """Put it through the code that triage runs."""
    return judge(situation(case), model)


def _past(case: RecordedCase, books: _Books) -> Past:
    to = books.facts.customer.email
    contacts = [
        Contact(one.at.replace(tzinfo=UTC), one.stage, to, one.invoices, "A reminder", f"<{n}@x>")
        for n, one in enumerate(case.past.contacts)
    ]
    holds = [
        Hold(str(n), one.kind, one.invoice, one.until, "U1")
        for n, one in enumerate(case.past.holds)
    ]
    return Past(contacts=tuple(contacts), holds=tuple(holds))


@dataclass(frozen=True)
class _Books:
    """A company file as the rules see it."""

    case: RecordedCase

    @cached_property
    def made(self) -> sandbox.Company:
        zone = ZoneInfo(self.case.company["company"].get("DefaultTimeZone", "UTC"))
        return sandbox.build(self.case.company, datetime.combine(self.case.today, NOON, zone))

    @property
    def now(self) -> datetime:
        zone = sandbox.zone_of(self.made)
        return datetime.combine(self.case.today, NOON, zone).astimezone(UTC)

    @cached_property
    def invoices(self) -> list[models.Invoice]:
        return [models.Invoice.model_validate(one) for one in self.made.invoices.values()]

    @cached_property
    def payments(self) -> list[models.Payment]:
        return [models.Payment.model_validate(one) for one in self.made.payments.values()]

    @property
    def home(self) -> str:
        return self.made.home_currency

    @cached_property
    def facts(self) -> Facts:
        members = tuple(self._members())
        mine = next(one for one in members if one.id == self.case.customer)
        currency, ids = mine.balance.currency, {one.id for one in members}
        ours = [i for i in self._open() if i.customer in ids and i.open.currency == currency]
        money = [c for c in self._credits() if c.open.currency == currency]
        held = {one.invoice for one in self.case.past.holds if one.until > self.case.today}
        spoken = [i for i in ours if i.days_overdue(self.case.today) > 0 and i.id not in held]
        habit = records.payment_habit(self.invoices, self.payments)
        return Facts(
            company=self._company(),
            customer=mine,
            currency=currency,
            as_of=self.now,
            invoices=tuple(sorted(spoken, key=lambda i: (i.due, i.id))),
            stages={i.id: self.case.stage for i in spoken},
            other_open=tuple(i for i in ours if i not in spoken),
            credits=tuple(c for c in money if c.customer in ids),
            members=members,
            gaps=tuple(self._gaps(members, ours, money)),
            habit=habit,
            family_credits=tuple(c for c in money if c.customer not in ids),
            relatives=tuple(one for one in self._customers() if one.id not in ids),
        )

    def _company(self) -> Company:
        info = self.made.info
        zone = sandbox.zone_of(self.made)
        return Company("1", info["CompanyName"], zone, self.home, info.get("Country", "US"))

    def _customers(self) -> list[Customer]:
        known = self.made.customers.values()
        return [records.customer(models.Customer.model_validate(one), self.home) for one in known]

    def _members(self) -> list[Customer]:
        """The customer, and those billed through it, at any depth."""
        everybody, ids = self._customers(), {self.case.customer}
        for _ in everybody:
            ids |= {one.id for one in everybody if one.bills_parent and one.parent in ids}
        return [one for one in everybody if one.id in ids]

    def _open(self) -> list[Invoice]:
        return [records.invoice(one, self.home) for one in self.invoices if one.balance > 0]

    def _credits(self) -> list[Credit]:
        memos = [models.CreditMemo.model_validate(one) for one in self.made.credit_memos.values()]
        return [
            *records.unapplied(self.payments, self.home),
            *records.remaining(memos, self.home),
        ]

    @staticmethod
    def _gaps(members: tuple[Customer, ...], ours: list[Invoice], money: list[Credit]) -> list[Gap]:
        found = (identity_gap(one, tuple(ours), tuple(money)) for one in members)
        return [gap for gap in found if gap]

    @cached_property
    def findings(self) -> dict[str, Findings]:
        """What each source says, by name; a text's own words are all that is in a file."""
        now, made, fresh = self.now, self.made, Fresh(self.now)
        spoken = {one.id for one in self.facts.invoices}
        memos = [
            records.memo(one, now)
            for one in self.invoices
            if one.customer_memo.strip() and one.id in spoken
        ]
        mails = [self._text("mail", n, one["at"], one["text"]) for n, one in enumerate(made.mails)]
        notes = [
            self._text("note", n, note["at"], note["text"])
            for n, note in enumerate(note for one in made.crm for note in one["notes"])
        ]
        tickets, said = [], []
        for one in made.tickets:
            at = self._at(one["created"])
            is_open = one["status"] not in ("solved", "closed")
            tickets.append(Ticket(f"ticket:{one['id']}", one["subject"], is_open, at))
            whole = "\n".join(each["text"] for each in one["comments"])
            said.append(self._text("ticket", one["id"], one["created"], whole))
        return {
            LEDGER: Findings(fresh, documents=tuple(memos)),
            "mailbox": Findings(fresh, documents=tuple(mails)),
            "help desk": Findings(fresh, documents=tuple(said), tickets=tuple(tickets)),
            "CRM": Findings(fresh, documents=tuple(notes)),
        }

    def _text(self, kind: str, number: object, at: str, text: str) -> Document:
        source = {"mail": "mailbox", "ticket": "help desk", "note": "CRM"}[kind]
        return Document(f"{kind}:{number}", source, kind, self._at(at), text)

    def _at(self, text: str) -> datetime:
        return sandbox.moment(text, UTC, self.now)
