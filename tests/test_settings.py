"""Settings: what is read, what is refused, what each process needs."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from dotenv import dotenv_values
from pydantic import SecretStr

from jobs.needs import NEEDS, missing, require
from jobs.settings import (
    Problem,
    Settings,
    SettingsError,
    examples,
    load,
    load_what_can_be,
    unencrypted,
)

ROOT = Path(__file__).parent.parent
NAMES = tuple(name.upper() for name in Settings.model_fields)
NOT_PROVIDERS = ("DATABASE_URL", "REDIS_URL", "PUBLIC_URL")

A_KEY = Fernet.generate_key().decode()

COMPLETE = {
    "REDIS_URL": "unix:///tmp/redis.sock?db=0",
    "TOKEN_KEYS": A_KEY,
    "PUBLIC_URL": "https://overdue.acme.test/",
    "SLACK_BOT_TOKEN": "xoxb-17653672481-19874698323",
    "SLACK_SIGNING_SECRET": "8f742231b10e8888abcd99yyyzzz85a5",
    "SLACK_CHANNEL": "C024BE91L",
    "QBO_CLIENT_ID": "ABqx81hfUo",
    "QBO_CLIENT_SECRET": "k29sQvPPq1",
    "QBO_WEBHOOK_TOKENS": "c7a3-first, c7a3-second",
    "MAIL_FROM": "Acme Finance <finance@acme.test>",
    "SMTP_URL": "smtp+starttls://finance:s%40fe@mail.acme.test:587",
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of the machine would decide these tests otherwise."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def loaded(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Settings:
    """Settings of an environment, without a .env."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return load(env_file=None)


def refused(monkeypatch: pytest.MonkeyPatch, **environment: str) -> dict[str, str]:
    """What is wrong with an environment: the reason by the name of the setting."""
    with pytest.raises(SettingsError) as caught:
        loaded(monkeypatch, **environment)
    return {problem.name: problem.reason for problem in caught.value.problems}


def test_nothing_set_is_enough_for_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any setting there is a SQLite file, and nothing else is configured."""
    settings = loaded(monkeypatch)
    require(settings, "db")
    assert settings.database_url.get_secret_value() == "sqlite:///overdue.sqlite3"
    assert not settings.slack_bot_token
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)


@pytest.mark.parametrize("part", NEEDS)
def test_a_complete_environment_starts_every_process(
    monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """What the README asks for is enough for each process."""
    require(loaded(monkeypatch, **COMPLETE), part)  # type: ignore[arg-type]


def test_lists_and_addresses_are_read_as_people_write_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lists split at commas and spaces, addresses lose their last slash, spaces around go."""
    settings = loaded(monkeypatch, **COMPLETE | {"QBO_CLIENT_ID": "  ABqx81hfUo\n"})
    assert settings.qbo_webhook_tokens == (SecretStr("c7a3-first"), SecretStr("c7a3-second"))
    assert settings.public_url == "https://overdue.acme.test"
    assert settings.qbo_client_id == "ABqx81hfUo"


