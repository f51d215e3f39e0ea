"""`overdue` on the command line: what it says, and how it fails."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from redis import Redis
from rq import Worker
from rq.serializers import JSONSerializer
from sqlalchemy import delete, insert, select, text

from bot import logs
from bot.cli.main import main
from jobs.rules.case import Decision, Proposal, Reason
from jobs.rules.rulings import Kind, Ruling
from jobs.rules.states import CaseClass, Stage
from jobs.settings import Settings
from jobs.store import assessments, cases, companies, drafts, log, people, texts
from jobs.store.assessments import Judgement
from jobs.store.database import engine
from jobs.store.database.engine import Database
from jobs.store.database.tables import cases as cases_table
from jobs.store.database.tables import connect_links, schedule
from jobs.store.database.tables import words as words_table
from tests.bot.harness import REALM, START, add_company, record
from tests.bot.web_process import place
from tests.real_processes import PATIENCE, until
from tests.sandbox.world import World, serve

Run = Callable[..., Result]
ROOT = Path(__file__).parents[3]
SETTINGS = {
    "PUBLIC_URL": "https://overdue.acme.example",
    "QBO_CLIENT_ID": "client-17",
}


@pytest.fixture
def database() -> Iterator[Database]:
    """A record with a company, and a case that somebody rejected."""
    with record() as url:
        found = engine.connect(url)
        add_company(found)
        add_rejected_case(found)
        yield found
        found.close()


@pytest.fixture
def run(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command as in a shell of its own, in a folder without `.env`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(logs, "configure", lambda: None)  # it would take over pytest's logging
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)

    def run(*words: str, **settings: str) -> Result:
        url = database.engine.url.render_as_string(hide_password=False)
        return CliRunner().invoke(main, words, env={"DATABASE_URL": url} | SETTINGS | settings)

    return run


def add_rejected_case(database: Database) -> None:
    """Case 1: opened by a sweep, rejected by a collector, both in the log."""
    row = {
        "company": REALM,
        "customer": "58",
        "currency": "USD",
        "state": "rejected",
        "stage": 2,
        "shadow": False,
        "trigger": "sweep:2026-11-06",
        "opened_at": START,
        "closed_at": START,
        "end_reason": "Not needed.",
    }
    with database.writing() as conn:
        conn.execute(insert(cases_table).values(**row))
        log.note(conn, log.Entry(REALM, "case.opened", "system:detect", START, "1"))
    with database.writing() as conn:
        decision = Decision("reject", "UCOLLECT", START, "Paid in cash")
        drafts.record(conn, cases.get(conn, "1"), decision, None, "0" * 64)
        log.note(conn, log.Entry(REALM, "case.rejected", "UCOLLECT", START, "1", {"why": "paid"}))
        log.note(conn, log.Entry(REALM, "sweep.done", "system:sweep", START))


def test_help_is_in_plain_words(run: Run) -> None:
    """Every command says what it does."""
    told = run("--help").output
    commands = re.findall(r"^  (\w+)  +(\S.*)$", told, re.MULTILINE)
    assert {name for name, _ in commands} >= {
        *("web", "work", "clock", "doctor", "connect"),
        *("company", "customers", "sweep", "case", "log", "db", "init", "start", "review"),
    }


def test_a_week_is_counted_in_a_terminal(run: Run, tmp_path: Path) -> None:
    """Each figure with its cases; the table has every case once; a stranger's company is named."""
    told = run("review", "--week", f"{START:%Y-%m-%d}", "--csv", "week.csv")
    assert told.exit_code == 0, told.output
    assert re.search(r"No class: Rejected +1 +1$", told.output, re.MULTILINE)
    assert (tmp_path / "week.csv").read_bytes().count(b"\n") == 2
    assert "There is no company 99" in run("review", "--company", "99").output
    told = run("wording")
    assert (told.exit_code, "(46208" in told.output) == (0, True), told.output
    assert "There is no company 99" in run("wording", "--company", "99").output
    for words in (("show", "ab12"), ("take-back", "ab12", "--as", "ULEAD1")):
        told = run("wording", *words)
        assert (told.exit_code, "No change has this fingerprint" in told.output) == (1, True)


