"""Past judgements made again: equal to the byte, or with a table of what would be different."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import delete, text, update

from bot import logs
from bot.cli.main import main
from jobs.decide.access import Answer
from jobs.settings import Settings
from jobs.store import texts
from jobs.store.database.tables import artifacts, assessments, documents
from tests.jobs.fixtures import OpenHarness
from tests.jobs.harness import CompanyHarness, books, customer, invoice
from tests.jobs.triage.test_step import stops

Run = Callable[..., Result]
PLAIN, VAGUE, LARGE, KEY = "1", "2", "3", "4"
MARKS = [
    {"id": "13", "do_not_chase": True},
    {"id": "14", "consumer": True},
    {"id": KEY, "key_account": True},
]
MEMO = {"CustomerMemo": {"value": "The purchase order number is missing."}}
STRICTER = """
[limits.home]
second_approver = 800
stop_invoice = 10000
stop_total = 20000
[[customer]]
id = "2"
do_not_chase = true
"""


@pytest.fixture
def harness(open_harness: OpenHarness) -> CompanyHarness:
    """A case for each rule that stops, a plain one that was sent, a vague and a large one."""
    content = stops()
    more = books(
        *(customer(id) for id in (PLAIN, VAGUE, LARGE, KEY)),
        invoice("71", PLAIN, "840.00", 12),
        invoice("72", VAGUE, "90.00", 12, **MEMO),
        invoice("73", LARGE, "12000.00", 25),
        invoice("74", KEY, "70.00", 12),
    )
    both = {**content, **{k: content[k] + more[k] for k in ("customers", "invoices")}}
    made = open_harness(both, {"customer": MARKS}, swept=True)
    with made.process.database.writing() as conn:
        texts.note_policy(conn, made.process.policies.text, made.now)
    assert made.approve(made.click("UCOLLECT", made.case(PLAIN))) is Answer.RECORDED
    made.wait_out()
    return made


@pytest.fixture
def run(harness: CompanyHarness, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """`overdue replay`, as in a shell of its own."""
    monkeypatch.setattr(logs, "configure", lambda: None)  # it would take over pytest's logging
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    given = {
        "DATABASE_URL": harness.process.settings.database_url.get_secret_value(),
        "POLICY_FILE": str(harness.process.settings.policy_file),
    }
    return lambda *words: CliRunner().invoke(main, ["replay", *words], env=given)


def test_the_same_rules_and_answers_give_the_same_bytes(harness: CompanyHarness, run: Run) -> None:
    """Of every rule that stops, every class, a letter that was sent; whatever has happened since.

    A text that has been deleted is named, and what was read in it still counts.
    """
    same = run("--since", "2026-11-01")
    assert same.exit_code == 0, same.output
    assert "16 cases judged again; 0 would end otherwise." in same.stdout
    vague = harness.case(VAGUE).id
    shown = run(vague)
    assert shown.exit_code == 0, shown.output
    assert "The letter is the same, to the byte." in shown.stdout
    assert "likely dispute" in shown.stdout.lower()
    with harness.process.database.writing() as conn:
        conn.execute(delete(documents))
    gone = run(vague)
    assert (gone.exit_code, gone.stderr) == (0, "")
    assert "Texts deleted: memo:72." in gone.stdout
    assert "“The purchase order number is missing.”" in gone.stdout
    assert run("--since", "2026-11-01").exit_code == 0
    assert "0 cases judged again" in run("--since", "2027-01-01").stdout
    assert "0 cases judged again" in run("--since", "2026-11-01", "--until", "2026-11-02").stdout


def test_another_policy_shows_whom_it_would_touch(
    harness: CompanyHarness, run: Run, tmp_path: Path
) -> None:
    """Exactly the cases that would be stopped or need more people, and the money in them."""
    file, sheet = tmp_path / "stricter.toml", tmp_path / "sheet.csv"
    kept = harness.process.policies.text.replace("[[customer]]", STRICTER + "[[customer]]", 1)
    file.write_text(kept)
    found = run("--since", "2026-11-01", "--policy", str(file), "--csv", str(sheet))
    assert found.exit_code == 0, found.output
    rows = {row["case"]: row for row in csv.DictReader(sheet.read_text().splitlines())}
    ids = {name: harness.case(id).id for name, id in (("plain", PLAIN), ("vague", VAGUE))}
    large = harness.case(LARGE).id
    told = {id: (row["then"], row["now"]) for id, row in rows.items()}
    assert told == {
        ids["plain"]: ("sent, 1 person", "draft, 2 people, one a finance lead"),
        ids["vague"]: ("draft", "stopped: do not chase"),
        large: ("draft", "stopped: above the stop limit"),
    }
    assert rows[large]["asked"] == "12000"
    assert "16 cases judged again; 3 would end otherwise." in found.stdout
    assert "2  would be stopped" in found.stdout
    assert "$12,090.00 held" in found.stdout
    assert "1  would need more people" in found.stdout
    shown = run(ids["vague"], "--policy", str(file), "--model", "none", "--json")
    assert shown.exit_code == 0, shown.output
    told = json.loads(shown.stdout)
    assert (told["then"]["came_to"], told["now"]["came_to"]) == ("draft", "stopped")
    assert told["then"]["body"]
    assert told["now"]["body"] is None
    plain = run(ids["plain"], "--policy", "now", "--model", "none").stdout
    assert "[-" in plain, "the template has other words than the model"
    assert "by template" in plain


def test_what_is_not_as_it_was_is_named(harness: CompanyHarness, run: Run, tmp_path: Path) -> None:
    """An altered row, a policy that is gone, a case that never was, mistakes in a file."""
    plain, file = harness.case(PLAIN), tmp_path / "wrong.toml"
    file.write_text("[pace]\nundo_seconds = 60\ngap_day = 5\n\n[[customer]]\nid = 7\n")
    wrong = run(plain.id, "--policy", str(file))
    assert wrong.exit_code == 1
    assert f"{file}: line 3: `pace.gap_day` is not a key" in wrong.stderr
    assert f"{file}: line 6: `customer.0.id` should be" in wrong.stderr
    assert "There is no case 99" in run("99").stderr
    assert "There is no company 5" in run("--since", "2026-11-01", "--company", "5").stderr
    assert run().exit_code == 2
    assert "--csv: only with --since" in run(plain.id, "--csv", "x.csv").stderr
    assert "--json: only with one CASE" in run("--since", "2026-11-01", "--json").stderr
    harness.altered = True
    with harness.process.database.writing() as conn:
        conn.execute(text("DROP TRIGGER assessments_no_update"))
        mine = update(assessments).where(assessments.c.id == plain.assessment)
        conn.execute(mine.values(rulings=[]))
        mine = update(assessments).where(assessments.c.case_id == harness.case(VAGUE).id)
        conn.execute(mine.values({"class": "routine_reminder"}))
    altered = run("--since", "2026-11-01")
    assert altered.exit_code == 1
    assert f"Case {harness.case(VAGUE).id}: REPLAYED OTHERWISE: class" in altered.stderr
    with harness.process.database.writing() as conn:
        mine = update(assessments).where(assessments.c.case_id == harness.case(LARGE).id)
        conn.execute(mine.values(facts={"today": "soon"}))
    for words in (("--since", "2026-11-01"), (harness.case(LARGE).id,)):
        torn = run(*words)
        assert (torn.exit_code, torn.stderr.count("ALTERED")) == (1, 1)
        assert f"Case {harness.case(LARGE).id}: ALTERED" in torn.stderr
    with harness.process.database.writing() as conn:
        conn.execute(delete(artifacts))
    lost = run(plain.id)
    assert lost.exit_code == 1
    assert "the policy of then" in lost.stderr
    assert "it is not on record" in lost.stderr
    assert run(plain.id, "--policy", "now").exit_code == 0
