"""`make eval`: how well the written cases are read, by each reader there is.

Rules alone and the stand-in model always, a real model where OPENAI_API_KEY is set (and
OPENAI_BASE_URL, OPENAI_MODEL, OPENAI_API where they differ). Any other model: `--prompts DIR`
writes the questions, `--answers DIR` reads the answers, under the same names with .json, beside a
model.txt that says whose they are.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.eval import report
from tests.eval.cases import cases
from tests.eval.readers import NAME, Filed, Results, by_model, by_rules, real, stand_in

RULES = "Rules only (phrases, no model)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report; 1 where the rules alone miss what a plain text says."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.eval",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--prompts", type=Path, metavar="DIR")
    parser.add_argument("--answers", type=Path, metavar="DIR")
    parser.add_argument("--wrong", action="store_true", help="name every case that went wrong")
    options = parser.parse_args(arguments)
    if options.answers and not (options.answers / NAME).exists():
        parser.error(f"{options.answers / NAME} must say which model gave these answers")
    if options.prompts or options.answers:
        return _filed(Filed(options.answers, options.prompts), options.wrong)
    for name, results in _readers():
        _show(name, results, options.wrong)
    silent, _ = report.missed(by_rules(cases()), "plain")
    return 1 if silent else 0


def _readers() -> Iterator[tuple[str, Results]]:
    yield RULES, by_rules(cases())
    with stand_in() as model:
        yield f"{model.name}, the sandbox's stand-in", by_model(cases(), model)
    if known := real():
        yield f"{known.name} at {known.base_url}", by_model(cases(), known)
        known.close()


def _filed(files: Filed, name_wrong: bool) -> int:
    results = files.results(cases())
    if files.answers:
        _show(f"{files.named()}, from {files.answers}", results, name_wrong)
    if left := len(files.unanswered):
        where = f", written to {files.prompts}" if files.prompts else ""
        print(f"{left} questions have no answer yet{where}.")
    return 0


def _show(name: str, results: Results, name_wrong: bool) -> None:
    print(report.of_reader(name, results), end="\n\n")
    if any(found.by_model for _, found in results):
        print(report.of_model_alone(name, results), end="\n\n")
    if name_wrong:
        print("\n".join(report.wrong(results)), end="\n\n")


if __name__ == "__main__":
    sys.exit(main())