def test_decisions_are_exported_to_an_empty_folder(run: Run, tmp_path: Path) -> None:
    """A second export beside the first would count every decision twice."""
    assert "0 cases written" in run("eval", "export", "cases").output
    (tmp_path / "cases" / "sent.json").write_text("{}")
    told = run("eval", "export", "cases")
    assert (told.exit_code, "Name an empty folder" in told.output) == (1, True)
    assert "There is no company 99" in run("eval", "export", "new", "--company", "99").output
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("words", [("clock",), ("web",), ("work", "act"), ("connect",)])
def test_a_missing_setting_is_named_without_a_traceback(run: Run, words: tuple[str, ...]) -> None:
    """Exit 2, and the name of each."""
    result = run(*words, PUBLIC_URL="")
    assert result.exit_code == 2
    assert "is missing" in result.output
    assert "Traceback" not in result.output


def test_a_placeholder_is_named_and_not_shown(run: Run) -> None:
    """Not even a wrong secret is printed."""
    result = run("db", "upgrade", SLACK_BOT_TOKEN="xoxb-your-token-here")
    assert result.exit_code == 2
    assert "SLACK_BOT_TOKEN" in result.output
    assert "your-token" not in result.output


def test_a_wrong_policy_is_told_in_words(run: Run, tmp_path: Path) -> None:
    """Exit 2 with the policy's own sentence."""
    (tmp_path / "policy.toml").write_text("[pace]\nundo_seconds = 'soon'\n")
    needed = {
        "REDIS_URL": f"unix://{tmp_path}/no.sock",
        "POLICY_FILE": str(tmp_path / "policy.toml"),
    }
    result = run("clock", **needed)
    assert result.exit_code == 2
    assert "undo_seconds" in result.output


def test_the_record_is_made_and_made_again(run: Run, tmp_path: Path) -> None:
    """`db upgrade` on nothing, and on what is there already."""
    for _ in range(2):
        result = run("db", "upgrade", DATABASE_URL=f"sqlite:///{tmp_path}/new.sqlite3")
        assert (result.exit_code, result.output) == (0, "The database is up to date.\n")


def test_a_record_that_cannot_be_made(run: Run) -> None:
    """Words, not a traceback."""
    result = run("db", "upgrade", DATABASE_URL="sqlite:////nowhere/at/all.sqlite3")
    assert result.exit_code == 1
    assert "DATABASE_URL" in result.output


@pytest.fixture
def leads(tmp_path: Path) -> dict[str, str]:
    """A policy that names one finance lead, and one more of a single company."""
    file = tmp_path / "policy.toml"
    file.write_text(
        '[people]\nfinance_leads = ["ULEAD1"]\ncollectors = ["UCOLLECT"]\n'
        '[company."17".people]\nfinance_leads = ["ULEAD2"]\n'
    )
    return {"POLICY_FILE": str(file)}


@pytest.mark.parametrize("person", ["ULEAD1", "ULEAD2"])
def test_connect_prints_a_link_for_a_person(
    run: Run, database: Database, leads: dict[str, str], person: str
) -> None:
    """The link carries a state that is bound to the person and the channel."""
    result = run("connect", "--as", person, "--channel", "CNEW", **leads)
    link = r"https://overdue.acme.example/quickbooks/connect\?state=(\S+)"
    found = re.search(link, result.output)
    assert found
    assert "works once, within ten minutes" in result.output
    with database.reading() as conn:
        (row,) = conn.execute(select(connect_links)).all()
    assert (row.state, row.person, row.channel) == (found[1], person, "CNEW")


@pytest.mark.parametrize("person", ["UCOLLECT", "NOBODY"])
def test_connect_prints_none_for_whoever_may_not(
    run: Run, leads: dict[str, str], person: str
) -> None:
    """Only finance leads connect; it says who could change that."""
    result = run("connect", "--as", person, **leads)
    assert result.exit_code == 1
    assert f"{person} is not a finance lead in the policy" in result.output


def test_connect_refuses_a_channel_that_is_taken(run: Run, database: Database) -> None:
    """Before somebody agrees at QuickBooks in vain; one that is only the usual one is a hint."""
    result = run("connect", "--channel", "CFINANCE")
    assert result.exit_code == 1
    assert "CFINANCE already has the cards of Brass Fern" in result.output
    with database.reading() as conn:
        assert conn.execute(select(connect_links)).all() == []
    told = run("connect", SLACK_CHANNEL="CFINANCE").output
    assert "CFINANCE already has the cards of Brass Fern" in told
    assert "already" not in run("connect", "--channel", "CNEW").output


