"""The whole life of cases against a small model of it: `python -m tests.faults.machine`.

Hypothesis chooses what happens next: money, notifications, letters, people with their clicks (also
on cards of long ago), time, answers of the mail server, power cuts, and a second worker that comes
while the first one hangs. The model knows what people were told and says which mails may go out.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import structlog
from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection, select

from jobs.decide import approve, edit, hold, look, reject, sent
from jobs.decide.access import Answer, Click, Reply
from jobs.decide.edit import Text
from jobs.decide.hold import Holding, Snooze
from jobs.decide.look import SetAside
from jobs.decide.reject import Rejection
from jobs.decide.sent import Mistake
from jobs.decide.switches import Switch
from jobs.rules.facts.evidence import Document
from jobs.rules.facts.past import HoldKind
from jobs.rules.rulings import stops_seen
from jobs.rules.states import RejectReason, State
from jobs.store import assessments, cases, companies, sends
from jobs.store import drafts as draft_store
from jobs.store.database.tables import cases as cases_table
from jobs.store.database.tables import drafts as drafts_table
from jobs.store.database.tables import sends as sends_table
from tests.faults.small_world import PLAYED, REALM, SmallWorld, small_world

TEAM = ("UCOLLECT", "ULEAD1", "ULEAD2")
USERS = (*TEAM, *TEAM, "UMANAGER", "UGUEST", "USTRANGER")
UNDO = timedelta(seconds=60)
INVOICES = ("71", "72", "73", "74", "75", "76", "77")
CUSTOMERS = ("1", "2", "3", "4", "5", "6")
WROTE = {
    "dispute": "We dispute invoice 171, the goods never arrived.",
    "promise": "We will pay next Friday.",
    "paid": "We have already paid this invoice last week.",
    "thanks": "Thank you, received.",
}
MOSTLY = st.sampled_from([True, True, True, False])
MOST_MOMENTS = 30
"""A run of all steps passes fewer moments than this."""


@dataclass
class Model:
    """What people were told, and so what may happen."""

    approved: dict[str, dict[str, datetime]] = field(default_factory=lambda: defaultdict(dict))
    """Draft → who has approved it, and when."""
    ended: set[str] = field(default_factory=set)
    """Drafts whose approval was taken back or replaced."""
    not_gone: Counter[str] = field(default_factory=Counter)
    """Case → how often a person said that its mail did not go."""
    disputed: dict[str, Any] = field(default_factory=dict)
    """Invoice → until when a person keeps it on hold."""
    seen: int = 0
    """How many of the accepted mails were looked at."""


class Life(RuleBasedStateMachine):
    """One company; every rule is something that can happen next."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.world: SmallWorld = self.stack.enter_context(small_world())
        self.model, self.cards = Model(), list[Click]()
        self.bodies = list[bytes]()
        self.letters = 0

    @initialize()
    def begins(self) -> None:
        """Cards wait."""
        self._remember_cards()

    # Time and the machines

    @rule(minutes=st.sampled_from([0.5, 1, 1, 1, 10, 45, 240, 1500, 4400, 9000]))
    def time_passes(self, minutes: float) -> None:
        """And nobody works meanwhile."""
        self.world.time.later(minutes=minutes)

    @rule(names=st.sampled_from([PLAYED, PLAYED, ("send",), ("triage",), ("detect", "triage")]))
    def work(self, names: tuple[str, ...]) -> None:
        """A job runs, until nothing is due."""
        self.world.run(*names)

    @rule()
    def minute_and_work(self) -> None:
        """The undo window passes, and what is approved goes out."""
        self.world.time.later(seconds=61)
        self.world.run()

    @rule(days=st.sampled_from([7, 12, 25]))
    def weeks_pass(self, days: int) -> None:
        """What is still open reaches its next stage."""
        self.world.time.later(days=days)
        self.world.sweep()

    @rule()
    def a_sweep(self) -> None:
        """The ledger is read whole."""
        self.world.sweep()

    @rule(
        after=st.sampled_from(["", "before the mail", "after the mail", "after the note"]),
        more=st.sampled_from([0, 0, 0, 0, 1, 1, 2, 2, 3, 4, 5, 7, 9, 12, 16, 20, MOST_MOMENTS]),
        approves=MOSTLY,
    )
    def power_cut(self, after: str, more: int, approves: bool) -> None:
        """Somewhere in a job, then the leases run out."""
        self._all_is_approved(approves)
        self.world.time.later(seconds=61)
        self.world.crash(after, more, *PLAYED)

    @rule(late=st.sampled_from([31, 90, 3000]), twice=st.booleans(), approves=MOSTLY)
    def a_sender_hangs(self, late: float, twice: bool, approves: bool) -> None:
        """After its intent, for longer than its lease; another worker comes by, perhaps again."""

        def hang() -> None:
            self.world.time.later(seconds=late)
            for _ in range(1 + twice):
                self.world.run("send", "write_back")

        self.world.sink.meanwhile = hang
        self._all_is_approved(approves)
        self.minute_and_work()

    @rule(answer=st.sampled_from(["later", "never", "lost", "lost and gone"]), approves=MOSTLY)
    def the_mail_server_will_answer(self, answer: str, approves: bool) -> None:
        """Something else than yes, to the next mail."""
        self.world.sink.answers.append(answer)
        self._all_is_approved(approves)
        self.minute_and_work()

    # The ledger

    @rule(
        invoice=st.sampled_from(INVOICES),
        how=st.sampled_from(["a part", "all", "a credit", "void", "due later", "due earlier"]),
        approves=MOSTLY,
        goes=MOSTLY,
    )
    def the_ledger_changes(self, invoice: str, how: str, approves: bool, goes: bool) -> None:
        """Money arrives or a record is changed, perhaps just after the approval."""
        self._all_is_approved(approves)
        books, found = self.world.books, self.world.books.tables["Invoice"][invoice]
        balance, days = found["Balance"], 10 if how == "due later" else -40
        if how in ("a part", "all") and balance > 0:
            amount = (balance / (2 if how == "a part" else 1)).quantize(Decimal("0.01"))
            changed = books.pay(invoice, amount)
        elif how == "void":
            changed = books.void(invoice)
        elif how.startswith("due"):
            day = (self.world.time.now + timedelta(days=days)).date().isoformat()
            changed = books.edit("Invoice", invoice, {"DueDate": day})
        else:
            changed = books.credit(found["CustomerRef"]["value"], Decimal(50))
        self.bodies.append(self.world.deliver(changed))
        if goes:  # before anybody is told
            self.minute_and_work()

    @precondition(lambda self: self.bodies)
    @rule(data=st.data(), times=st.integers(1, 2), works=st.booleans())
    def a_notification_arrives(self, data: st.DataObject, times: int, works: bool) -> None:
        """One of them, late or early, once or twice."""
        body = data.draw(st.sampled_from(self.bodies))
        for _ in range(times):
            self.world.arrive(body)
        if works:
            self.world.run("detect", "triage")

    @rule(customer=st.sampled_from(CUSTOMERS), what=st.sampled_from(sorted(WROTE)))
    def a_customer_writes(self, customer: str, what: str) -> None:
        """Its cases are woken, as new mail wakes them."""
        self.letters += 1
        now, address = self.world.time.now, f"billing@customer{customer}.example"
        id = f"mail:<{self.letters}@customer.example>"
        letter = Document(
            id, "mailbox", "mail", now, WROTE[what], sender=address, author="customer"
        )
        self.world.letters.said.setdefault(customer, []).append(letter)
        self.world.change(lambda conn: cases.look_again(conn, REALM, [customer], now))

    # People

    @rule(user=st.sampled_from(USERS), back=st.integers(0, 3), times=st.integers(1, 2))
    def somebody_approves(self, user: str, back: int, times: int) -> None:
        """Perhaps on a card of long ago, perhaps twice."""
        for _ in range(times):
            self._approve(self._click(user, back))

    @rule(goes=st.booleans())
    def two_people_approve_all(self, goes: bool) -> None:
        """Everything that waits, and perhaps the window passes."""
        self._all_is_approved(True)
        if goes:
            self.minute_and_work()

    def _all_is_approved(self, really: bool) -> None:
        for user in TEAM if really else ():
            for card in self._present():
                self._approve(Click(user, card.case, card.draft, card.draft_hash))

    def _approve(self, click: Click) -> None:
        if self._press(approve.approve, click) in (Answer.RECORDED, Answer.SECOND_NEEDED):
            assert click.user in TEAM, f"{click.user} approved"
            self.model.approved[click.draft][click.user] = self.world.time.now

    @rule(user=st.sampled_from(USERS), back=st.integers(0, 2))
    def somebody_undoes(self, user: str, back: int) -> None:
        """In the window or too late."""
        click = self._click(user, back)
        if self._press(approve.undo, click) is Answer.RECORDED:
            self.model.ended.add(click.draft)

    @rule(
        user=st.sampled_from(USERS),
        back=st.integers(0, 1),
        what=st.sampled_from(["edit", "wrong edit", "reject", "hold", "snooze"]),
        data=st.data(),
    )
    def somebody_decides(self, user: str, back: int, what: str, data: st.DataObject) -> None:
        """Something else than to approve; afterwards no approval of that draft counts."""
        click, until = self._click(user, back), self._today() + timedelta(days=14)
        named, disputed = self._named(click), False
        if what == "reject":
            why = data.draw(st.sampled_from(RejectReason))
            disputed = why is RejectReason.DISPUTED
            rejection = Rejection(why, "so", named if disputed else ())
            said = self._press(reject.reject, click, rejection)
        elif what == "hold":
            kind, whole = data.draw(st.sampled_from(HoldKind)), data.draw(st.booleans())
            disputed = kind is HoldKind.DISPUTE and not whole
            holding = Holding(kind, until, "so", () if whole else named)
            said = self._press(hold.hold, click, holding)
        elif what == "snooze":
            said = self._press(hold.snooze, click, Snooze(until, "so"))
        else:
            said = self._press(edit.edit, click, self._edited(click, what == "wrong edit"))
        if said is Answer.RECORDED:
            self.model.ended.add(click.draft)
            self.model.disputed |= dict.fromkeys(named if disputed else (), until)

    def _edited(self, click: Click, wrong: bool) -> Text:
        """A sentence more, or an amount that nobody owes."""
        letter = self.world.see(lambda conn: draft_store.draft(conn, click.draft)).letter
        more = "Please pay 99,999.00 now." if wrong else "Thank you for your time."
        end = "\n\nThank you and"
        return Text(letter.subject, letter.body.replace(end, f"\n\n{more}{end}", 1))

    @rule(
        user=st.sampled_from(USERS),
        back=st.integers(0, 1),
        act=st.sampled_from(
            [look.fine, look.look_again, hold.take_over, hold.lift, look.draft_anyway]
        ),
    )
    def another_button(self, user: str, back: int, act: Callable[..., Reply]) -> None:
        """It sends nothing, and voids what it has to."""
        click = self._click(user, back)

        def seen(conn: Connection) -> SetAside:
            case = cases.get(conn, click.case)
            return SetAside(stops_seen(assessments.present(conn, case).rulings), "I called them.")

        typed = [self.world.see(seen)] if act is look.draft_anyway else []
        if self._press(act, click, *typed) is Answer.RECORDED and act is hold.lift:
            self.model.disputed.clear()

    @rule(user=st.sampled_from(USERS), back=st.integers(0, 1), gone=st.booleans())
    def was_it_sent(self, user: str, back: int, gone: bool) -> None:
        """Whoever looks into the mailbox tells the truth, or is mistaken; the model knows which."""
        click = self._click(user, back)
        act = sent.went if gone else sent.did_not_go
        if self._press(act, click) is Answer.RECORDED and not gone:
            self.model.not_gone[click.case] += 1

    @rule(user=st.sampled_from(USERS), back=st.integers(0, 2), wrong=st.booleans())
    def afterwards(self, user: str, back: int, wrong: bool) -> None:
        """The note is taken back, or the message was wrong."""
        click = self._click(user, back)
        if not wrong:
            self._press(sent.take_back, click)
            return
        named, until = self._named(click), self._today() + timedelta(days=self._hold_days())
        mistake = Mistake(RejectReason.DISPUTED, "so", named)
        if self._press(sent.was_wrong, click, mistake) is Answer.RECORDED:
            self.model.disputed |= dict.fromkeys(named, until)

    @rule(user=st.sampled_from(USERS), switch=st.sampled_from([Switch.PAUSE, Switch.RESUME]))
    def the_company_is_switched(self, user: str, switch: Switch) -> None:
        """By a finance lead, and by nobody else."""

        def turn(conn: Connection) -> Any:
            company = companies.need(conn, REALM)
            return switch.turn(conn, self.world.policy, company, user, self.world.time.now)

        if self.world.decide(turn) is True:
            assert user in ("ULEAD1", "ULEAD2"), f"{user} switched the company"

    # What the rules above are made of

    def _press(self, act: Callable[..., Any], click: Click, *typed: Any) -> Any:
        policy, now = self.world.policy, self.world.time.now
        said = self.world.decide(lambda conn: act(conn, policy, click, *typed, now=now))
        self._remember_cards()
        return said.answer if isinstance(said, Reply) else said

    def _click(self, user: str, back: int) -> Click:
        """On a card as it stands now, or as it stood `back` drafts ago."""
        self._remember_cards()
        shown = self.cards[max(0, len(self.cards) - 1 - back)]
        return Click(user, shown.case, shown.draft, shown.draft_hash)

    def _present(self) -> list[Click]:
        def read(conn: Connection) -> Sequence[Any]:
            shown = select(cases_table.c.id, drafts_table.c.id, drafts_table.c.sha256)
            both = drafts_table.c.id == cases_table.c.draft
            return conn.execute(shown.join(drafts_table, both).order_by(drafts_table.c.id)).all()

        return [Click("", *row) for row in self.world.see(read)]

    def _remember_cards(self) -> None:
        self.cards += [card for card in self._present() if card not in self.cards]

    def _named(self, click: Click) -> tuple[str, ...]:
        letter = self.world.see(lambda conn: draft_store.draft(conn, click.draft)).letter
        return tuple(invoice.id for invoice in letter.invoices[:1])

    def _today(self) -> Any:
        return self.world.see(lambda conn: companies.need(conn, REALM)).today(self.world.time.now)

    def _hold_days(self) -> int:
        return self.world.policy.hold_days

    # What must hold

    @invariant()
    def only_what_the_model_allows_has_gone(self) -> None:
        """Each mail was approved, by enough time ago, and by nobody undone; one for each case."""
        new, self.model.seen = self.world.handed[self.model.seen :], len(self.world.handed)
        for mail in new:
            case, draft, begun = self.world.see(partial(_sent, mail.message_id))
            given = self.model.approved[draft.id]
            assert given, f"case {case}: nobody approved draft {draft.id}"
            assert draft.id not in self.model.ended, f"case {case}: its approval had been ended"
            assert mail.at >= max(given.values()) + UNDO, f"case {case}: before its undo window"
            assert len(given) > 1 or "73" not in {i.id for i in draft.letter.invoices}, case
            assert not mail.paused or begun < mail.at, f"case {case}: while sending was paused"
            for invoice in draft.letter.invoices:
                until = self.model.disputed.get(invoice.id)
                assert until is None or until < begun.date(), f"case {case}: {invoice.id} disputed"
            accepted = self.world.see(partial(_accepted, self.world, case))
            assert accepted <= 1 + self.model.not_gone[case], f"case {case}: {accepted} mails"
        if new:
            self._nothing_is_violated()

    def _nothing_is_violated(self) -> None:
        found = self.world.violations()
        if any(self.model.not_gone.values()):  # a person was mistaken: two mails are theirs
            found = [one for one in found if not one.startswith("I1")]
        assert not found, found

    def teardown(self) -> None:
        """In the end nothing approved is silent: a few days pass, and everybody works."""
        try:
            self._rest()
            self._nothing_is_violated()
        finally:
            self.stack.close()

    def _rest(self) -> None:
        for hours in (0, 1, 1, 1, 6, 24, 24):
            self.world.time.later(hours=hours)
            self.world.run()
        self.only_what_the_model_allows_has_gone()
        rows = self.world.see(lambda conn: conn.execute(select(cases_table)).all())
        paused = self.world.see(lambda conn: companies.need(conn, REALM).paused_at)
        for row in rows:
            silent = row.state in (State.APPROVED, State.SENDING, State.SENT)
            assert not silent, f"case {row.id} is {row.state} after days (paused: {paused})"


