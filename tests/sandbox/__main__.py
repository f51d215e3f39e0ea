"""`python -m tests.sandbox`: the main job on this machine, against stand-ins, on one page."""

import argparse
import errno
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bot.cli.launcher import Keeper, NoQueue, Stopped, until_stopped
from bot.cli.processes import Begin
from tests.sandbox import company
from tests.sandbox.policy_file import LIFELIKE, UNMARKED, Marks, policy_text
from tests.sandbox.processes import Sandbox, sandbox
from tests.sandbox.product import ProcessFailed
from tests.sandbox.stand_ins import stand_ins

DEFAULT_PORT = 8800
UNDO_SECONDS = 15


def main(arguments: Sequence[str] | None = None, begin: Begin | None = None) -> int:
    """Run until Ctrl-C, SIGTERM or SIGHUP; the exit status. `begin` starts another product."""
    options = parser().parse_args(arguments)
    until_stopped()
    try:
        _only_stand_ins(options) if options.stand_ins_only else _everything(options, begin)
    except Stopped:
        say("Stopped; nothing is left running.")
        return 0
    except (OSError, ValueError, ProcessFailed, NoQueue) as error:
        say(_explained(error, options))
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    """The options."""
    found = argparse.ArgumentParser(prog="python -m tests.sandbox", description=__doc__)
    found.add_argument("--port", type=int, default=DEFAULT_PORT, help="of the page (8800)")
    found.add_argument("--company", type=Path, metavar="FILE.json", help="another company's books")
    found.add_argument("--undo-seconds", type=int, default=UNDO_SECONDS, metavar="N")
    found.add_argument("--first-run", action="store_true", help="stay in shadow mode")
    found.add_argument("--stand-ins-only", action="store_true", help="start nothing of the product")
    return found


def say(words: str) -> None:
    """To the person at the terminal; standard output is for programs."""
    print(words, file=sys.stderr, flush=True)


def _everything(options: argparse.Namespace, begin: Begin | None) -> None:
    with sandbox(
        company_file=options.company or company.LIFELIKE,
        marks=_marks(options),
        undo_seconds=options.undo_seconds,
        port=options.port,
        begin=begin,
        past=has_past(options),
        say=say,
    ) as running:
        if not has_past(options):
            _open_for_business(running, options.first_run)
        say(f"Looking for overdue invoices: {running.order('run')}")
        print(running.url, flush=True)
        say("Open the page; Ctrl-C ends everything.")
        _keep_running(running)


def _marks(options: argparse.Namespace) -> Marks:
    return LIFELIKE if options.company is None else UNMARKED


def has_past(options: argparse.Namespace) -> bool:
    """The built-in company has lived for a while; whoever brings books, or begins, has not."""
    return options.company is None and not options.first_run


def _open_for_business(running: Sandbox, first_run: bool) -> None:
    say("Connecting the company …")
    running.connect()
    if not first_run:
        say("Confirming that QuickBooks' own reminders are off …")
        running.confirm_reminders()
        say(f"Going live: {running.order('live confirm')}")


def _keep_running(running: Sandbox) -> None:
    """What a platform does: start a process again that has ended."""
    product = running.product
    keeper = Keeper(product.start, say)
    while True:
        keeper.look(product.ended())
        time.sleep(0.5)


def _only_stand_ins(options: argparse.Namespace) -> None:
    """The settings go to standard output below the URL, one `NAME=value` a line."""
    with (
        stand_ins(options.company or company.LIFELIKE, options.port) as outside,
        tempfile.TemporaryDirectory(prefix="overdue-") as folder,
    ):
        policy_file = Path(folder) / "policy.toml"
        policy_file.write_text(policy_text(options.undo_seconds, _marks(options)), encoding="utf-8")
        public_url = os.environ.get("PUBLIC_URL", "http://127.0.0.1:8000")
        outside.reach(public_url)
        settings = outside.settings() | {"POLICY_FILE": str(policy_file)}
        say(f"The product is expected at {public_url} (PUBLIC_URL); Ctrl-C ends the stand-ins.")
        lines = [outside.url, *(f"{name}={value}" for name, value in settings.items())]
        print("\n".join(lines), flush=True)
        while True:
            signal.pause()


def _explained(error: Exception, options: argparse.Namespace) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return f"Port {options.port} is taken; choose another one with --port."
    return str(error)


if __name__ == "__main__":
    sys.exit(main())