def test_the_environment_comes_before_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A .env fills in what the environment does not say."""
    (tmp_path / ".env").write_text("PORT=9001\nHOST=0.0.0.0\nNOT_OURS=1\n")
    monkeypatch.setenv("PORT", "9002")
    settings = load(tmp_path / ".env")
    assert (settings.host, settings.port) == ("0.0.0.0", 9002)


def test_an_empty_line_means_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copied .env.example whose lines were left empty sets nothing."""
    settings = loaded(monkeypatch, SLACK_BOT_TOKEN="", TOKEN_KEYS="", PORT="", POLICY_FILE="")
    assert settings == load(env_file=None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SLACK_BOT_TOKEN", "xoxb-your-token"),
        ("SLACK_BOT_TOKEN", "xoxb-..."),
        ("SLACK_BOT_TOKEN", "xoxb-xxxxxxxxxxxx"),
        ("SLACK_APP_TOKEN", "xapp-your-app-token"),
        ("SLACK_SIGNING_SECRET", "changeme"),
        ("SLACK_SIGNING_SECRET", "Change-Me-Please"),
        ("SLACK_SIGNING_SECRET", "secret"),
        ("SLACK_SIGNING_SECRET", "00000000000000000000000000000000"),
        ("QBO_CLIENT_SECRET", "<client secret>".replace(" ", "-")),
        ("QBO_CLIENT_ID", "your-client-id"),
        ("QBO_WEBHOOK_TOKENS", "c7a3-first,your_verifier_token"),
        ("OPENAI_API_KEY", "sk-..."),
        ("OPENAI_API_KEY", "sk-your-key-here"),
        ("RESEND_API_KEY", "replace_me"),
        ("HUBSPOT_TOKEN", "pat-xxxx"),
        ("ZENDESK_CLIENT_SECRET", "TODO"),
        ("TOKEN_KEYS", "A" * 43 + "="),
        ("TOKEN_KEYS", "changeme"),
        ("TOKEN_KEYS", "not-a-fernet-key"),
        pytest.param("TOKEN_KEYS", f"{A_KEY} {'A' * 43}=", id="TOKEN_KEYS-the second of two"),
        ("SMTP_URL", "smtps://finance:changeme@mail.acme.test"),
        ("DATABASE_URL", "postgresql://overdue:your-password@db.acme.test/overdue"),
        ("SLACK_BOT_TOKEN", "xoxb-176536\r\nX-Injected: 1"),
    ],
)
def test_placeholders_and_broken_secrets_are_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """A secret that was never filled in, or cannot be one, is refused by name."""
    assert refused(monkeypatch, **{name: value}).keys() == {name}


@pytest.mark.parametrize(
    "value",
    [
        "xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOcBrzbqgy",
        "8f742231b10e8888abcd99yyyzzz85a5",
        "sandbox-signing-secret-5d0b",
        "yourselfish-monkey-83",
        "todoist-integration-7",
    ],
)
def test_real_secrets_pass(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """What only looks a little like a placeholder is not one."""
    settings = loaded(monkeypatch, SLACK_SIGNING_SECRET=value)
    assert settings.slack_signing_secret.get_secret_value() == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("PUBLIC_URL", "http://overdue.acme.test"),
        ("PUBLIC_URL", "overdue.acme.test"),
        ("PUBLIC_URL", "https://"),
        ("QBO_API_URL", "ftp://quickbooks.acme.test"),
        ("QBO_API_URL", "https://host:port/"),
        ("SLACK_API_URL", "https://bot:hunter2@slack.acme.test"),
        ("DATABASE_URL", "mysql://db/overdue"),
        ("REDIS_URL", "localhost:6379"),
        ("SMTP_URL", "mail.acme.test:25"),
        ("SMTP_URL", "smtp://"),
        ("IMAP_URL", "https://mail.acme.test"),
        ("SLACK_CHANNEL", "#finance"),
        ("ZENDESK_SUBDOMAIN", "acme.zendesk.com"),
        ("MAIL_FROM", "finance"),
        ("MAIL_FROM", "a@acme.test, b@acme.test"),
        ("OPENAI_API", "completions"),
        ("POLICY_FILE", "/nowhere/policy.toml"),
    ],
)
def test_what_cannot_be_right_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """A value of the wrong kind is refused at start, not in the middle of the work."""
    assert refused(monkeypatch, **{name: value}).keys() == {name}


def test_a_wrong_kind_is_said_in_plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """For whoever sets it up, who need not program."""
    found = {"PORT": "eighty", "METRICS_PORT": "70000", "OPENAI_API": "completions"}
    assert refused(monkeypatch, POLICY_FILE="/nowhere/policy.toml", **found) == {
        "PORT": "must be a whole number",
        "METRICS_PORT": "must be at most 65535",
        "OPENAI_API": "must be 'responses' or 'chat'",
        "POLICY_FILE": "does not name an existing file",
    }


