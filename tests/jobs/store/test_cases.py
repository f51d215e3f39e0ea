"""Cases: every move guarded, one open case, crossings once, drafts that never change."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text, update

from jobs.rules.case import Decision
from jobs.rules.crossings import Crossing
from jobs.rules.letters.letter import from_json
from jobs.rules.rulings import RULINGS, Kind, Ruling
from jobs.rules.states import MOVES, OPEN, Stage, State
from jobs.store import cases, crossings, drafts, log, outbox, sends, work
from jobs.store.cases import Case, Missing, Move
from jobs.store.database.engine import Database
from jobs.store.database.tables import case_invoices, messages
from jobs.store.database.tables import cases as table
from jobs.store.database.tables import sends as sends_table
from tests.jobs.rules.world import usd
from tests.jobs.store.record import (
    NOW,
    REALM,
    case,
    company,
    draft,
    letter,
    opening,
    race,
    read,
    send,
)
from tests.real_processes import PATIENCE, until

LATER = NOW + timedelta(hours=1)
EVERY_MOVE = [(before, to) for before in State for to in State]


@pytest.fixture(autouse=True)
def a_company(database: Database) -> None:
    company(database)


def move(database: Database, moved: Case, to: State, **columns: Any) -> bool:
    with database.writing() as conn:
        return cases.move(conn, moved, Move(to, "test", "ULEAD1"), LATER, **columns)


def test_only_the_moves_of_a_cases_life_are_made(database: Database) -> None:
    """Every pair of states: an allowed one is made, any other raises and changes nothing."""
    for number, (before, to) in enumerate(EVERY_MOVE):
        moved = case(database, before, customer=str(number))
        if to in MOVES[before]:
            assert move(database, moved, to)
        else:
            with pytest.raises(ValueError, match="cannot become"):
                move(database, moved, to)
        assert read(database, moved.id).state == (to if to in MOVES[before] else before)


def test_a_closed_case_never_opens_again() -> None:
    """No way leads from a state that is closed to one that is open, but a rejection's undo."""
    ways = {(state, to) for state in set(State) - OPEN for to in MOVES[state] & OPEN}
    assert ways == {(State.REJECTED, State.WAITING)}


def test_a_move_raises_the_version_and_is_logged(database: Database) -> None:
    """One version more, the claim ended, the row due when asked, and a line of who did it."""
    waiting = case(database, State.WAITING, token="t", attempts=3, last_error="x")
    with database.writing() as conn:
        to = Move(State.APPROVED, "approve", "ULEAD1", LATER, {"draft": "9"})
        assert cases.move(conn, waiting, to, NOW, undo_until=LATER)
    now = read(database, waiting.id)
    assert (now.state, now.version, now.undo_until) == (State.APPROVED, 2, LATER)
    row = now.row
    assert (row.token, row.attempts, row.last_error, row.due_at) == (None, 0, "", LATER)
    with database.reading() as conn:
        fields = list(log.lines(conn, case=waiting.id))[-1].fields
    assert (fields["action"], fields["actor"]) == ("approve", "ULEAD1")
    assert fields["data"] == {"from": "waiting", "to": "approved", "version": 2, "draft": "9"}


def test_the_log_keeps_what_every_move_says(database: Database) -> None:
    """Nothing that belongs to one move overwrites where a case came from and went."""
    waiting = case(database, State.WAITING)
    to = Move(State.APPROVED, "approve", "ULEAD1", LATER, {"to": "a@x.example", "draft": "9"})
    with pytest.raises(ValueError, match="of every move itself: to"), database.writing() as conn:
        cases.move(conn, waiting, to, NOW)
    assert read(database, waiting.id).state is State.WAITING


def test_of_two_movers_one_wins(database: Database) -> None:
    """Both read version 1; the second finds it gone and nothing of it stays."""
    waiting = case(database, State.WAITING)
    goals = (State.APPROVED, State.REJECTED)
    won = race(8, lambda n: move(database, waiting, goals[n % 2]))
    assert won.count(True) == 1
    assert read(database, waiting.id).version == 2
    with database.reading() as conn:
        moves = [line for line in log.lines(conn) if line.fields["action"] == "test"]
    assert len(moves) == 1


