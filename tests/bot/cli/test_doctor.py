"""`overdue doctor`: what is missing, what to do about it, and never a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from bot import logs
from bot.cli.doctor import examine
from bot.cli.doctor_slack import SCOPES
from bot.cli.findings import MISSING, OK, UNTRIED, WARNING, WRONG, Finding, table
from bot.cli.main import main
from jobs.store import companies
from tests.bot.harness import REALM, START, add_company
from tests.bot.web_process import Place, place
from tests.sandbox.faults import fault_from
from tests.sandbox.hubspot import Limits
from tests.sandbox.slack.kinds import Channel

SECRETS = ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "QBO_CLIENT_SECRET", "TOKEN_KEYS")
ROOT = Path(__file__).parents[3]


@pytest.fixture
def outside(tmp_path: Path, valkey_url: str) -> Iterator[Place]:
    """A place where nothing is missing."""
    with place(tmp_path, valkey_url) as found:
        found.outside.hubspot.limits = Limits(searches_per_second=100)  # it asks again and again
        yield found


def findings(outside: Place, **changes: str) -> list[Finding]:
    """What the doctor finds."""
    process = outside.process(**changes)
    try:
        return examine(process)
    finally:
        process.close()


def of(found: list[Finding], part: str) -> list[tuple[str, str]]:
    """State and words of one part."""
    return [(one.state, one.words) for one in found if one.part == part]


def only(found: list[Finding], part: str) -> tuple[str, str]:
    """The one finding about a part."""
    (one,) = of(found, part)
    return one


def test_nothing_is_missing(outside: Place) -> None:
    """Everything is there: nothing is missing, and the company still to connect is said."""
    found = findings(outside)
    assert [one for one in found if one.state not in (OK, WARNING)] == []
    assert only(found, "quickbooks app")[0] == OK
    assert only(found, "quickbooks") == (
        WARNING,
        "no company is connected yet; run: overdue connect",
    )


def test_the_command_prints_a_table_and_no_secret(
    outside: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 0, a line per finding, aligned."""
    monkeypatch.setattr(logs, "configure", lambda: None)
    result = CliRunner().invoke(main, ["doctor"], env=outside.values)
    assert result.exit_code == 0
    assert "Nothing is missing or wrong." in result.output
    assert all(outside.values[name] not in result.output for name in SECRETS)