@pytest.mark.parametrize("host", ["localhost:8800", "127.0.0.1:8800", "[::1]:8800"])
def test_plain_http_is_for_this_machine(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """The public address may be http only on loopback."""
    assert loaded(monkeypatch, PUBLIC_URL=f"http://{host}").public_url == f"http://{host}"


def test_all_problems_come_at_once_and_show_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """One start names everything that is wrong; no value stands in the message."""
    values = {
        "SLACK_BOT_TOKEN": "xoxb-your-hunter2",
        "TOKEN_KEYS": "hunter3,hunter4",
        "SMTP_URL": "mail://finance:hunter5@mail.acme.test",
        "PORT": "hunter6",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load(env_file=None)
    assert [problem.name for problem in caught.value.problems] == [
        *("TOKEN_KEYS", "PORT", "SLACK_BOT_TOKEN", "SMTP_URL")
    ]
    assert all(name in str(caught.value) for name in values)
    assert "hunter" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_settings_do_not_print_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a log line nor a traceback with the settings in it gives a secret away."""
    shown = repr(loaded(monkeypatch, **COMPLETE))
    hidden = set(COMPLETE) - {"PUBLIC_URL", "SLACK_CHANNEL", "QBO_CLIENT_ID", "MAIL_FROM"}
    assert not [name for name in hidden if COMPLETE[name] in shown]


def test_a_process_names_everything_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refusing to start, the act worker lists all it needs, with a way to get it."""
    with pytest.raises(SettingsError) as caught:
        require(loaded(monkeypatch), "act")
    assert [problem.name for problem in caught.value.problems] == [
        *("REDIS_URL", "TOKEN_KEYS", "QBO_CLIENT_ID", "QBO_CLIENT_SECRET", "MAIL_FROM"),
        *("SLACK_BOT_TOKEN", "SLACK_CHANNEL", "SMTP_URL or RESEND_API_KEY or MAIL_FOLDER"),
    ]
    assert "Fernet.generate_key()" in str(caught.value)


@pytest.mark.parametrize(
    ("begun", "lacks"),
    [
        (
            {"ZENDESK_SUBDOMAIN": "acme", "ZENDESK_CLIENT_ID": "overdue"},
            ["ZENDESK_CLIENT_SECRET"],
        ),
        ({"HUBSPOT_API_URL": "https://api.hubspot.test"}, ["HUBSPOT_TOKEN"]),
        (
            {"MAIL_OAUTH_CLIENT_SECRET": "qX8~v1", "MAIL_OAUTH_CLIENT_ID": "overdue"},
            ["MAIL_OAUTH_REFRESH_TOKEN", "MAIL_OAUTH_URL"],
        ),
    ],
)
def test_a_source_is_set_up_wholly_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch, begun: dict[str, str], lacks: list[str]
) -> None:
    """One with half of its settings would otherwise count as not configured."""
    settings = loaded(monkeypatch, **COMPLETE | begun)
    for part in ("triage", "act", "work"):
        assert [each.name for each in missing(settings, part)] == lacks
    assert missing(settings, "intake", "web", "clock") == ()


def test_each_process_asks_only_for_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock runs without any secret, and reading the ledger needs no Slack."""
    settings = loaded(monkeypatch, REDIS_URL=COMPLETE["REDIS_URL"])
    require(settings, "clock")
    assert not {"SLACK_BOT_TOKEN"} & {problem.name for problem in missing(settings, "intake")}


def test_an_app_token_stands_in_for_what_signs_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Socket Mode is for a machine that nobody outside reaches: it needs no signing secret."""
    without = {name: value for name, value in COMPLETE.items() if name != "SLACK_SIGNING_SECRET"}
    reason = "is missing (under Basic Information of the Slack app)"
    needed = Problem("SLACK_SIGNING_SECRET or SLACK_APP_TOKEN", reason)
    assert missing(loaded(monkeypatch, **without), "web") == (needed,)
    require(loaded(monkeypatch, SLACK_APP_TOKEN="xapp-1-A0-17653672481"), "web")
    monkeypatch.delenv("QBO_WEBHOOK_TOKENS")  # where Slack cannot reach us, neither can Intuit
    require(loaded(monkeypatch), "web")
    monkeypatch.delenv("SLACK_APP_TOKEN")
    lacking = [problem.name for problem in missing(loaded(monkeypatch), "web")]
    assert lacking == ["QBO_WEBHOOK_TOKENS or SLACK_APP_TOKEN", needed.name]


def test_there_is_one_way_to_send(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two ways to send would leave open which one a mail took."""
    problems = refused(monkeypatch, **COMPLETE, MAIL_FOLDER="/tmp/mails")
    assert problems.keys() == {"SMTP_URL and RESEND_API_KEY and MAIL_FOLDER"}
    assert "set only one" in problems["SMTP_URL and RESEND_API_KEY and MAIL_FOLDER"]


def test_what_can_be_right_is_still_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that cannot be right, or two that do not fit together, take no other with them."""
    wrong = {"QBO_CLIENT_ID": "your-client-id", "PORT": "eighty", "SMTP_URL": "mail.acme.test"}
    for name, value in (COMPLETE | wrong).items():
        monkeypatch.setenv(name, value)
    settings, problems = load_what_can_be(env_file=None)
    assert {problem.name for problem in problems} == set(wrong)
    assert (settings.qbo_client_id, settings.port) == ("", 8000)
    assert settings.slack_channel == COMPLETE["SLACK_CHANNEL"]
    for name, value in (COMPLETE | {"MAIL_FOLDER": "/tmp/mails", "PORT": "8001"}).items():
        monkeypatch.setenv(name, value)
    settings, problems = load_what_can_be(env_file=None)
    assert [problem.name for problem in problems] == ["SMTP_URL and RESEND_API_KEY and MAIL_FOLDER"]
    assert (settings.smtp_url.get_secret_value(), settings.port) == ("", 8001)
    assert settings.slack_channel == COMPLETE["SLACK_CHANNEL"]


PROVIDERS = [name for name in NAMES if name.endswith("_URL") and name not in NOT_PROVIDERS]
NEAR = ("localhost", "127.0.0.1", "[::1]", "10.1.2.3", "172.31.0.9", "192.168.1.7", "[fd00::7]")
AFAR = (
    *("api.acme.test", "8.8.8.8", "172.32.0.9", "169.254.169.254", "[2001:db8::1]", "127.1"),
    *("localhost.acme.test", "10.1.2.3.acme.test", "[::ffff:10.1.2.3]"),
)


@pytest.mark.parametrize("name", PROVIDERS)
def test_providers_are_reached_over_tls(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """In the clear only on this machine and at private addresses, and these can be named."""
    scheme = {"SMTP_URL": "smtp", "IMAP_URL": "imap"}.get(name, "http")
    for host in AFAR:
        reason = refused(monkeypatch, **{name: f"{scheme}://{host}/"})[name]
        assert "except on this machine or at a private address" in reason
    for host in NEAR:
        assert name in unencrypted(loaded(monkeypatch, **{name: f"{scheme}://{host}:8443/"}))
    assert name not in unencrypted(loaded(monkeypatch, **{name: f"{scheme}s://api.acme.test/"}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUBLIC_URL", "https://overdue.example.com"),
        ("DATABASE_URL", "postgresql://user:password@host/name"),
        ("REDIS_URL", "rediss://:password@host:6379/0"),
        ("SMTP_URL", "smtp+starttls://user:password@host:587"),
        ("MAIL_FROM", "Finance <finance@example.org>"),
    ],
)
def test_what_an_example_has_is_told(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """It could be right, so that a process starts; whoever looks is told."""
    assert examples(loaded(monkeypatch, **COMPLETE)) == ()
    told = examples(loaded(monkeypatch, **{name: value}))
    assert told == (Problem(name, "is still the placeholder of an example"),)


def test_the_example_names_every_setting_with_its_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """.env.example has each setting, no other, and starts as if nothing were set."""
    example = dotenv_values(ROOT / ".env.example")
    assert sorted(example) == sorted(NAMES)
    assert load(ROOT / ".env.example") == load(env_file=None)


def test_the_readme_names_every_setting() -> None:
    """Whoever installs Overdue finds each setting in the README."""
    readme = (ROOT / "README.md").read_text()
    assert not [name for name in NAMES if f"`{name}`" not in readme]