def test_a_move_ends_the_claim_of_a_worker(database: Database) -> None:
    """Undo while a send is claimed: the worker cannot settle any more."""
    approved = case(database, State.APPROVED, due_at=NOW)
    with database.writing() as conn:
        (claim,) = work.claim(conn, table, NOW, 1)
    assert move(database, approved, State.WAITING)
    with database.writing() as conn:
        assert not work.settle(conn, claim, None)


def test_a_move_makes_the_card_due_first(database: Database) -> None:
    """Somebody waits for the card to change: it goes before cards that merely arrived."""
    ours, other = case(database, State.WAITING), case(database, State.WAITING, "59")
    with database.writing() as conn:
        for one in (other, ours):
            outbox.card(conn, REALM, "C1", one.id, Decimal(5), True, NOW)
        conn.execute(update(messages).values(due_at=None))
    assert move(database, ours, State.APPROVED)
    with database.writing() as conn:
        found = work.claim(conn, messages, LATER, 2)
    assert [claim.row.case_id for claim in found] == [ours.id]


def test_a_case_is_closed_once(database: Database) -> None:
    """`closed_at` is when it closed, not when its note was written or taken back."""
    sending = case(database, State.SENDING)
    assert move(database, sending, State.SENT)
    assert read(database, sending.id).row.closed_at == LATER
    for state in (State.DONE, State.DONE):
        with database.writing() as conn:
            sent = cases.get(conn, sending.id)
            assert cases.move(conn, sent, Move(state, "note", "x"), LATER + timedelta(days=1))
    assert read(database, sending.id).row.closed_at == LATER


def test_a_number_without_a_case_is_said_so(database: Database) -> None:
    """Whatever a person types is at most a case that does not exist."""
    case(database)
    for id in ("0", "99", "", "-1", "x", "²", "٣", "9" * 12, "9" * 5000, "1 or 1"):
        with database.reading() as conn, pytest.raises(Missing, match="no case"):
            cases.get(conn, id)


@pytest.mark.parametrize("record_url", ["postgresql"], indirect=True)
def test_a_case_that_moves_while_its_company_goes_live_is_rehearsed_no_more(
    database: Database,
) -> None:
    """Whoever takes it out of the rehearsal waits for that move, and starts from what it left."""
    moving = case(database, shadow=True)

    def go_live() -> bool:
        with database.writing() as conn:
            [found] = cases.rehearsed(conn, REALM, "0", 10)
            return cases.move(conn, found, Move(found.state, "live", "U1"), LATER, shadow=False)

    with ThreadPoolExecutor(1) as pool:
        with database.writing() as conn:
            assert cases.move(conn, moving, Move(State.WAITING, "proposed", "U2"), LATER)
            going = pool.submit(go_live)
            until(lambda: waits_for_a_lock(database))
        assert going.result(PATIENCE)
    left = read(database, moving.id)
    assert (left.state, left.shadow, left.version) == (State.WAITING, False, moving.version + 2)


def waits_for_a_lock(database: Database) -> bool:
    """Whether somebody in this PostgreSQL database does."""
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
    with database.reading() as conn:
        found = conn.execute(text(f"{waiting} AND wait_event_type = 'Lock'")).first()
    return found is not None


def test_what_a_case_holds_comes_back(database: Database) -> None:
    """Stops set aside, what letters leave out, and times are read as the rules want them."""
    rulings = (Ruling(Kind.WAIT, "gap", "Too soon.", ("a",), LATER, lead=True),)
    columns = {
        "allowed_anyway": RULINGS.dump_python(rulings, mode="json"),
        "lapses_at": LATER,
    }
    kept = case(database, State.WAITING, **columns)
    assert (kept.allowed_anyway, kept.lapses_at) == (rulings, LATER)