def test_connect_asks_slack_about_the_channel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one that is not there nothing would ever be posted."""
    monkeypatch.setattr(logs, "configure", lambda: None)
    monkeypatch.chdir(tmp_path)
    with place(tmp_path) as outside:
        words = ["connect", "--as", "ULEAD1", "--channel"]
        nowhere = CliRunner().invoke(main, [*words, "CNOWHERE"], env=outside.values)
        there = CliRunner().invoke(main, [*words, "CFINANCE"], env=outside.values)
    assert (nowhere.exit_code, there.exit_code) == (1, 0)
    assert "no such channel" in nowhere.output
    assert "state=" in there.output


@pytest.mark.parametrize(
    "words", ["company list", "customers", "case 5", "log verify", "log export", "sweep", "connect"]
)
def test_without_a_record_there_is_a_sentence(run: Run, tmp_path: Path, words: str) -> None:
    """Before `db upgrade`, in the wrong folder, or with the database away; no file is made."""
    missing = run(*words.split(), DATABASE_URL=f"sqlite:///{tmp_path}/other.sqlite3")
    away = run(*words.split(), DATABASE_URL="sqlite:////nowhere/at/all.sqlite3")
    assert (missing.exit_code, away.exit_code) == (1, 1)
    assert "overdue db upgrade" in missing.output
    assert "cannot be reached" in away.output
    assert "Traceback" not in missing.output + away.output
    assert not (tmp_path / "other.sqlite3").exists()


def test_companies_are_listed(run: Run) -> None:
    """Realm, name, mode, channel."""
    told = run("company", "list").output
    assert told == f"{REALM}  Brass Fern  shadow  CFINANCE  not read yet\n"


def test_customers_are_listed_with_their_ids(run: Run) -> None:
    """All, or those whose name has each word; as the policy file wants them."""
    for asked in ((), ("sons",), ("ACME", "so")):
        told = run("customers", *asked).output
        assert told == f"Brass Fern ({REALM}): 1 of 1 customers\n        58  Acme & Sons\n"
    assert run("customers", "birch").output == f"Brass Fern ({REALM}): 0 of 1 customers\n"


def test_a_sweep_is_asked_for(run: Run, database: Database) -> None:
    """Of every company, or of one; it is due at once, with or without Redis."""
    assert "Brass Fern" in run("sweep").output
    assert run("sweep", REALM).exit_code == 0
    with database.reading() as conn:
        (row,) = conn.execute(select(schedule)).all()
    assert (row.company, row.kind) == (REALM, "sweep")
    assert row.due_at is not None


def test_a_sweep_of_nobody(run: Run) -> None:
    """A realm that is not ours is said to be none."""
    result = run("sweep", "17")
    assert result.exit_code == 1
    assert "No company 17 is connected" in result.output


def test_the_story_of_a_case(run: Run, database: Database) -> None:
    """Where it stands, how it was judged, who decided, and its lines of the log, and no others."""
    stop = Ruling(Kind.STOP, "dispute", "They dispute it.")
    reason = Reason("A line says so.", ("mail:1",))
    made = Proposal(CaseClass.LIKELY_DISPUTE, "high", (reason,), "Late.", "", (), "model-1/p3")
    with database.writing() as conn:
        assessments.put(conn, "1", Judgement(Stage.REMINDER, (), proposal=made), START)
        assessments.put(conn, "1", Judgement(Stage.REMINDER, (stop,)), START)
    told = run("case", "1").output
    assert "Case 1: Acme & Sons (customer 58), USD" in told
    assert "state     rejected" in told
    assert "1: Likely dispute by model-1/p3\n" in told
    assert "2: nothing proposed: dispute\n" in told
    assert "reject by UCOLLECT: Paid in cash" in told
    assert 'case.rejected by UCOLLECT  {"why": "paid"}' in told
    assert "sweep.done" not in told


@pytest.mark.parametrize("number", ["9", "x", "1; DROP TABLE cases"])
def test_the_story_of_no_case(run: Run, number: str) -> None:
    """Words, whatever was asked for."""
    result = run("case", number)
    assert result.exit_code == 1
    assert "There is no case" in result.output


def test_a_name_cannot_steer_the_terminal(run: Run, database: Database) -> None:
    """Control characters of a customer's name are left out."""
    with database.writing() as conn:
        conn.execute(text("UPDATE customers SET name = 'Ac' || char(27) || '[31mme'"))
    assert "\x1b" not in run("case", "1").output


def test_the_log_is_exported_line_by_line(run: Run) -> None:
    """JSON, one object a line, in order; a case has only its own."""
    whole = [json.loads(line) for line in run("log", "export").output.splitlines()]
    assert [line["action"] for line in whole] == ["case.opened", "case.rejected", "sweep.done"]
    mine = [json.loads(line) for line in run("log", "export", "--case", "1").output.splitlines()]
    assert mine == whole[:2]


