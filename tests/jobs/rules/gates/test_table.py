"""The table of the product, row by row: each rule has its name, fires, and hides no other."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import combinations
from pathlib import Path

import pytest

from jobs.rules.facts.evidence import BY_PHRASES, Document, Reading, Stance, Unreadable
from jobs.rules.facts.facts import Credit, Customer, Facts, Gap
from jobs.rules.facts.findings import Down, Findings, Fresh, Ticket
from jobs.rules.facts.past import AddressContact, BrokenPromise, Hold, HoldKind, Past
from jobs.rules.gates import about_texts, gates, marks
from jobs.rules.gates.gates import judge
from jobs.rules.policy.sections import Mark
from jobs.rules.rulings import RANK, Kind, Ruling, strictest
from jobs.rules.states import Stage
from jobs.rules.verification.violations import violation
from tests.jobs.rules.world import NOW, credit, facts, invoice, policy, usd

FAMILY = {"family_credits": (replace(credit("845.00"), customer="59"),)}
PARENT = Customer("59", "Cooper Holding", "", usd(0))


@dataclass(frozen=True)
class Situation:
    """Everything that the rules look at; plain, it lets a reminder pass."""

    facts: Facts = field(default_factory=facts)
    past: Past = field(default_factory=Past)
    stances: tuple[Stance, ...] = ()
    findings: tuple[tuple[str, Findings], ...] = ()
    marked: tuple[str, ...] = ()
    stage: Stage = Stage.REMINDER
    broken: tuple[str, ...] = ()

    def rulings(self) -> tuple[Ruling, ...]:
        """What the rules say about it, and about a text with these violations."""
        lines = "".join(f"{mark} = true\n" for mark in self.marked)
        rules = policy(f'[[customer]]\nid = "58"\n{lines}' if lines else "")
        said = [Reading("memo:71037", stance, (1,), BY_PHRASES) for stance in self.stances]
        said += [Reading(id, Stance.NONE, (), BY_PHRASES) for id in ("mail:7", "mail:8")]
        found = judge(
            self.facts, self.stage, self.past, said, rules, NOW, findings=dict(self.findings)
        )
        text = about_texts.of_draft([violation(kind, "x") for kind in self.broken])
        return tuple(sorted((*found, *text), key=lambda r: RANK.index(r.kind)))


Cause = Callable[[Situation], Situation]


def reads(stance: Stance) -> Cause:
    return lambda s: replace(s, stances=(*s.stances, stance))


def has(name: str, found: Findings) -> Cause:
    return lambda s: replace(s, findings=(*s.findings, (name, found)))


def is_marked(mark: str) -> Cause:
    return lambda s: replace(s, marked=(*s.marked, mark))


def owes(**changes: object) -> Cause:
    return lambda s: replace(s, facts=replace(s.facts, **changes))  # type: ignore[arg-type]


def each_invoice(**changes: object) -> Cause:
    def change(s: Situation) -> Situation:
        changed = (replace(i, **changes) for i in s.facts.invoices)  # type: ignore[arg-type]
        return replace(s, facts=replace(s.facts, invoices=tuple(changed)))

    return change


def has_on_account(one: Credit) -> Cause:
    return lambda s: replace(s, facts=replace(s.facts, credits=(*s.facts.credits, one)))


def email(address: str) -> Cause:
    def change(s: Situation) -> Situation:
        changed = tuple(replace(i, email=address) for i in s.facts.invoices)
        who = replace(s.facts.customer, email=address)
        return replace(s, facts=replace(s.facts, invoices=changed, customer=who))

    return change


def before(**changes: object) -> Cause:
    return lambda s: replace(s, past=replace(s.past, **changes))  # type: ignore[arg-type]


def hold(kind: HoldKind, of: str = "71037") -> Cause:
    one = Hold("5", kind, of, NOW.date() + timedelta(days=3), "ULEAD1")
    return lambda s: replace(s, past=replace(s.past, holds=(*s.past.holds, one)))


def named(name: str) -> Cause:
    def change(s: Situation) -> Situation:
        return replace(s, facts=replace(s.facts, customer=replace(s.facts.customer, name=name)))

    return change


def sums(amount: str) -> Cause:
    more = invoice("2000", amount)
    return lambda s: replace(s, facts=replace(s.facts, invoices=(*s.facts.invoices, more)))


HOUR = timedelta(hours=1)
JUST_NOW = AddressContact(NOW - 48 * HOUR, "ap@cooper.example", "Cooper & Sons")
TICKET = Ticket("ticket:88", "Wrong invoice", True, NOW)
THEIRS = frozenset({"ap@cooper.example"})
STRANGE = Findings(Fresh(NOW), marks=(Mark(kind="vip", source="the CRM"),))
UNREAD = Findings(Fresh(NOW), documents=(Document("mail:7", "mailbox", "mail", NOW, "Hello."),))
ONLY_A_PICTURE = Findings(
    Fresh(NOW), documents=(replace(UNREAD.documents[0], id="mail:8", missing=Unreadable.TEXT),)
)
BROKEN = BrokenPromise(NOW.date(), usd(845), frozenset({"71037"}), NOW - HOUR)
DOUBTFUL = Findings(Fresh(NOW), doubtful="Two match.")
OVERDUE_DOWN = Findings(Down(NOW - 5 * HOUR, "It answered 503."))
SHORTLY_DOWN = Findings(Down(NOW - HOUR, "It answered 503."))
TABLE: dict[str, tuple[Kind, str, Cause]] = {
    # wait
    "contacted about billing less than 6 days ago": (
        Kind.WAIT, "too_soon", before(last_contact_to_address=JUST_NOW)),
    "contacted by anyone": (
        Kind.WAIT, "too_soon", has("mailbox", Findings(Fresh(NOW), we_wrote_at=NOW - HOUR))),
    "a promised date": (Kind.WAIT, "on_hold", hold(HoldKind.PROMISE)),
    "a plan": (Kind.WAIT, "on_hold", hold(HoldKind.PLAN)),
    "a hold or a snooze not yet over": (Kind.WAIT, "on_hold", hold(HoldKind.QUIET, "")),
    "a source down for less than 4 hours": (Kind.WAIT, "source_away", has("CRM", SHORTLY_DOWN)),
    # gate
    "key account": (Kind.GATE, "key_account", is_marked("key_account")),
    "above the second-approver limit": (Kind.GATE, "second_approver", sums("9500.00")),
    "stage 4": (Kind.GATE, "stage_four", lambda s: replace(s, stage=Stage.FINAL)),
    "stage 3": (Kind.GATE, "manager_first", lambda s: replace(s, stage=Stage.FIRM)),
    "wording the policy marks": (
        Kind.GATE, "marked_wording", lambda s: replace(s, broken=(*s.broken, "marked_wording"))),
    "another invoice of the customer is in dispute": (
        Kind.GATE, "dispute_elsewhere", hold(HoldKind.DISPUTE, "9")),
    "a person's text that still breaks a rule": (
        Kind.GATE, "text_breaks_a_rule", lambda s: replace(s, broken=(*s.broken, "marked"))),
    "hints of a dispute": (Kind.GATE, "likely_dispute", reads(Stance.UNCLEAR)),
    "asks for time": (Kind.GATE, "plan_request", reads(Stance.PLAN_REQUEST)),
    "an unhappy customer": (Kind.GATE, "unhappy_customer", reads(Stance.UNHAPPY)),
    "a question": (Kind.GATE, "open_question", reads(Stance.QUESTION)),
    "a promise nobody has confirmed": (Kind.GATE, "promise_mentioned", reads(Stance.PROMISE)),
    "a broken promise": (Kind.GATE, "broken_promise", before(broken=(BROKEN,))),
    "somebody else to write to": (Kind.GATE, "new_contact", reads(Stance.NEW_CONTACT)),
    "a doubtful match": (Kind.GATE, "doubtful_match", has("another CRM", DOUBTFUL)),
    "a record made for testing": (
        Kind.GATE, "looks_like_a_test",
        named("Test")),
    "a mark that nobody knows": (Kind.GATE, "unknown_mark", has("a CRM", STRANGE)),
    "no model has read it": (Kind.GATE, "unread_text", has("a mailbox", UNREAD)),
    "nothing in it can be read": (Kind.GATE, "unreadable_text", has("a help desk", ONLY_A_PICTURE)),
    "never e-mailed": (Kind.GATE, "never_emailed", each_invoice(emailed=False)),
    "a link in the ledger": (Kind.GATE, "ledger_text", each_invoice(number="evil.com/x")),
    # stop
    "a source down for over 4 hours": (Kind.STOP, "source_down", has("help desk", OVERDUE_DOWN)),
    "confirmed dispute": (Kind.STOP, "dispute", hold(HoldKind.DISPUTE)),
    "a mark of a dispute": (Kind.STOP, "dispute", is_marked("disputed")),
    "an open ticket about the bill": (
        Kind.STOP, "open_ticket", has("another desk", Findings(Fresh(NOW), tickets=(TICKET,)))),
    "a reply says paid": (Kind.STOP, "paid_claim", reads(Stance.PAID_CLAIM)),
    "a reply disputes": (Kind.STOP, "dispute", reads(Stance.DISPUTE)),
    "unapplied payments could cover it": (
        Kind.STOP, "possibly_paid", has_on_account(credit("900.00"))),
    "credits could cover it": (
        Kind.STOP, "covered_by_credits", has_on_account(credit("900.00", "credit_memo", "7"))),
    "those of its family": (
        Kind.STOP, "account_in_family", owes(**FAMILY, relatives=(PARENT,))),
    "above the stop limit": (Kind.STOP, "above_stop_limit", sums("30000.00")),
    "changed bank details mentioned": (
        Kind.STOP, "bank_details_mentioned", reads(Stance.BANK_CHANGE)),
    "the customer's balance does not add up": (
        Kind.STOP, "balance_does_not_add_up", owes(gaps=(Gap("58", usd(845), usd(800)),))),
    # never
    "no recipient": (Kind.NEVER, "no_recipient", email("")),
    "several and none chosen": (
        Kind.NEVER, "several_recipients", email("a@x.example, b@x.example")),
    "an address that is not the ledger's": (
        Kind.NEVER, "address_not_in_ledger", before(confirmed_address="x@else.example")),
    "changed since the last contact": (
        Kind.NEVER, "address_changed", before(known_addresses=frozenset({"old@cooper.example"}))),
    "bounced": (Kind.NEVER, "address_bounced", before(bounced=frozenset({"ap@cooper.example"}))),
    "left the company": (Kind.NEVER, "address_left", before(left=frozenset({"ap@cooper.example"}))),
    "a wrong contact": (Kind.NEVER, "wrong_contact", before(bounced=THEIRS, wrong=THEIRS)),
    "consumer": (Kind.NEVER, "consumer", is_marked("consumer")),
    "insolvency, hardship or legal wording": (
        Kind.NEVER, "hardship_wording", reads(Stance.HARDSHIP)),
    "do-not-chase": (Kind.NEVER, "do_not_chase", is_marked("do_not_chase")),
    "a text that nobody may send": (
        Kind.NEVER, "unsafe_text", lambda s: replace(s, broken=(*s.broken, "link"))),
}  # fmt: skip
ADDRESSES = ("no_recipient", "several_", "address_", "wrong_contact")
RECIPIENT = {row for row, (_, rule, _) in TABLE.items() if rule.startswith(ADDRESSES)}
"""Whom to write to is one question, with one answer."""
ELSEWHERE = {"too_many_invoices", "name_like_a_link", "one_person"}
"""Tested beside this: what no pair needs, and what is no rule but its absence."""
GATES = Path(gates.__file__).parent
NAMED = re.compile(r'Ruling\(\s*Kind\.\w+, "(\w+)"|_never\(\s*"(\w+)"|(?m:^[A-Z_]+ = "([a-z_]+)"$)')


@pytest.mark.parametrize("row", TABLE)
def test_each_row_has_a_rule(row: str) -> None:
    """By itself it fires, under its name and as what it is; without its cause nothing does."""
    assert Situation().rulings() == ()
    kind, rule, cause = TABLE[row]
    found = {r.rule: r.kind for r in cause(Situation()).rulings()}
    assert found[rule] is kind
    assert strictest(cause(Situation()).rulings()) is kind
    assert set(found) - {rule} <= {"second_approver"}, "only an amount has a second consequence"


def test_no_row_hides_another() -> None:
    """Of any two that come together both are told, and the stricter one decides."""
    for one, two in combinations(TABLE, 2):
        if {one, two} <= RECIPIENT or {one, two} == {"stage 3", "stage 4"}:
            continue
        (kind, rule, cause), (other_kind, other, other_cause) = TABLE[one], TABLE[two]
        found = other_cause(cause(Situation())).rulings()
        assert {rule, other} <= {r.rule for r in found}, (one, two)
        assert strictest(found) is min(kind, other_kind, key=RANK.index), (one, two)
        assert found[0].kind is strictest(found)


def test_no_rule_is_missing_here() -> None:
    """Whoever adds a rule adds its row."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in GATES.glob("[!m]*.py"))
    found = {name for names in NAMED.findall(text) for name in names if name}
    found |= {rule for _, rule, _, _ in about_texts.STANCES.values()}
    found |= {rule for _, rule, _ in marks.RULES.values()}
    assert len(found) > 40, "or the pattern does not fit the code any more"
    assert found - {rule for _, rule, _ in TABLE.values()} == ELSEWHERE & found