def test_a_customer_has_one_open_case_per_currency(database: Database) -> None:
    """Eight find the same crossing at once: one opens the case, all get that one."""

    def open_one(_number: int) -> str:
        with database.writing() as conn:
            return cases.open_all(conn, [(opening(), Decimal(1))], NOW)["58", "USD"].id

    assert len(set(race(8, open_one))) == 1
    with database.writing() as conn:
        cases.open_all(conn, [(replace(opening(), currency="EUR"), Decimal(1))], NOW)
        found = cases.open_cases(conn, REALM, ["58", "59"])
        assert found.keys() == {("58", "USD"), ("58", "EUR")}
        assert len(conn.execute(select(table)).all()) == 2
    with database.reading() as conn:
        assert [line.fields["action"] for line in log.lines(conn)].count("case.opened") == 2


def test_after_a_closed_case_a_new_one_opens(database: Database) -> None:
    """New evidence opens a new case; the closed one stays as it was."""
    for number, state in enumerate(sorted(set(State) - OPEN)):
        old, new = (case(database, now, str(number)) for now in (state, State.NEW))
        assert old.id != new.id
        assert read(database, old.id).state is state


def test_a_case_talks_about_what_was_said_last(database: Database) -> None:
    """Each invoice once."""
    ours, other = case(database), case(database, customer="59")
    query = select(case_invoices.c.invoice).where(case_invoices.c.case_id == ours.id)
    with database.writing() as conn:
        cases.talk_about(conn, other, ["744"])
        cases.talk_about(conn, ours, ["743", "742", "742"])
        assert sorted(conn.scalars(query)) == ["742", "743"]
        cases.talk_about(conn, ours, ["743"])
        assert conn.scalars(query).all() == ["743"]


def cross(database: Database, by: Case, stage: Stage = Stage.REMINDER, round: int = 1) -> bool:
    with database.writing() as conn:
        wanted = {by.id: [Crossing("742", round, stage)]}
        return crossings.cross_all(conn, REALM, wanted, NOW) == {by.id}


def test_an_invoice_crosses_a_stage_once_a_round(database: Database) -> None:
    """However many notice it at once; another stage or another round is another crossing."""
    ours = case(database)
    assert race(8, lambda n: cross(database, ours)).count(True) == 1
    assert cross(database, ours, Stage.FOLLOW_UP)
    assert cross(database, ours, round=2)
    with database.reading() as conn:
        assert [line.fields["action"] for line in log.lines(conn)].count("crossing") == 3
        last = crossings.last_stages(conn, REALM, ["742", "999"])
        assert last == {("742", 1): Stage.FOLLOW_UP, ("742", 2): Stage.REMINDER}
        assert crossings.crossed(conn, ours.id) == {"742": Stage.FOLLOW_UP}


def test_a_released_crossing_may_happen_again(database: Database) -> None:
    """It ended without contact: the next case may cross the same stage."""
    ours, other = case(database), case(database, customer="59")
    assert cross(database, ours)
    with database.writing() as conn:
        crossings.release(conn, other.id, NOW)
    assert not cross(database, other), "another case's release gave it back"
    with database.writing() as conn:
        crossings.release(conn, ours.id, NOW)
        assert crossings.last_stages(conn, REALM, ["742"]) == {}
        assert crossings.crossed(conn, ours.id) == {}
    assert cross(database, other)


def test_drafts_are_numbered_and_kept(database: Database) -> None:
    """Each text is a new version; the old one can be read for ever."""
    ours = case(database)
    first, second = draft(database, ours), draft(database, ours, subject="Another")
    assert (first.version, second.version) == (1, 2)
    with database.reading() as conn:
        assert drafts.draft(conn, first.id) == first
        assert drafts.draft(conn, second.id).letter.subject == "Another"
    assert draft(database, case(database, customer="59")).version == 1


