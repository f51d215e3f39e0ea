"""What an administrator does about connections: new keys, and a look at the figures."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet
from pydantic import SecretStr

from bot import logs
from bot.cli.main import main
from jobs.settings import Settings
from jobs.store import companies
from jobs.store.database.engine import Database
from jobs.store.services.tokens import Seal, SqlTokenStore
from qbo import Tokens
from tests.bot.web_process import place, web_process
from tests.jobs.store import copies
from tests.jobs.store.record import NOW, REALM, company

database = copies.database

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))
TOKENS = Tokens(
    access=SecretStr("access-1"),
    refresh=SecretStr("refresh-1"),
    expires_at=NOW,
    refresh_expires_at=NOW + timedelta(days=100),
    created_at=NOW,
)


def rotate(database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch, *keys: str) -> Result:
    """`overdue db rotate-keys` with these keys, newest first."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(logs, "configure", lambda: None)  # it would take over pytest's logging
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    settings = {
        "DATABASE_URL": database.engine.url.render_as_string(hide_password=False),
        "TOKEN_KEYS": ",".join(keys),
        "QBO_CLIENT_ID": "client-17",
        "QBO_CLIENT_SECRET": "s3cret-of-the-app",
        "PUBLIC_URL": "https://overdue.acme.example",
    }
    return CliRunner().invoke(main, ["db", "rotate-keys"], env=settings)


def seal(key: str) -> Seal:
    return Seal([SecretStr(key)])


def test_a_new_key_takes_over(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says how many; afterwards the old key is not needed any more."""
    company(database, sealed_tokens=seal(OLD).close(REALM, TOKENS))
    done = rotate(database, tmp_path, monkeypatch, NEW, OLD)
    assert (done.exit_code, done.output) == (
        0,
        "1 company's tokens are sealed with the newest key.\n",
    )
    assert SqlTokenStore(database, seal(NEW)).load(REALM) == TOKENS


def test_tokens_that_fit_no_key_are_named(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left as they are, with what to do, and the command fails."""
    company(database, sealed_tokens=seal(OLD).close(REALM, TOKENS))
    done = rotate(database, tmp_path, monkeypatch, NEW)
    assert done.exit_code == 1
    assert f"None of TOKEN_KEYS opens the tokens of {REALM}" in done.output
    assert SqlTokenStore(database, seal(OLD)).load(REALM) == TOKENS


def test_metrics_show_reads_pauses_and_connections(tmp_path: Path) -> None:
    """By company, and what the month has for all of them together."""
    with place(tmp_path) as outside, web_process(outside) as web:
        now, budget = web.process.now(), web.process.budget
        company(web.process.database)
        for metered in (30, 1, 0):
            budget.take(REALM, metered, web.process.now)
        budget.hold(REALM, 60, now)
        with web.process.database.writing() as conn:
            companies.change(conn, REALM, status="reauth_required", hard_expires_at=NOW)
        text = web.operators.get("/metrics").text
    assert f'overdue_quickbooks_reads{{company="{REALM}"}} 31.0' in text
    assert f'overdue_quickbooks_writes{{company="{REALM}"}} 1.0' in text
    assert "overdue_quickbooks_quota 500000.0" in text
    assert f'overdue_quickbooks_held{{company="{REALM}"}} 1.0' in text
    assert f'overdue_quickbooks_connected{{company="{REALM}"}} 0.0' in text
    assert f'overdue_quickbooks_ends{{company="{REALM}",end="hard"}}' in text
