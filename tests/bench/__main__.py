"""`python -m tests.bench [WHAT …]`: figures beside their targets."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.bench import backtest, clicks, ledgers, measures, replaying, reviewing, screens, triage
from tests.bench.measures import Figure, say
from tests.flows.firms import Firm

ON_PRODUCT: dict[str, Callable[[Sequence[Firm]], list[Figure]]] = {
    "mail": measures.mail,
    "worklist": clicks.worklist,
    "ack": clicks.ack,
    "webhook": measures.webhook,
}
"""In this order: the notifications leave work behind that would disturb the others."""
ALONE: dict[str, Callable[[], list[Figure]]] = {
    "parse": ledgers.parse,
    "sweep": ledgers.sweep,
    "card": screens.card,
    "overdue": screens.overdue,
    "backtest": backtest.backtest,
    "triage": triage.triage,
    "review": reviewing.review,
    "replay": replaying.replay,
    "demo": measures.demo,
}
ALL = (*ALONE, *ON_PRODUCT)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is named, or everything; 1 where a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("what", nargs="*", metavar="WHAT", help=", ".join(ALL))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    options = parser.parse_args(arguments)
    if unknown := set(options.what) - set(ALL):
        parser.error(f"{', '.join(unknown)}: choose from {', '.join(ALL)}")
    rows = list(_measured(options.what or ALL))
    print(_table(rows))
    if options.json:
        figures = [{"what": name, **asdict(figure)} for name, figure in rows]
        options.json.write_text(f"{json.dumps(figures, indent=1, ensure_ascii=False)}\n")
    return 0 if all(figure.good for _, figure in rows) else 1


def _measured(wanted: Sequence[str]) -> list[tuple[str, Figure]]:
    rows = []
    for name in (name for name in ALONE if name in wanted):
        say(f"Measuring: {name} …")
        rows += [(name, figure) for figure in ALONE[name]()]
    if chosen := [name for name in ON_PRODUCT if name in wanted]:
        say("Starting the product …")
        with measures.product() as made:
            for name in chosen:
                say(f"Measuring: {name} …")
                rows += [(name, figure) for figure in ON_PRODUCT[name](made)]
    return rows


def _table(rows: Sequence[tuple[str, Figure]]) -> str:
    lines = [("what", "ours", "beside it", "ratio", "target", "", "command")]
    for name, one in rows:
        verdict = "good" if one.good else "MISSED"
        ratio = "" if one.ratio is None else f"{one.ratio:.2f}"
        command = f"python -m tests.bench {name}"
        lines.append((one.name, one.measured, one.peer, ratio, one.target, verdict, command))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(_row(line, widths) for line in lines)


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


if __name__ == "__main__":
    sys.exit(main())