def test_words_that_were_typed_stand_beside_the_log(run: Run, database: Database) -> None:
    """The log holds their hash; story and export show them, or that they are pruned."""
    with database.writing() as conn:
        data = log.keep_words(conn, "Pat pays in cash", START)
        log.note(conn, log.Entry(REALM, "case.rejected", "UCOLLECT", START, "1", data))
    typed = json.loads(run("log", "export", "--case", "1").output.splitlines()[-1])
    assert typed["typed"] == "Pat pays in cash"
    assert "“Pat pays in cash”" in run("case", "1").output
    with database.writing() as conn:
        assert "cash" not in str([line.body for line in log.lines(conn)])
        conn.execute(delete(words_table))
    assert json.loads(run("log", "export").output.splitlines()[-1])["typed"] == "pruned"
    assert "“pruned”" in run("case", "1").output
    assert run("log", "verify").exit_code == 0


@pytest.mark.parametrize("number", ["x", "²", "٣", "-1", "9" * 30, "77"])
def test_an_export_of_a_case_that_is_not_there(run: Run, number: str) -> None:
    """Words, whether it is no number or nobody's."""
    result = run("log", "export", f"--case={number}")
    assert (result.exit_code, result.output) == (1, f"Error: There is no case {number}.\n")


def test_the_log_is_exported_by_company_and_period_and_as_a_table(
    run: Run, database: Database, tmp_path: Path
) -> None:
    """Days are whole, and words that look like a formula are none in the sheet."""
    with database.writing() as conn:
        later, data = START + timedelta(days=3), log.keep_words(conn, "=HYPERLINK(1)", START)
        log.note(conn, log.Entry(REALM, "case.edited", "UCOLLECT", later, "1", data))
        log.note(conn, log.Entry("", "click.refused", "USTRANGER", START))

    def actions(*words: str) -> list[str]:
        lines = run("log", "export", *words).output.splitlines()
        return [json.loads(line)["action"] for line in lines]

    assert len(actions()) == 5
    assert "click.refused" not in actions("--company", REALM)
    assert actions("--since", "2026-11-07") == ["case.edited"]
    assert actions("--company", REALM, "--until", "2026-11-06") == [
        *("case.opened", "case.rejected", "sweep.done")
    ]
    assert actions("--since", "2026-11-09", "--until", "2026-11-09") == ["case.edited"]
    assert run("log", "export", "--company", "7").exit_code == 1
    file = tmp_path / "log.csv"
    assert run("log", "export", "--case", "1", "--csv", str(file)).output == ""
    with file.open(encoding="utf-8") as sheet:
        rows = list(csv.DictReader(sheet))
    assert [row["action"] for row in rows] == ["case.opened", "case.rejected", "case.edited"]
    assert rows[2]["typed"] == "'=HYPERLINK(1)"
    assert json.loads(rows[1]["data"]) == {"why": "paid"}


def test_how_shadow_mode_went_is_printed(run: Run) -> None:
    """Each company with what it lacks; one that is not there is named."""
    told = run("shadow", "report").output
    assert "Brass Fern (4620816365000000001), in shadow mode" in told
    assert "Not ready yet: 0 of 10 business days and 0 of 30 cases." in told
    assert "There is no company 7." in run("shadow", "report", "--company", "7").output


def test_who_may_approve_what_and_since_when(run: Run, database: Database, tmp_path: Path) -> None:
    """Through which list or group, since which policy without a break, and what they did last."""
    first = '[people]\ncollectors = ["UCOLLECT", "UOLD"]\nfinance_leads = ["ULEAD1"]\n'
    second = '[people]\nfinance_leads = ["ULEAD1"]\n'
    third = (
        '[people]\ncollectors = ["UCOLLECT", "SGROUP"]\nfinance_leads = ["ULEAD1"]\n'
        'deputies = ["ULEAD2"]\n[[account_manager]]\nslack = "UMANAGER"\ncustomers = ["58"]\n'
    )
    with database.writing() as conn:
        people.put_user(conn, "ULEAD1", "Lena\x1b[31m", "", START)
        people.put_group(conn, "SGROUP", ["UMEMBER"], START)
    for days, text_ in enumerate((first, second, third)):
        with database.writing() as conn:
            texts.note_policy(conn, text_, START + timedelta(days=days))
    policy, file = tmp_path / "policy.toml", tmp_path / "access.csv"
    policy.write_text(third)
    told = run("access", "--csv", str(file), POLICY_FILE=str(policy)).output
    assert "two people from 10,000" in told
    assert "\x1b" not in told
    with file.open(encoding="utf-8") as sheet:
        rows = {row["person"].split(" ")[0]: row for row in csv.DictReader(sheet)}
    assert set(rows) == {"Lena[31m", "ULEAD2", "UCOLLECT", "UMEMBER", "UMANAGER"}
    assert "since 2026-11-06" in rows["Lena[31m"]["since"]
    assert "since 2026-11-08" in rows["UCOLLECT"]["since"], "not in the policy between"
    assert rows["UCOLLECT"]["last"] == "reject on 2026-11-06"
    assert rows["ULEAD2"]["role"] == "finance lead (deputy)"
    assert rows["UMEMBER"]["through"] == "group SGROUP, members as of 2026-11-06 15:00 UTC"
    assert "1 customer of their own: edits and holds" in rows["UMANAGER"]["may"]
    assert "Nobody may act" in run("access").output


