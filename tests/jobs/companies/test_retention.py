"""Texts are kept as long as the policy says; what was decided stays for good."""

from datetime import timedelta

from sqlalchemy import func, select

from jobs.companies import retention as step
from jobs.store import log, texts, work
from jobs.store.database.tables import assessments, documents, words
from tests.jobs.house import House

TYPED = "Pat pays in cash"


def count(house: House) -> tuple[int, int]:
    """How many documents and typed texts are on record."""
    with house.database.reading() as conn:
        numbers = [conn.execute(select(func.count()).select_from(t)) for t in (documents, words)]
        first, second = (number.scalar_one() for number in numbers)
    return int(first), int(second)


def test_old_texts_go_and_their_hashes_stay(a_house: House) -> None:
    """After the days of the policy; until then nothing is touched, and younger ones stay."""
    a_house.change("Invoice", "71", CustomerMemo={"value": "Please quote PO 77."})
    a_house.refresh()
    with a_house.process.database.writing() as conn:
        work.ensure(conn, work.EVERYBODY, step.KIND, a_house.now)
        (sha256,) = log.keep_words(conn, TYPED, a_house.now).values()
    kept = count(a_house)
    a_house.run(step.KIND)
    assert count(a_house) == kept == (1, 1)
    a_house.time.later(days=91)
    with a_house.process.database.writing() as conn:
        log.keep_words(conn, "typed just now", a_house.now)
    a_house.run(step.KIND)
    assert count(a_house) == (0, 1)
    with a_house.database.reading() as conn:
        assert log.read_words(conn, [sha256]) == {sha256: log.PRUNED}
        assert any(conn.execute(select(assessments.c.documents)).scalars()), "the hash stays"


def test_many_old_texts_go_in_short_transactions(a_house: House) -> None:
    """So many at once, and the next ones right after."""
    with a_house.process.database.writing() as conn:
        for number in range(5):
            log.keep_words(conn, f"text {number}", a_house.now)
        later = a_house.now + timedelta(days=1)
        assert [texts.prune(conn, later, 2) for _ in range(4)] == [2, 2, 1, 0]