def test_a_letter_comes_back_with_its_hash(database: Database) -> None:
    """What was approved can be recomputed from the record, odd characters included."""
    invoices = (*letter().invoices, replace(letter().invoices[0], id="9", open=usd("1200.5")))
    odd = {"body": "Café 🙂 \u2028\t\"'<>\\ \u0001\n", "invoices": invoices}
    kept = draft(database, case(database), **odd)
    assert kept.letter == letter(**odd)
    assert kept.letter.sha256() == kept.sha256 == letter(**odd).sha256()
    assert from_json(json.loads(kept.letter.canonical())) == kept.letter


def test_a_hash_stays_the_same_over_releases() -> None:
    """Approvals outlive an upgrade: the canonical form of a letter is fixed."""
    assert letter().sha256() == "a562fc9188f6f913f54c95100d91880662ad3f0877bb4c6007cd7cceab9facd3"
    same = replace(letter().invoices[0], open=usd("845"))
    assert letter(invoices=(same,)).sha256() == letter().sha256(), "845 and 845.00 are one amount"


def test_a_rewritten_draft_has_no_approvals(database: Database) -> None:
    """Undo keeps the text and starts a new draft: old approvals do not count for it."""
    ours = case(database)
    old = draft(database, ours)
    with database.writing() as conn:
        drafts.record(conn, ours, Decision("approve", "ULEAD1", NOW), old, "p")
        new = drafts.rewrite_draft(conn, old, LATER)
        assert (new.letter, new.sha256, new.version) == (old.letter, old.sha256, 2)
        assert drafts.decided_on(conn, new.id, "approve") == ()
        assert len(drafts.decided_on(conn, old.id, "approve")) == 1


def test_a_person_approves_a_draft_once(database: Database) -> None:
    """Eight clicks of one person are one approval; another person's is a second."""
    ours = case(database)
    written = draft(database, ours)

    def click(person: str) -> None:
        with database.writing() as conn:
            drafts.record(conn, ours, Decision("approve", person, NOW), written, "p")

    race(8, lambda n: click("ULEAD1"))
    click("ULEAD2")
    with database.reading() as conn:
        given = drafts.decided_on(conn, written.id, "approve")
    assert [d.actor for d in given] == ["ULEAD1", "ULEAD2"]


def test_decisions_come_in_order(database: Database) -> None:
    """Everything that was decided on a case, the oldest first, with its reason."""
    ours = case(database)
    made = [Decision("hold", "ULEAD1", NOW, "dispute"), Decision("lapse", "system:send", NOW)]
    with database.writing() as conn:
        for decision in made:
            drafts.record(conn, ours, decision, None, "p")
        assert drafts.decided(conn, ours.id) == tuple(made)


def test_a_case_has_one_mail(database: Database) -> None:
    """A second attempt is refused by the database while one went, may have, or is under way."""
    ours = case(database)
    written = draft(database, ours)
    send(database, written, "refused")
    send(database, written, "unknown")
    for state in ("in_flight", "sent", "unknown"):
        with pytest.raises(Exception, match="sends"):
            send(database, written, state)
    with database.reading() as conn:
        begun = sends.alive(conn, ours.id)
        assert begun is not None
        assert begun.state == "unknown"
        assert len(conn.execute(select(sends_table)).all()) == 2


def test_a_note_is_intended_once(database: Database) -> None:
    """Its request id derives from what was approved, so a repetition cannot write twice."""
    ours = case(database)
    written = draft(database, ours)
    with database.writing() as conn:
        sends.intend_note(conn, written, NOW)
        sends.intend_note(conn, written, LATER)
        sends.conclude_note(conn, ours.id, "written", LATER, attachable="900")
        found = cases.note_of(conn, ours.id)
    assert found is not None
    assert (found.state, found.attachable, found.invoices) == ("written", "900", ["742"])
    assert found.request_id == f"overdue-{ours.id}-{written.sha256[:16]}"


def test_a_deadline_is_kept_with_its_draft(database: Database) -> None:
    """A refresh keeps the date that the text names."""
    ours = case(database)
    with database.writing() as conn:
        old = drafts.write_draft(conn, ours.id, letter(), NOW, deadline=date(2026, 10, 21))
        assert drafts.rewrite_draft(conn, old, NOW).deadline == date(2026, 10, 21)
