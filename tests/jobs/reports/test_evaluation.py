"""People's decisions as evaluation cases: what each says, and that nobody can be recognised."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from jobs.reports.evaluation.export import EvaluationCase, Exported, export
from jobs.reports.evaluation.texts import Cleaner, Unclean
from jobs.rules.facts.evidence import Document
from jobs.rules.facts.past import HoldKind
from jobs.store.customers import history
from tests.eval import recorded
from tests.eval.__main__ import main
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import CompanyHarness
from tests.jobs.reports.test_review import BOOKS, live_through

AT = datetime(2026, 11, 9, 12, tzinfo=UTC)
CLEANER = Cleaner(
    names=frozenset({"Canary & Co", "Tessa Canaryperson", "Dana Reyes"}),
    numbers={"INV-20417": "3001"},
    amounts={Decimal("1240.00"): Decimal("1550.00")},
    later=timedelta(days=-35),
    country="US",
)
LETTER = """Hello Dana,
We dispute invoice INV-20417 of $1,240.00. Call Tessa Canaryperson at +1 415 555 0188 or write to
tessa@canary-nest.example.
Our IBAN is DE89 3704 0044 0532 0130 00, see https://canary-nest.example/pay.
We will pay the rest by 12 November. Mark Hollis knows, and so does grace in Leeds.
Ask about order 55812, lot A-77/X (2 pallets), or 44 12 18, sort code 20-00-00.
Regards,
Tessa Canaryperson
Canary & Co, 14 Wharf Road, Portsmouth PO1 3LT
VAT GB123456789"""
CLEANED = """Hello [name],
We dispute invoice 3001 of $1,550.00. [name] at [number] or write to
[address].
Our IBAN is [account], see [link]
We will pay the rest by 8 October. [name] [name] knows, and so does [word] in [name].
Ask about order [number], lot [number] (2 pallets), or [number], sort [word] [number].
Regards,
[name]
[name], 14 [name] [name], [name] [number] [number]
VAT [account]"""


def mail(text: str) -> Document:
    """A mail of that day."""
    return Document("mail:1", "mailbox", "mail", AT, text)


def test_of_a_text_only_ordinary_words_stay() -> None:
    """Line by line, with days, amounts and invoice numbers as the case has them; what would then
    say something else, or nothing, is left out."""
    assert CLEANER.clean(mail(LETTER)).splitlines() == CLEANED.splitlines()
    german = "Herr Weber hat die Rechnung INV-20417 am 3. November bezahlt."
    assert CLEANER.line(german, AT.date()).endswith("die Rechnung 3001 am 29. September bezahlt.")
    for text in ("Zorblatt quux Frobnik gnarl", "We can only manage 2000 a month at present."):
        with pytest.raises(Unclean):
            CLEANER.clean(mail(text))


def exported(harness: CompanyHarness) -> tuple[list[EvaluationCase], Exported]:
    """The evaluation set of the last sixty days."""
    done = Exported()
    since = harness.now - timedelta(days=60)
    with harness.database.reading() as conn:
        company = harness.company
        return list(export(conn, company, since, harness.now, Random(7), done)), done


def test_each_decision_becomes_a_case_that_is_scored_as_people_had_it(
    open_harness: OpenHarness, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sent, rewritten, rejected, and what was disputed after a routine reminder; the books are the
    same ones, but for names, numbers, amounts and days."""
    harness = open_harness(BOOKS, swept=True)
    live_through(harness)
    with harness.database.writing() as conn:
        until = harness.today + timedelta(14)
        on = conn, harness.realm
        history.hold(*on, "1", ("71",), HoldKind.DISPUTE, until, "ULEAD1", "", harness.now)
    harness.time.later(days=1)
    made, done = exported(harness)
    assert done.left_out == {}
    assert done.cases == {
        "later dispute": 1,
        "sent edited": 2,
        "rejected as already paid": 1,
        "rejected as not needed": 1,
        "rejected as other": 1,
    }
    for one in made:
        text = json.dumps(one.content)
        (tmp_path / f"{one.name}.json").write_text(text, encoding="utf-8")
        assert not re.search(r'Customer [A-J]|Brass|billing@customer|"17\d"', text)
    ours, later = harness.view(harness.case("1")).facts, recorded.load(tmp_path)[0]
    theirs = recorded.situation(later).facts
    assert later.expect.decision == "later dispute"
    assert theirs.days_overdue == ours.days_overdue == 12
    assert theirs.today.weekday() == 2
    assert 40 <= theirs.total_overdue.amount <= 180, "of 100.00"
    assert main(["--cases", str(tmp_path), "--wrong"]) == 0
    told = capsys.readouterr().out
    assert "class right                             2 of 3        2 of 3" in told
    assert "letters in the model's words            0 of 6        6 of 6" in told
    assert f"{later.name} | later dispute | routine_reminder, not likely_dispute" in told


def test_a_folder_that_holds_no_case_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As is a file that is none."""
    for content in ("", '{"name": "x"}'):
        if content:
            (tmp_path / "broken.json").write_text(content, encoding="utf-8")
        with pytest.raises(SystemExit):
            main(["--cases", str(tmp_path)])
    said = capsys.readouterr().err
    assert "has no case in a .json file" in said
    assert "broken.json is no case" in said
