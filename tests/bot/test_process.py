"""The parts of a process: made from settings, when they are first wanted."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.process import Process
from jobs.mail.folder import Folder
from jobs.mail.smtp import Smtp
from jobs.pipeline import QUEUES
from jobs.rules.policy.errors import PolicyError
from qbo.pacing import utc_now
from tests.bot.web_process import settings

ROOT = Path(__file__).parent.parent.parent


def process(**values: str) -> Process:
    """The parts with these settings."""
    return Process(settings(**values), utc_now)


def test_without_a_policy_file_nobody_is_named() -> None:
    """The defaults."""
    assert process().policy.named_users() == frozenset()


def test_the_policy_file_counts(tmp_path: Path) -> None:
    """What it says, and that it is wrong."""
    file = tmp_path / "policy.toml"
    file.write_text("[pace]\nundo_seconds = 7\n")
    assert process(POLICY_FILE=str(file)).policy.undo_seconds == 7
    file.write_text("[pace]\nundo_seconds = -1\n")
    with pytest.raises(PolicyError):
        _ = process(POLICY_FILE=str(file)).policy


def test_one_way_to_send(tmp_path: Path) -> None:
    """SMTP, a folder, or none."""
    assert isinstance(process(SMTP_URL="smtp://127.0.0.1:25").mailer, Smtp)
    assert isinstance(process(MAIL_FOLDER=str(tmp_path)).mailer, Folder)
    assert process().mailer is None


def test_the_sender_is_a_bare_address() -> None:
    """The name before it is the policy's."""
    services = process(MAIL_FROM="Brass Fern <accounts@brassfern.example>").services
    assert (services.sender, services.reply_to) == ("accounts@brassfern.example",) * 2


def test_a_model_needs_a_key() -> None:
    """Without one, templates."""
    assert process().model is None
    model = process(OPENAI_API_KEY="sk-9f3c7d", OPENAI_MODEL="some-model").model
    assert model is not None
    assert model.name == "some-model"


def test_every_step_of_every_queue_can_be_built() -> None:
    """The table in the pipeline names steps that exist, in its order."""
    assert [step.name for step in process().steps()] == list(QUEUES)
    assert [step.name for step in process().steps("act")] == [
        "send",
        "write_back",
        "messages",
        "tell_managers",
        "draft_copies",
        "filing",
        "people",
    ]


def test_a_ledger_is_one_client_per_company() -> None:
    """Its token and its pace are shared by the threads of a process."""
    parts = process(TOKEN_KEYS="3Jtb2nRZ2LrAJ5g8cSDUWmqNKQxVd1uYh7ePzo4fvkE=")
    assert parts.ledgers.of("1") is parts.ledgers.of("1")
    assert parts.ledgers.of("1") is not parts.ledgers.of("2")
    parts.close()


def test_a_ring_does_not_wait_for_a_redis_that_is_away(tmp_path: Path) -> None:
    """A click is answered whether or not the queue is there: no back-off, no second try."""
    parts = process(REDIS_URL=f"unix://{tmp_path}/no.sock")
    retries = parts.redis.connection_pool.connection_kwargs["retry"]
    assert retries.get_retries() == 0
    parts.queues.wake("send", "1")
    parts.close()


def loaded_by(program: str) -> set[str]:
    """The top-level modules that a program has loaded at its end."""
    code = f"{program}\nimport sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("queue", "without"),
    [
        ("intake", {"openai", "slack_sdk", "slack_bolt", "starlette", "alembic"}),
        ("triage", {"slack_sdk", "slack_bolt", "starlette", "alembic"}),
        ("act", {"openai", "slack_bolt", "starlette", "alembic"}),
    ],
)
def test_a_worker_loads_only_what_its_steps_need(queue: str, without: set[str]) -> None:
    """Large libraries cost each process its memory."""
    program = (
        "from bot.cli import main as cli\n"
        "from bot.process import Process\n"
        "from jobs.settings import Settings\n"
        f"Process(Settings(_env_file=None)).steps({queue!r})"
    )
    assert not loaded_by(program) & without


def test_time_comes_from_the_entry_point() -> None:
    """Whoever builds the parts says what time it is."""
    assert process().now().tzinfo is not None
    assert time.time() - process().now().timestamp() < 60