def _sent(message_id: str, conn: Connection) -> tuple[str, Any, datetime]:
    """The case and the draft of a mail, and when its attempt began."""
    mine = sends_table.c.message_id == message_id
    row = conn.execute(select(sends_table).where(mine).order_by(sends_table.c.id.desc())).first()
    assert row is not None, f"{message_id} is not on record"
    return row.case_id, draft_store.draft(conn, row.draft), row.began_at


def _accepted(world: SmallWorld, case: str, conn: Connection) -> int:
    """How many mails of a case the server has."""
    ids = {row.message_id for row in sends.of_case(conn, case)}
    return sum(mail.message_id in ids for mail in world.handed)


def live(examples: int, steps: int, seed: int, *, shrinks: bool = False) -> None:
    """So many lives of so many steps each. Raises AssertionError after the steps that led there;
    if it `shrinks`, after the fewest, which takes minutes."""
    quiet = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=quiet)
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=[Phase.generate, *([Phase.shrink] if shrinks else [])],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seeded(seed)(Life), settings=chosen)


def main(words: Sequence[str] = sys.argv[1:]) -> None:
    """Many lives, seed by seed; `--seed` goes on from there."""
    asked = argparse.ArgumentParser(prog="python -m tests.faults.machine")
    asked.add_argument("--lives", type=int, default=5000)
    asked.add_argument("--steps", type=int, default=100)
    asked.add_argument("--seed", type=int, default=0, help="the first seed")
    asked.add_argument("--each", type=int, default=50, help="lives with one seed")
    asked.add_argument("--shrink", action="store_true", help="find the fewest steps of a failure")
    given = asked.parse_args(words)
    for number in range(-(-given.lives // given.each)):
        seed = given.seed + number
        live(given.each, given.steps, seed, shrinks=given.shrink)
        print(f"seed {seed}: {given.each} lives of up to {given.steps} steps", flush=True)


if __name__ == "__main__":
    main()