def test_a_backup_that_was_brought_back_is_said(
    run: Run, database: Database, valkey_url: str
) -> None:
    """Only once it is certain that no worker runs, or somebody says so; then once."""
    assert "REDIS_URL is empty" in run("db", "restored").output
    away = run("db", "restored", REDIS_URL="unix:///nowhere")
    assert (away.exit_code, "Redis cannot be reached" in away.output) == (1, True)
    with contextlib.closing(Redis.from_url(valkey_url)) as redis:
        worker = Worker(["act"], connection=redis, serializer=JSONSerializer)
        worker.register_birth()  # type: ignore[no-untyped-call]
        running = run("db", "restored", REDIS_URL=valkey_url)
        assert (running.exit_code, "Workers of act are registered" in running.output) == (1, True)
        worker.register_death()  # type: ignore[no-untyped-call]
    done = run("db", "restored", REDIS_URL=valkey_url)
    assert "Brass Fern (4620816365000000001): sending is paused." in done.output
    assert "2026-11-06 15:00 UTC" in done.output
    with database.reading() as conn:
        (company,) = companies.all_of_them(conn)
        last = log.last(conn, REALM)
    assert company.paused_at
    assert last
    assert last.fields["action"] == "company.restored"
    assert "done before" in run("db", "restored", "--force").output


def test_a_good_log_verifies(run: Run) -> None:
    """Exit 0, and how many lines."""
    result = run("log", "verify")
    assert (result.exit_code, result.output) == (0, "3 lines are as they were written.\n")


def test_the_end_of_the_log_is_held_against_what_was_told(run: Run, database: Database) -> None:
    """The fingerprint as a channel shows it; rows that were cut off since are named."""
    with database.reading() as conn:
        *_, told = log.heads(conn)
    result = run("log", "verify", "--head", f"`{told.hash.upper()}`")
    assert result.exit_code == 0
    assert result.output.endswith(
        f"The fingerprint is that of line {told.seq} of company {told.company}.\n"
    )
    for other in ("0" * 64, "what?", told.hash[:12]):
        result = run("log", "verify", "--head", other)
        assert result.exit_code == 1
        assert "BROKEN: no line has this fingerprint" in result.output


def test_a_changed_line_is_named(run: Run, database: Database) -> None:
    """Exit 1, and the first bad line."""
    with database.writing() as conn:
        conn.execute(text("DROP TRIGGER log_no_update"))
        conn.execute(text("UPDATE log SET body = replace(body, 'UCOLLECT', 'UNOBODY')"))
    result = run("log", "verify")
    assert result.exit_code == 1
    assert f"BROKEN at line 2 of company {REALM}: the row was changed" in result.output


@pytest.mark.processes
def test_sigterm_ends_the_clock_at_once(database: Database, tmp_path: Path) -> None:
    """The real process, with neither Redis nor anything to do."""
    url = database.engine.url.render_as_string(hide_password=False)
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": url,
        "REDIS_URL": f"unix://{tmp_path}/no.sock",
    }
    with subprocess.Popen(
        [sys.executable, "-c", "from bot.cli.main import main; main()", "clock"],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        first = json.loads(process.stderr.readline())
        assert first["event"] == "clock.started"
        until(lambda: rows(database))
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


def rows(database: Database) -> list[object]:
    """What is on the schedule."""
    with database.reading() as conn:
        return list(conn.execute(select(schedule.c.kind)).scalars())


@pytest.mark.processes
def test_a_port_that_is_taken_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 1 with a sentence that names HOST and PORT."""
    monkeypatch.setattr(logs, "configure", lambda: None)
    with place(tmp_path) as outside, serve(World().app()) as taken:
        result = CliRunner().invoke(
            main, ["web"], env=outside.values | {"PORT": taken.rpartition(":")[2]}
        )
    assert result.exit_code == 1
    assert "cannot be listened on" in result.output
