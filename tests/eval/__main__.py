"""`make eval`: how well cases are read, by each reader there is.

The written cases, or with `--cases DIR` people's own decisions, which `overdue eval export` writes.

Rules alone and the stand-in model always, a real model where OPENAI_API_KEY is set (and
OPENAI_BASE_URL, OPENAI_MODEL, OPENAI_API where they differ); `--model NAME`, also several times,
asks others there instead. Any other model: `--prompts DIR` writes the questions, `--answers DIR`
reads the answers, under the same names with .json, beside a model.txt that says whose they are.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.eval import decided, recorded, report
from tests.eval.cases import cases
from tests.eval.readers import (
    NAME,
    C,
    Filed,
    Judge,
    Results,
    by_model,
    by_rules,
    real,
    stand_in,
)
from tests.eval.recorded import RecordedCase
from tests.eval.running import Found, run

RULES = "Rules only (phrases, no model)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report; 1 where the rules alone miss what a plain text says."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.eval",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--cases", type=Path, metavar="DIR")
    parser.add_argument("--model", action="append", default=[], metavar="NAME")
    parser.add_argument("--prompts", type=Path, metavar="DIR")
    parser.add_argument("--answers", type=Path, metavar="DIR")
    parser.add_argument("--wrong", action="store_true", help="name every case that went wrong")
    options = parser.parse_args(arguments)
    if options.answers and not (options.answers / NAME).exists():
        parser.error(f"{options.answers / NAME} must say which model gave these answers")
    files = Filed(options.answers, options.prompts) if options.prompts or options.answers else None
    if options.cases:
        try:
            return _decided(recorded.load(options.cases), files, options.model, options.wrong)
        except ValueError as error:
            parser.error(str(error))
    if files:
        return _filed(files, options.wrong)
    for name, results in _readers(cases(), run, options.model):
        _show(name, results, options.wrong)
    silent, _ = report.missed(by_rules(cases(), run), "plain")
    return 1 if silent else 0


def _readers(
    some: Sequence[C], judge: Judge[C], models: Sequence[str]
) -> Iterator[tuple[str, list[tuple[C, Found]]]]:
    yield RULES, by_rules(some, judge)
    with stand_in() as model:
        yield f"{model.name}, the sandbox's stand-in", by_model(some, model, judge)
    for wanted in models or [""]:
        if known := real(name=wanted):
            yield f"{known.name} at {known.base_url}", by_model(some, known, judge)
            known.close()


def _decided(
    some: tuple[RecordedCase, ...], files: Filed | None, models: Sequence[str], name_wrong: bool
) -> int:
    """People's decisions, a column for each reader."""
    if files:
        columns = [(RULES, by_rules(some, recorded.judged))]
        found = files.results(some, recorded.judged)
        columns += [(files.named(), found)] if files.answers and len(found) == len(some) else []
        _say_unanswered(files)
    else:
        columns = list(_readers(some, recorded.judged, models))
    print(decided.table(columns))
    for name, results in columns if name_wrong else ():
        print("\n".join(["", f"{name}:", *decided.wrong(results)]))
    return 0


def _filed(files: Filed, name_wrong: bool) -> int:
    results = files.results(cases(), run)
    if files.answers:
        _show(f"{files.named()}, from {files.answers}", results, name_wrong)
    _say_unanswered(files)
    return 0


def _say_unanswered(files: Filed) -> None:
    if left := len(files.unanswered):
        where = f", written to {files.prompts}" if files.prompts else ""
        print(f"{left} questions have no answer yet{where}.")


def _show(name: str, results: Results, name_wrong: bool) -> None:
    print(report.of_reader(name, results), end="\n\n")
    if any(found.by_model for _, found in results):
        print(report.of_model_alone(name, results), end="\n\n")
    if name_wrong:
        print("\n".join(report.wrong(results)), end="\n\n")


if __name__ == "__main__":
    sys.exit(main())
