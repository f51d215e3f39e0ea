"""Commands that set Overdue up and run all of it: for one small company, on one machine."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path

import click
from cryptography.fernet import Fernet
from pydantic import SecretStr

from bot.cli.launcher import (
    QUEUE,
    Keeper,
    Launcher,
    NoQueue,
    Stopped,
    queue_url,
    socket_folder,
    until_stopped,
)
from bot.cli.processes import PROCESSES, forking
from jobs import needs, settings
from jobs.needs import Part
from jobs.rules.policy import policy as policies
from jobs.settings import Settings

GRACE_SECONDS = 40.0
"""How long processes may take to finish: a job that sends goes on for up to 30 s. Triage may go on
for longer; what is cut off there is done again."""
LOOK_SECONDS = 0.5
EVERY_PART: tuple[Part, ...] = ("web", "intake", "triage", "act", "clock")
ENV_FILE, POLICY_FILE = Path(".env"), Path("policy.toml")
ROOT = Path(__file__).parents[2]


def register(main: click.Group) -> None:
    """Add them to `overdue`."""
    main.add_command(init)
    main.add_command(start)


@click.command()
def init() -> None:
    """Write a .env with a fresh key and a policy file to fill in, and say what is missing.

    Existing files are left as they are.
    """
    _write(ENV_FILE, _env_text(), 0o600)
    _write(POLICY_FILE, policy_text(), 0o644)
    found, wrong = settings.load_what_can_be()
    lacking = [*wrong, *needs.missing(found, *EVERY_PART)]
    told = [one for one in lacking if one.name != "REDIS_URL"]
    for problem in told:
        click.echo(f"  {problem.name}: {problem.reason}")
    click.echo(
        FILL_IN if told else "Nothing is missing. Next run overdue doctor, then overdue start."
    )


FILL_IN = (
    "Fill these in in .env, and say in policy.toml who may do what. Then run overdue doctor, and "
    "overdue start."
)


def _write(file: Path, text: str, mode: int) -> None:
    """Create `file`, unless it exists: then it is somebody's work."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        click.echo(f"{file} already exists and was left as it is.")
        return
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(text)
    click.echo(f"Wrote {file}.")


def _env_text() -> str:
    """.env.example with a fresh key, naming the policy file that is written next to it."""
    packed = Path(__file__).with_name("env.example")  # where the wheel puts it (pyproject.toml)
    text = (packed if packed.exists() else ROOT / ".env.example").read_text(encoding="utf-8")
    filled = {"TOKEN_KEYS": Fernet.generate_key().decode(), "POLICY_FILE": str(POLICY_FILE)}
    for name, value in filled.items():
        text = re.sub(f"^{name}=$", f"{name}={value}", text, flags=re.MULTILINE)
    return text


def policy_text() -> str:
    """The default policy with each line commented out: people remove the # where they need to."""
    lines = policies.default_text().splitlines()
    return "\n".join(f"# {line}" if line[:1].isalpha() else line for line in lines) + "\n"


@click.command()
def start() -> None:
    """Run web, the three workers and the clock, and a queue of its own if REDIS_URL is empty.

    For one company on one machine; on a platform, run the lines of the Procfile instead. The
    tables are upgraded first. A process that ends is started again. SIGTERM and Ctrl-C let each
    process finish its current work.
    """
    until_stopped()
    try:
        with socket_folder() as folder:
            _start(folder)
    except Stopped:
        click.echo("Stopped; nothing is left running.", err=True)
    except NoQueue as error:
        raise click.ClickException(f"REDIS_URL is empty, and {error}") from None


def _start(folder: Path) -> None:
    found = settings.load()
    own_queue = not found.redis_url.get_secret_value()
    if own_queue:
        found = found.model_copy(update={"redis_url": SecretStr(queue_url(folder))})
    needs.require(found, *EVERY_PART)
    environment = os.environ | {"REDIS_URL": found.redis_url.get_secret_value()}
    launcher = Launcher(environment, Path.cwd(), forking())
    try:
        # in a process of its own: this one forks, and may hold no connection
        if status := launcher.begin(("db", "upgrade"), launcher.surroundings()).wait():
            sys.exit(status)
        _keep(launcher, folder if own_queue else None, found)
    finally:
        launcher.stop(GRACE_SECONDS)


def _keep(launcher: Launcher, queue_folder: Path | None, found: Settings) -> None:
    """Run everything until Stopped is raised; `queue_folder` is given if we run the queue."""

    def begin(name: str) -> None:
        if name == QUEUE and queue_folder:
            launcher.start_queue(queue_folder)
        else:
            launcher.start(name)

    for name in [*([QUEUE] if queue_folder else []), *PROCESSES]:
        begin(name)
    _say(f"Running at {found.public_url}. Press Ctrl-C to stop.")
    keeper = Keeper(begin, _say)
    while True:
        keeper.look(launcher.ended())
        time.sleep(LOOK_SECONDS)


def _say(words: str) -> None:
    click.echo(words, err=True)