def test_the_command_fails_where_something_is_missing(
    outside: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 1."""
    monkeypatch.setattr(logs, "configure", lambda: None)
    env = outside.values | {"SLACK_CHANNEL": "CNOWHERE"}
    result = CliRunner().invoke(main, ["doctor"], env=env)
    assert result.exit_code == 1
    assert "1 wrong: start at the top." in result.output


ROWS = (
    *("DATABASE_URL", "POLICY_FILE", "REDIS_URL", "PUBLIC_URL", "TOKEN_KEYS", "QBO_CLIENT_ID"),
    *("QBO_CLIENT_SECRET", "SLACK_BOT_TOKEN", "SLACK_CHANNEL"),
    *("MAIL_FROM", "addresses", "database", "redis", "policy", "slack socket", "slack"),
    *("slack scopes", "slack channel", "people", "quickbooks app", "quickbooks", "model", "mail"),
    "mailbox",
)
"""Always shown, whatever is missing or wrong."""


def test_with_no_settings_at_all_every_row_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The very first run: what is missing, where it comes from, and what waits for it."""
    shown = rows(tmp_path, monkeypatch, {})
    assert set(ROWS) <= shown.keys()
    assert {name for name in ROWS if shown[name][0] == MISSING} == {
        *("POLICY_FILE", "PUBLIC_URL", "TOKEN_KEYS", "QBO_CLIENT_ID", "QBO_CLIENT_SECRET"),
        *("SLACK_BOT_TOKEN", "SLACK_CHANNEL", "MAIL_FROM", "database"),
    }
    assert "overdue db upgrade" in shown["database"][1]
    assert "overdue init writes one" in shown["POLICY_FILE"][1]
    assert shown["REDIS_URL"][0] == WARNING
    assert {name: shown[name][1] for name in ROWS if shown[name][0] == UNTRIED} == {
        "redis": "needs REDIS_URL",
        "policy": "needs POLICY_FILE",
        "slack": "needs SLACK_BOT_TOKEN",
        "slack scopes": "needs SLACK_BOT_TOKEN",
        "slack channel": "needs SLACK_BOT_TOKEN",
        "people": "needs SLACK_BOT_TOKEN",
        "quickbooks app": "needs QBO_CLIENT_ID and QBO_CLIENT_SECRET",
        "quickbooks": "needs TOKEN_KEYS and QBO_CLIENT_ID and QBO_CLIENT_SECRET",
        "mail": "needs SMTP_URL or RESEND_API_KEY or MAIL_FOLDER",
    }


PLACEHOLDERS = {
    "DATABASE_URL": "postgresql://user:password@host/name",
    "REDIS_URL": "redis://:password@host:6379",
    "PUBLIC_URL": "https://overdue.example.com",
    "QBO_CLIENT_ID": "your-client-id",
    "QBO_CLIENT_SECRET": "your-client-secret",
    "SLACK_BOT_TOKEN": "xoxb-your-token",
    "SLACK_APP_TOKEN": "xapp-your-token",
    "MAIL_FROM": "Finance <finance@example.com>",
    "SMTP_URL": "smtp+starttls://user:password@host:587",
}


def test_placeholders_are_wrong_and_hide_nothing(
    outside: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is named as what it is; what needs one is not tried, and all the rest is."""
    shown = rows(tmp_path, monkeypatch, outside.values | PLACEHOLDERS)
    assert set(ROWS) <= shown.keys()
    wrong = {name: words for name, (state, words) in shown.items() if state == WRONG}
    assert wrong == dict.fromkeys(PLACEHOLDERS, "is still the placeholder of an example")
    untried = {name for name, (state, _) in shown.items() if state == UNTRIED}
    assert untried == {
        *("database", "redis", "slack socket", "slack", "slack scopes", "slack channel"),
        *("people", "quickbooks app", "quickbooks", "mail"),
    }
    assert (shown["policy"][0], shown["model"][0]) == (OK, OK)


def test_two_ways_to_send_hide_nothing(
    outside: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which of the two is meant nobody knows; everything else is looked at."""
    shown = rows(tmp_path, monkeypatch, outside.values | {"MAIL_FOLDER": str(tmp_path)})
    assert shown["SMTP_URL or RESEND_API_KEY or MAIL_FOLDER"][0] == WRONG
    assert shown["mail"] == (UNTRIED, "needs SMTP_URL or RESEND_API_KEY or MAIL_FOLDER")
    assert (shown["slack"][0], shown["quickbooks app"][0]) == (OK, OK)


def test_a_policy_file_that_is_not_there(
    outside: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One row says so, those that need it wait; no file is made where a database is missing."""
    changed = {"POLICY_FILE": "nofile", "DATABASE_URL": f"sqlite:///{tmp_path}/new.sqlite3"}
    shown = rows(tmp_path, monkeypatch, outside.values | changed)
    assert shown["POLICY_FILE"] == (WRONG, "does not name an existing file")
    assert shown["policy"] == (UNTRIED, "needs POLICY_FILE")
    assert shown["people"] == (UNTRIED, "needs the policy, which names them")
    assert "overdue db upgrade" in shown["database"][1]
    assert shown["slack channel"][0] == OK
    assert not (tmp_path / "new.sqlite3").exists()


@pytest.mark.parametrize("name", ["QBO_CLIENT_ID", "QBO_CLIENT_SECRET"])
def test_the_keys_of_quickbooks_are_tried_without_a_company(outside: Place, name: str) -> None:
    """Intuit tells whom it does not know from a token that it never gave; no company is needed."""
    assert only(findings(outside), "quickbooks app")[0] == OK
    state, words = only(findings(outside, **{name: "ABqx81hfUo"}), "quickbooks app")
    assert state == WRONG
    assert "Intuit does not know our client id and secret" in words


def test_intuit_is_away(outside: Place) -> None:
    """That says nothing about the keys, and is said as it is."""
    away = findings(outside, QBO_OAUTH_URL="http://127.0.0.1:9/token")
    state, words = only(away, "quickbooks app")
    assert (state, "cannot be reached" in words) == (WRONG, True)
    assert "QBO_CLIENT_ID" not in words


def test_addresses_in_the_clear_are_doubted(outside: Place) -> None:
    """By the names of their settings; a stand-in on this machine is reached so."""
    state, words = only(findings(outside), "addresses")
    assert (state, "SLACK_API_URL" in words, "SMTP_URL" in words) == (WARNING, True, True)


def test_a_secret_that_only_slack_could_try(outside: Place) -> None:
    """Its shape is doubted: until the first click nobody would notice that it is another one."""
    part = "SLACK_SIGNING_SECRET"
    assert only(findings(outside), part) == (OK, "set")
    assert only(findings(outside, SLACK_SIGNING_SECRET="A-Client-Id.1234"), part)[0] == WARNING


def rows(
    folder: Path, monkeypatch: pytest.MonkeyPatch, values: dict[str, str]
) -> dict[str, tuple[str, str]]:
    """What the command prints, run in an empty folder: state and words by part, the last of each.

    It fails exactly where something is missing or wrong.
    """
    monkeypatch.setattr(logs, "configure", lambda: None)
    monkeypatch.chdir(folder)
    result = CliRunner().invoke(main, ["doctor"], env=values)
    lines = result.output.partition("\n\n")[0].splitlines()
    found = [re.split(r" {2,}", line, maxsplit=2) for line in lines]
    assert result.exit_code == any(state in (MISSING, WRONG) for _, state, _ in found)
    return {part: (state, words) for part, state, words in found}


def test_customer_ids_for_two_companies_are_doubted(outside: Place) -> None:
    """Each company has ids of its own: not a word for one, a warning for two that share a list."""
    policy, line = outside.folder / "policy.toml", '\n[[customer]]\nid = "58"\nkey_account = true\n'
    policy.write_text(policy.read_text() + line)
    process = outside.process()
    add_company(process.database)
    assert "ids" not in str(of(findings(outside), "policy"))
    add_company(process.database, "17", "CSECOND")
    process.close()
    state, words = of(findings(outside), "policy")[-1]
    assert (state, f"apply to all of 17, {REALM}" in words) == (WARNING, True)
    own = line.replace("[[customer]]", '[[company."17".customer]]').replace("58", "9")
    policy.write_text(policy.read_text() + own)
    assert "ids" not in str(of(findings(outside), "policy"))


def test_redis_is_away(outside: Place, tmp_path: Path) -> None:
    """Its address is not repeated: it may hold a password."""
    state, words = only(findings(outside, REDIS_URL=f"unix://{tmp_path}/no.sock"), "redis")
    assert state == WRONG
    assert str(tmp_path) not in words


def test_the_database_is_away(outside: Place) -> None:
    """The others are still looked at."""
    found = findings(outside, DATABASE_URL="sqlite:////nowhere/at/all.sqlite3")
    assert only(found, "database")[0] == WRONG
    assert only(found, "mail")[0] == OK


def test_the_app_token_is_tried(outside: Place) -> None:
    """Only in Socket Mode; it opens no socket, and shows neither token nor address."""
    assert "not used" in only(findings(outside), "slack socket")[1]
    slack = outside.outside.slack
    good, bot = slack.keys.app_token, slack.keys.bot_token
    tried = {
        token: only(findings(outside, SLACK_APP_TOKEN=token), "slack socket")
        for token in (*(good, bot, "xapp-1-of-another"),)
    }
    assert tried[good] == (OK, "SLACK_APP_TOKEN opens one")
    assert tried[bot][0] == tried["xapp-1-of-another"][0] == WRONG
    assert "not_allowed_token_type; SLACK_APP_TOKEN must be an app-level token" in tried[bot][1]
    assert "invalid_auth" in tried["xapp-1-of-another"][1]
    fault = {"service": "slack", "match": "connections.open", "kind": "status", "status": 429}
    slack.world.faults.add(fault_from(fault))
    state, words = only(findings(outside, SLACK_APP_TOKEN=good), "slack socket")
    assert (state, words) == (WARNING, "apps.connections.open: Slack asks to wait")
    away = findings(outside, SLACK_APP_TOKEN=good, SLACK_API_URL="http://127.0.0.1:9/api")
    state, words = only(away, "slack socket")
    assert (state, "cannot be reached" in words) == (WRONG, True)
    assert "SLACK_APP_TOKEN" not in words
    assert [*slack.sockets.ended, *slack.sockets.lines] == []


@pytest.mark.parametrize("status", [429, 503])
def test_who_is_not_looked_up_is_not_called_wrong(outside: Place, status: int) -> None:
    """The policy file may be right all the same: it is not what is to be corrected."""
    fault = {"service": "slack", "match": "users.info", "kind": "status", "status": status}
    outside.outside.slack.world.faults.add(fault_from(fault))
    (state, words), *_ = of(findings(outside), "people")
    assert (state, "cannot say just now who U" in words) == (UNTRIED, True)
    assert "policy file" not in words


def test_a_scope_is_missing(outside: Place) -> None:
    """Its name, and what to do."""
    outside.outside.slack.web_api.scopes = tuple(s for s in SCOPES if s != "groups:history")
    state, words = only(findings(outside), "slack scopes")
    assert state == MISSING
    assert "groups:history" in words


def test_the_scopes_are_those_of_the_manifest() -> None:
    """One list in two places, held together."""
    manifest = yaml.safe_load((ROOT / "manifest.yml").read_text())
    assert set(SCOPES) == set(manifest["oauth_config"]["scopes"]["bot"])


@pytest.mark.parametrize(
    ("channel", "state", "words"),
    [
        (Channel("CX", "x", members={"ULEAD1"}, is_private=False), WRONG, "/invite @overdue"),
        (Channel("CX", "x", is_ext_shared=True), WRONG, "shared with other organisations"),
        (Channel("CX", "x", is_org_shared=True), WRONG, "shared with other organisations"),
        (Channel("CX", "x", is_archived=True), WRONG, "archived"),
        (Channel("CX", "x", is_private=False), WARNING, "public"),
        (Channel("CX", "x"), OK, "#x"),
    ],
)
def test_the_channel(outside: Place, channel: Channel, state: str, words: str) -> None:
    """It exists, the bot is in it, and nobody else's people read it."""
    outside.outside.slack.space.add_channel(channel)
    found = only(findings(outside, SLACK_CHANNEL="CX"), "slack channel")
    assert found[0] == state
    assert words in found[1]


def test_slack_refuses_the_token(outside: Place) -> None:
    """Slack's own word, and which setting to look at."""
    state, words = only(findings(outside, SLACK_BOT_TOKEN="xoxb-17653672481-pdFZK"), "slack")
    assert state == WRONG
    assert "refuses the token (invalid_auth)" in words
    assert "pdFZK" not in words
    state, words = only(findings(outside, SLACK_API_URL="http://127.0.0.1:9/api"), "slack")
    assert (state, "cannot be reached" in words) == (WRONG, True)


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ("UGUEST", "is a guest"),
        ("USTRANGER", "another organisation"),
        ("UNOBODY", "user_not_found"),
    ],
)
def test_a_person_of_the_policy_may_not_act(outside: Place, user: str, words: str) -> None:
    """Named in the policy, and yet refused at every click: better said before."""
    policy = outside.folder / "policy.toml"
    policy.write_text(policy.read_text().replace("UCOLLECT", user))
    found = of(findings(outside), "people")
    assert [(state, words in said) for state, said in found] == [(WRONG, True)]


def test_a_policy_that_cannot_be_read(outside: Place) -> None:
    """The policy's own sentence on one line."""
    (outside.folder / "policy.toml").write_text("[pace]\nundo_seconds = 'soon'\n")
    state, words = only(findings(outside), "policy")
    assert state == WRONG
    assert "undo_seconds" in words


def test_a_company_whose_tokens_do_not_work(outside: Place) -> None:
    """Each company is asked something."""
    process = outside.process()
    add_company(process.database)
    process.close()
    state, words = only(findings(outside), "quickbooks")
    assert state == WRONG
    assert "connect it again" in words


def test_a_company_that_is_connected(outside: Place) -> None:
    """Its name as QuickBooks tells it now, and its mode."""
    from tests.bot.web.test_quickbooks import come_back, state_for
    from tests.bot.web_process import web_process

    with web_process(outside) as web:
        assert come_back(web, state_for(web)).status_code == 200
        with web.process.database.reading() as conn:
            (company,) = companies.all_of_them(conn)
    found = only(findings(outside), "quickbooks")
    assert found == (OK, f"{company.realm}: Brass Fern, shadow")


@pytest.mark.parametrize(
    ("columns", "state"),
    [
        ({"mode": "shadow"}, WARNING),
        ({"mode": "live"}, MISSING),
        ({"mode": "live", "reminders_off_at": START}, None),
    ],
)
def test_reminders_that_nobody_has_confirmed(
    outside: Place, columns: dict[str, Any], state: str | None
) -> None:
    """A live company sends nothing then, and this is where one looks for the reason."""
    process = outside.process()
    add_company(process.database)
    with process.database.writing() as conn:
        companies.change(conn, REALM, **columns)
    process.close()
    found = of(findings(outside), "reminders")
    assert [each for each, _ in found] == [state for state in [state] if state]
    assert all("a finance lead confirms it in App Home" in words for _, words in found)


def test_a_company_that_was_disconnected_is_no_fault(outside: Place) -> None:
    """Somebody wanted it so."""
    process = outside.process()
    add_company(process.database)
    with process.database.writing() as conn:
        companies.change(conn, REALM, status="disconnected")
    process.close()
    state, words = only(findings(outside), "quickbooks")
    assert (state, "is disconnected" in words) == (WARNING, True)


def test_no_model_is_a_choice(outside: Place) -> None:
    """Plain templates are used then."""
    assert only(findings(outside, OPENAI_API_KEY=""), "model")[0] == WARNING


def test_a_model_without_a_price_has_no_budget(outside: Place) -> None:
    """It works, but whoever set a budget must know that it does not hold."""
    assert only(findings(outside, OPENAI_MODEL="gpt-6-luna"), "model")[0] == OK
    status, words = only(findings(outside, OPENAI_MODEL="gpt-6-astra"), "model")
    assert (status, "budget cannot hold" in words) == (WARNING, True)


def test_the_model_is_away(outside: Place) -> None:
    """A model that is configured and does not answer is missing."""
    for _ in range(3):
        fault = {"service": "model", "match": "", "kind": "status", "status": 401}
        outside.outside.world.faults.add(fault_from(fault))
    assert only(findings(outside), "model")[0] == WRONG


def test_mail_is_away(outside: Place) -> None:
    """The mail server is asked, without a mail."""
    assert only(findings(outside, SMTP_URL="smtp://127.0.0.1:9"), "mail")[0] == WRONG


def test_answers_to_another_mailbox_are_doubted(outside: Place) -> None:
    """Customers answer to the sender; whoever reads another mailbox may never see it."""
    found = findings(outside, MAIL_FROM="Billing <billing@brass-fern.example>")
    state, words = only(found, "replies")
    assert state == WARNING
    assert "billing@brass-fern.example (MAIL_FROM)" in words
    assert of(findings(outside), "replies") == []


def test_sources_are_tried_each_for_itself(outside: Place) -> None:
    """What it could read; that there is none by choice; what is wrong; what it waits for."""
    assert only(findings(outside), "CRM") == (
        OK,
        "HubSpot: can read contacts (0), companies (0), notes (0) and owners",
    )
    assert only(findings(outside), "help desk") == (
        OK,
        "Zendesk: can read open tickets (0), their comments and users",
    )
    half = findings(outside, ZENDESK_CLIENT_SECRET="")
    assert only(half, "help desk") == (MISSING, "needs ZENDESK_CLIENT_SECRET")
    absent = (OK, "not connected, by choice (HUBSPOT_TOKEN is empty)")
    assert only(findings(outside, HUBSPOT_TOKEN=""), "CRM") == absent
    state, words = only(findings(outside, HUBSPOT_TOKEN="pat-na1-another"), "CRM")
    assert state == WRONG
    assert words.startswith("HubSpot does not accept the service key: make a new one")
    named = outside.folder / "named.toml"
    named.write_text('[company."1".marks]\ncrm_properties = { "vip" = "key_account" }\n')
    state, words = only(findings(outside, POLICY_FILE=str(named)), "CRM")
    assert (state, "no property vip" in words) == (WRONG, True)


def test_the_table_is_aligned() -> None:
    """Part, state, words: each begins in its column; the end says what is to be done."""
    found = [Finding("a", OK, "fine"), Finding("longer", MISSING, "not there")]
    shown = table([*found, Finding("b", UNTRIED, "needs a"), Finding("c", WRONG, "x")])
    assert shown.splitlines() == [
        "a       ok         fine",
        "longer  missing    not there",
        "b       not tried  needs a",
        "c       wrong      x",
        "",
        (
            "1 wrong and 1 missing: start at the top. "
            "1 not tried yet: run overdue doctor again afterwards."
        ),
    ]
