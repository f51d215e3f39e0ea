"""Texts are kept as long as the policy says; what was decided stays for good."""

from datetime import timedelta

from sqlalchemy import func, select, update

from bot.blockkit.lint import lint
from bot.surfaces.card.card import card
from jobs.companies import retention as step
from jobs.decide.access import Answer
from jobs.store import log, outbox, texts, work
from jobs.store.database.tables import assessments, documents, drafts, messages, words
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import CompanyHarness, books, customer, invoice

TYPED = "Pat pays in cash"


def count(harness: CompanyHarness) -> tuple[int, int]:
    """How many documents and typed texts are on record."""
    with harness.database.reading() as conn:
        numbers = [conn.execute(select(func.count()).select_from(t)) for t in (documents, words)]
        first, second = (number.scalar_one() for number in numbers)
    return int(first), int(second)


def test_old_texts_go_and_their_hashes_stay(a_harness: CompanyHarness) -> None:
    """After the days of the policy; until then nothing is touched, and younger ones stay."""
    a_harness.change("Invoice", "71", CustomerMemo={"value": "Please quote PO 77."})
    a_harness.refresh()
    with a_harness.process.database.writing() as conn:
        work.ensure(conn, work.EVERYBODY, step.KIND, a_harness.now)
        (sha256,) = log.keep_words(conn, TYPED, a_harness.now).values()
    kept = count(a_harness)
    a_harness.run(step.KIND)
    assert count(a_harness) == kept == (1, 1)
    a_harness.time.later(days=91)
    with a_harness.process.database.writing() as conn:
        log.keep_words(conn, "typed just now", a_harness.now)
    a_harness.run(step.KIND)
    assert count(a_harness) == (0, 1)
    with a_harness.database.reading() as conn:
        assert log.read_words(conn, [sha256]) == {sha256: log.PRUNED}
        assert any(conn.execute(select(assessments.c.documents)).scalars()), "the hash stays"


def test_many_old_texts_go_in_short_transactions(a_harness: CompanyHarness) -> None:
    """So many at once, and the next ones right after."""
    with a_harness.process.database.writing() as conn:
        for number in range(5):
            log.keep_words(conn, f"text {number}", a_harness.now)
        later = a_harness.now + timedelta(days=1)
        assert [texts.prune(conn, later, 2, later) for _ in range(4)] == [2, 2, 1, 0]


def test_the_words_of_a_closed_case_go_and_its_history_stays(open_harness: OpenHarness) -> None:
    """Quotes, summary and letter; not what was decided, about what, and the hashes of all of it."""
    memo = {"CustomerMemo": {"value": "Canary: the purchase order is missing."}}
    harness = open_harness(books(customer("1"), invoice("71", "1", "840.00", 12, **memo)))
    harness.sweep()
    assert harness.approve("ULEAD1") is Answer.RECORDED
    harness.wait_out()
    before = harness.view()
    with harness.process.database.writing() as conn:
        work.ensure(conn, work.EVERYBODY, step.KIND, harness.now)
        conn.execute(update(messages).values(due_at=None))  # as if Slack had them all
    assert before.letter is not None
    assert "Canary" in said(harness)
    harness.time.later(days=89)
    harness.run(step.KIND)
    assert harness.view() == before
    harness.time.later(days=2)
    harness.run(step.KIND)
    after = harness.view()
    assert "Canary" not in said(harness)
    assert after.letter is not None
    assert (after.letter.body, after.letter.invoices) == (texts.GONE, before.letter.invoices)
    assert (after.draft_hash, after.decisions) == (before.draft_hash, before.decisions)
    assert (after.class_, after.outcome) == (before.class_, before.outcome)
    assert [r.rule for r in after.rulings] == [r.rule for r in before.rulings]
    shown = card(after, harness.now, people={})
    assert not lint({"text": shown.text, "blocks": shown.blocks}, "message")
    assert harness.logged("case.drafted")[-1]["data"]["draft"] == after.draft_hash
    with harness.process.database.writing() as conn:
        outbox.redraw_line(conn, harness.case().id, "approve:2:ULEAD1", harness.now)
        outbox.draw_again(conn, harness.realm, "co", harness.now)
    wordless = select(messages.c.due_at).where(messages.c.kind != "card", messages.c.body.is_(None))
    assert {row.due_at for row in harness.rows(wordless)} == {None}, "not drawn without words"


def said(harness: CompanyHarness) -> str:
    """Every word in the rows of cases."""
    tables = (assessments, drafts, messages, documents)
    return str([tuple(row) for table in tables for row in harness.rows(select(table))])
