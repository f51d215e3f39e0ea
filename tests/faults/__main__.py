"""`python -m tests.faults [WHAT …]`: strike at every moment of a case's life, and count the ends.

The order is shuffled by the seed, so that a run that is broken off was a fair sample. `--resume`
leaves out what stands in the journal already.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from tests.databases import NoPostgres, postgres_database, postgres_server
from tests.faults import kills, outside, troubles, wire
from tests.faults.ground import Ground, ground
from tests.faults.lives import Lived
from tests.faults.moments import Moment
from tests.faults.wire import Ended

OUTSIDE: dict[str, Callable[[int, int | None, str], Iterable[tuple[object, Ended]]]] = {
    "outside": outside.sampled,
    "wire": wire.sampled,
}
"""What needs no processes of its own; each fault happens once."""
WITH_PROCESSES = ("kills", "stops", "lost", "full", "pairs", "queue", "database")
WHAT = (*WITH_PROCESSES, *OUTSIDE)
ENGINES = ("sqlite", "postgresql")
TIMES, PAIRS = 25, 20


class Fault(Protocol):
    """Something that happens during a life."""

    def happen(self, ground: Ground) -> Lived: ...


def faults(what: str, moments: Sequence[Moment], engine: str, seed: int) -> list[Fault]:
    """All faults of a kind."""
    match what:
        case "kills":
            return list(kills.kills(moments))
        case "stops":
            return list(kills.stops(moments))
        case "lost":
            return list(kills.failing_commits(moments, "after"))
        case "full":
            return list(kills.failing_commits(moments, "before"))
        case "pairs":
            return list(kills.pairs(moments, PAIRS, seed))
        case "queue":
            return list(troubles.QUEUE)
        case _:
            return list(troubles.POSTGRESQL) if engine == "postgresql" else []


def main(arguments: Sequence[str] | None = None) -> int:
    """Live through what is named, or everything; 1 if anything was violated."""
    options = _parser().parse_args(arguments)
    if unknown := set(options.what) - set(WHAT):
        _parser().error(f"{', '.join(unknown)}: choose from {', '.join(WHAT)}")
    journal = Path(options.journal)
    done = _lines(journal) if options.resume else []
    if not options.resume:
        journal.unlink(missing_ok=True)
    options.what = options.what or WHAT
    try:
        _outside(options, journal, {_key(line) for line in done})
        for engine in options.engine or ENGINES:
            if set(options.what) & set(WITH_PROCESSES):
                _on(engine, options, journal, {_key(line) for line in done})
    except KeyboardInterrupt:
        print("Broken off; --resume goes on.", file=sys.stderr)
    lines = _lines(journal)
    print(_table(lines))
    return 1 if any(line["violations"] for line in lines) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("what", nargs="*", metavar="WHAT", help=", ".join(WHAT))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--times", type=int, default=TIMES, help="each fault (25)")
    parser.add_argument("--most", type=int, help="lives for each kind of fault and engine")
    parser.add_argument("--match", default="", metavar="WORDS", help='such as "SMTP" or "commit"')
    parser.add_argument("--engine", action="append", choices=ENGINES, help="both by default")
    parser.add_argument("--journal", default="faults.jsonl", metavar="FILE")
    parser.add_argument("--resume", action="store_true", help="go on where the journal ends")
    return parser


def _outside(options: argparse.Namespace, journal: Path, done: set[str]) -> None:
    """Services that answer wrongly, and lines that break."""
    for what in set(options.what) & set(OUTSIDE):
        for fault, ended in OUTSIDE[what](options.seed, options.most, options.match):
            line = {"engine": "sqlite", "what": what, "fault": str(fault), "time": 0}
            line |= {"seed": options.seed, "outcome": ended.outcome, "violations": ended.wrong}
            if _key(line) not in done:
                _write(journal, line)


def _write(journal: Path, line: dict[str, Any]) -> None:
    with journal.open("a") as file:
        file.write(json.dumps(line) + "\n")
    _say(line)


def _on(engine: str, options: argparse.Namespace, journal: Path, done: set[str]) -> None:
    """All that is wanted on one engine; the ground is made anew when its tokens grow old."""
    moments: list[Moment] = []
    todo: Iterator[tuple[str, Fault, int]] | None = None
    for made in _grounds(engine):
        moments = moments or kills.recorded(made)
        todo = todo or iter(_todo(engine, options, moments, done))
        for what, fault, time in todo:
            _write(journal, _lived(made, engine, what, fault, time, options.seed))
            if made.stale:
                break
        else:
            return


def _grounds(engine: str) -> Iterator[Ground]:
    with contextlib.ExitStack() as stack:
        server = ""
        if engine == "postgresql":
            try:
                server = stack.enter_context(postgres_server())
            except NoPostgres as error:
                print(f"No PostgreSQL: {error}", file=sys.stderr)
                return
        while True:
            with contextlib.ExitStack() as one:
                url = one.enter_context(postgres_database(server)) if server else ""
                yield one.enter_context(ground(url))


def _todo(
    engine: str, options: argparse.Namespace, moments: Sequence[Moment], done: set[str]
) -> list[tuple[str, Fault, int]]:
    found = []
    for what in [one for one in options.what if one in WITH_PROCESSES]:
        wanted = faults(what, moments, engine, options.seed)
        all_of_it = [fault for fault in wanted if options.match in str(fault)]
        one_kind = [(what, fault, time) for time in range(options.times) for fault in all_of_it]
        random.Random(f"{options.seed} {engine} {what}").shuffle(one_kind)
        found += one_kind[: options.most]
    names = (_key({"engine": engine, "fault": str(f), "time": time}) for _, f, time in found)
    return [each for each, name in zip(found, names, strict=True) if name not in done]


def _lived(
    made: Ground, engine: str, what: str, fault: Fault, time: int, seed: int
) -> dict[str, Any]:
    lived = fault.happen(made)
    return {
        "engine": engine,
        "what": what,
        "fault": str(fault),
        "time": time,
        "seed": seed,
        "outcome": lived.outcome,
        "seconds": round(lived.seconds, 1),
        "violations": lived.violations,
        "logs": lived.logs if lived.violations else "",
    }


def _key(line: Mapping[str, Any]) -> str:
    return f"{line['engine']} {line['fault']} {line['time']}"


def _lines(journal: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in journal.open()] if journal.exists() else []


def _say(line: Mapping[str, Any]) -> None:
    wrong = "".join(f"\n    {one}" for one in line["violations"])
    print(f"{line['engine']}: {line['fault']}: {line['outcome']}{wrong}", file=sys.stderr)


def _table(lines: Sequence[Mapping[str, Any]]) -> str:
    """Fault × engine: how often, how it ended, what was violated and at which seed."""
    rows = [("fault", "on", "lives", "ends", "violations")]
    for what, engine in dict.fromkeys((line["what"], line["engine"]) for line in lines):
        mine = [one for one in lines if (one["what"], one["engine"]) == (what, engine)]
        ends = Counter(one["outcome"] for one in mine)
        wrong = [f"seed {one['seed']}: {one['fault']}" for one in mine if one["violations"]]
        told = ", ".join(f"{count} {end}" for end, count in ends.most_common())
        rows.append((what, engine, str(len(mine)), told, "; ".join(wrong) or "0"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


if __name__ == "__main__":
    sys.exit(main())
