"""How a command starts and fails: settings in, sentences out, never a traceback for a mistake."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from sqlalchemy.exc import SQLAlchemyError

from bot.process import Process
from jobs import needs, settings
from jobs.needs import Part
from jobs.rules.policy import policy as policies
from jobs.rules.policy.errors import PolicyError, located
from jobs.rules.policy.policy import Policy
from jobs.settings import SettingsError
from jobs.store.database.engine import WORKER_PATIENCE

CANNOT_START = 2


@dataclass(frozen=True)
class CommandParts:
    """What every command is given to get its parts."""

    def process(self, part: Part, patience: timedelta = WORKER_PATIENCE) -> Process:
        """The parts for `part`. Raises SettingsError for missing or wrong settings."""
        found = settings.load()
        needs.require(found, part)
        return Process(found, patience=patience)

    def recorded(self, part: Part = "db") -> Process:
        """Like `process`, for a command that needs the tables. Raises click.ClickException."""
        from jobs.store.database import schema  # loads Alembic, which no worker needs

        process = self.process(part)
        if not schema.is_current(process.database):
            raise click.ClickException(NO_TABLES)
        return process


NO_TABLES = (
    "The database at DATABASE_URL has no Overdue tables. If this is the right folder, run: overdue "
    "db upgrade"
)
entry = click.make_pass_decorator(CommandParts)


def policy_in(path: Path) -> Policy:
    """The policy in this file. Raises click.ClickException, which names each mistake's line."""
    try:
        text = path.read_text(encoding="utf-8")
        return policies.load(text)
    except PolicyError as error:
        told = (located(sentence, text) for sentence in str(error).split("\n"))
        raise click.ClickException("\n".join(f"{path}: {one}" for one in told)) from error
    except (UnicodeDecodeError, OSError) as error:
        raise click.ClickException(f"{path}: It cannot be read as text.") from error


class Group(click.Group):
    """A group whose commands explain a wrong setting, policy or database in a sentence."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (SettingsError, PolicyError) as error:
            click.echo(str(error), err=True)
            ctx.exit(CANNOT_START)
        except SQLAlchemyError as error:
            raise click.ClickException(
                f"The database cannot be reached ({type(error).__name__}). Check DATABASE_URL, and "
                "that `overdue db upgrade` has been run."
            ) from error
