"""The shape of the code: imports point one way. See "How it is built" in the README."""

import ast
import builtins
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from jobs.pipeline import STEPS as STEP_TABLE

ROOT = Path(__file__).parent.parent
PACKAGES = {"qbo": {"qbo"}, "jobs": {"jobs", "qbo"}, "bot": {"bot", "jobs", "qbo"}}

STEPS = sorted({place.module for place in STEP_TABLE.values() if place.module.startswith("jobs.")})
"""Modules of `jobs` that are run from a queue, as the table says; none knows another."""

BELOW: dict[str, set[str]] = {
    "rules": set(),
    "pipeline": set(),
    "settings": set(),
    "needs": {"settings"},
    "store": {"rules"},
    "reasoning": {"rules"},
    "mail": {"rules"},
    "sources": {"rules", "store", "reasoning", "mail", "settings", "needs"},
    "engine": {"rules", "store", "pipeline", "reasoning", "mail", "sources"},
    "opening": {"rules", "store"},
    "approvals": {"rules", "store"},
    "companies": {"rules", "store", "pipeline", "engine"},
    "restored": {"rules", "store", "mail", "pipeline", "approvals"},
    "intake": {"rules", "store", "sources", "engine", "opening", "companies"},
    "triage": {"rules", "store", "reasoning", "sources", "engine", "approvals"},
    "replies": {"rules", "store", "reasoning", "sources", "engine", "opening"},
    "decide": {"rules", "store", "opening", "approvals"},
    "send": {"rules", "store", "mail", "sources", "engine", "approvals"},
    "write_back": {"rules", "store", "engine"},
    "tell_managers": {"rules", "store", "engine"},
    "reports": {
        *("rules", "store", "pipeline", "reasoning", "mail", "sources", "engine", "approvals"),
        *("triage", "decide"),
    },
}
"""The parts of `jobs`, from below to above, and which others each may know."""

ONLY_IN = {
    "openai": {"jobs/reasoning/model.py"},
    "httpx2": {"jobs/reasoning/model.py"},
    "smtplib": {"jobs/mail/smtp.py"},
    "imaplib": {"jobs/sources/imap.py"},
    "alembic": {"jobs/store"},
    "httpx": {"qbo", "jobs/mail", "jobs/sources", "jobs/reports/backtest", "bot"},
    "sqlalchemy": {"jobs", "bot"},
    "slack_sdk": {"bot"},
    "slack_bolt": {"bot"},
    "starlette": {"bot"},
    "uvicorn": {"bot"},
    "click": {"bot"},
    "pydantic_settings": {"jobs/settings.py"},
}
"""Libraries with a place of their own."""

SQL_IN_SIGHT = {"jobs/engine/step.py": {"sqlalchemy.ColumnElement", "sqlalchemy.Table"}}
"""Files that name types of a query and write none: a step says which rows it claims."""

NETWORKED = {
    *("httpx", "httpx2", "openai", "redis", "rq", "slack_sdk", "slack_bolt", "starlette"),
    *("socket", "smtplib", "imaplib", "urllib.request", "http.client", "subprocess"),
}
"""What talks to the world outside."""
WORLDLY = NETWORKED | {
    *("sqlalchemy", "threading", "asyncio", "time", "random", "secrets", "os", "structlog"),
}
"""What a pure function has no use for."""
STOPWATCH = {"qbo.pacing", "qbo.pacing.boot_time"}
"""The clock of leases and time limits, which no suspended process stops."""

CLOCKS = {"now", "utcnow", "today", "time", "time_ns"}
ENTRY_POINTS = {"bot/cli/main.py", "bot/listeners/app.py", "bot/web/server.py", "qbo/pacing.py"}
"""They read the clock; `now` is an argument everywhere below them."""


def files(package: str) -> list[str]:
    """The paths of a package's modules."""
    return sorted(str(path.relative_to(ROOT)) for path in (ROOT / package).rglob("*.py"))


ALL = [file for package in PACKAGES for file in files(package)]


@cache
def tree(file: str) -> ast.Module:
    """A module, parsed."""
    return ast.parse((ROOT / file).read_text(encoding="utf-8"), file)


@cache
def imports(file: str) -> frozenset[str]:
    """The dotted names that a module imports, wherever in it; `from a import b` gives a and a.b."""
    return frozenset(name for node in ast.walk(tree(file)) for name in _imported(node))


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute here"
        yield node.module or ""
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def top(name: str) -> str:
    """The package of a dotted name."""
    return name.partition(".")[0]


def part(name: str) -> str:
    """Which part of `jobs` a dotted name lies in: "rules", "send"; "" for none."""
    return name.split(".")[1] if name.startswith("jobs.") else ""


def module(file: str) -> str:
    """The dotted name of a file."""
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_one_way(package: str) -> None:
    """bot → jobs → qbo, and nobody imports the tests."""
    ours = {*PACKAGES, "tests"}
    wrong = {
        f"{file}: {name}"
        for file in files(package)
        for name in imports(file)
        if top(name) in ours - PACKAGES[package]
    }
    assert not wrong


def test_rules_import_only_rules() -> None:
    """The rules are pure: no other part of ours, and nothing that talks to the world."""
    wrong = {
        f"{file}: {name}"
        for file in files("jobs/rules")
        for name in imports(file)
        if (top(name) in PACKAGES and part(name) != "rules" and name != "jobs")
        or name in WORLDLY
        or top(name) in WORLDLY
    }
    assert not wrong


@pytest.mark.parametrize("own", BELOW)
def test_each_part_knows_only_those_below_it(own: str) -> None:
    """What a part may know, it says in the table."""
    wrong = {
        f"{file}: {name}"
        for file in files_of(own)
        for name in imports(file)
        if part(name) not in {"", own} | BELOW[own]
    }
    assert not wrong


def test_no_circle_between_parts() -> None:
    """Every part is in the table, and knows only parts that stand before it there."""
    parts = {path.name.removesuffix(".py") for path in (ROOT / "jobs").iterdir()}
    assert parts - {"__init__", "__pycache__"} == BELOW.keys()
    order = list(BELOW)
    assert not {own: wrong for own in order if (wrong := BELOW[own] - {*order[: order.index(own)]})}


@pytest.mark.parametrize("folder", ["bot", "bot/surfaces", "jobs/rules"])
def test_no_circle_between_folders(folder: str) -> None:
    """What stands in a folder can be read in an order: folders beside each other know one way."""
    known: dict[str, set[str]] = {}
    for file in files(folder):
        own = place(module(file), folder)
        known.setdefault(own, set()).update(place(name, folder) for name in imports(file))
    TopologicalSorter({own: others - {own, ""} for own, others in known.items()}).prepare()


def place(name: str, folder: str) -> str:
    """Which file or folder of a folder a dotted name lies in; "" for none."""
    start = folder.replace("/", ".") + "."
    return name.removeprefix(start).split(".")[0] if name.startswith(start) else ""


def files_of(own: str) -> list[str]:
    """The paths of a part of `jobs`, be it a folder or a single file."""
    return files(f"jobs/{own}") or [f"jobs/{own}.py"]


def test_decisions_never_reach_the_world() -> None:
    """A verb reads and writes the record alone: nothing that it loads could talk to anybody."""
    wrong = {
        f"{file}: {name}"
        for file in reached(files("jobs/decide"))
        for name in imports(file)
        if name in NETWORKED
        or top(name) in NETWORKED
        or (top(name) == "qbo" and name not in STOPWATCH)
    }
    assert not wrong


def reached(start: list[str]) -> set[str]:
    """These modules of `jobs` and all others there that they import, however indirectly."""
    by_name = {module(file): file for file in files("jobs")}
    found: set[str] = set()
    ahead = list(start)
    while ahead:
        if (file := ahead.pop()) not in found:
            found.add(file)
            ahead += [by_name[name] for name in imports(file) if name in by_name]
    return found


@pytest.mark.parametrize("step", STEPS)
def test_no_step_is_imported(step: str) -> None:
    """Steps meet in the database only, so each can be killed, run again and understood alone."""
    wrong = {
        file for file in ALL if file.startswith("jobs/") for name in imports(file) if name == step
    }
    assert not wrong


@pytest.mark.parametrize("library", ONLY_IN)
def test_libraries_have_a_place(library: str) -> None:
    """What talks to one outside system is imported where that is its job."""
    wrong = {
        file
        for file in ALL
        if library in {top(name) for name in imports(file)}
        and not any(file == place or file.startswith(f"{place}/") for place in ONLY_IN[library])
    }
    assert not wrong


def test_sql_is_written_in_the_store_alone() -> None:
    """Anywhere else a connection is only handed on, and a failure of the database only caught."""
    wrong = {
        f"{file}: {name}"
        for file in ALL
        if not file.startswith("jobs/store/")
        for name in sql(file) - SQL_IN_SIGHT.get(file, set())
    }
    assert not wrong


def sql(file: str) -> set[str]:
    """What a file knows of tables, and of SQLAlchemy beside connections and errors."""
    plain = (node for node in ast.walk(tree(file)) if isinstance(node, ast.Import))
    # with a dot behind it, `import sqlalchemy` is told from the module of an allowed name
    names = imports(file) | {f"{a.name}." for node in plain for a in node.names}
    known = {n for n in names if n.startswith(("sqlalchemy.", "jobs.store.database.tables"))}
    errors = {n for n in known if n.startswith("sqlalchemy.exc")}
    return known - errors - {"sqlalchemy.Connection"}


def test_only_entry_points_read_the_clock() -> None:
    """`now` is an argument everywhere else, so that any day can be tried in a test."""
    wrong = {
        f"{file}:{node.lineno}"
        for file in ALL
        if file not in ENTRY_POINTS
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Call) and _reads_the_clock(node.func)
    }
    assert not wrong


def _reads_the_clock(called: ast.expr) -> bool:
    return (
        isinstance(called, ast.Attribute)
        and called.attr in CLOCKS
        and isinstance(called.value, ast.Name)
        and called.value.id in {"datetime", "date", "time"}
    )


def test_nothing_is_read_at_import() -> None:
    """Importing a module reads no environment: settings come as arguments."""
    wrong = {
        f"{file}:{node.lineno}"
        for file in ALL
        for node in tree(file).body
        for inner in ast.walk(node)
        if not isinstance(node, ast.FunctionDef | ast.ClassDef)
        and isinstance(inner, ast.Attribute)
        and inner.attr in {"environ", "getenv"}
    }
    assert not wrong


MARKUP = re.compile(r":[a-z_]+:\s|(?<!\(\?)<[@#]|(?<!\(\?)<!(?!--)")
"""Emoji and mentions; not the look-behind of a pattern, nor a comment in HTML."""


def test_a_class_name_is_used_once() -> None:
    """Except for QuickBooks' records, which exist as they arrive and as the rules see them."""
    found: dict[str, list[str]] = {}
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.parse(file.read_text()).body:
                if isinstance(node, ast.ClassDef):
                    found.setdefault(node.name, []).append(file.relative_to(ROOT).as_posix())
    twice = {name for name, files in found.items() if len(files) > 1}
    assert twice == {"Customer", "Invoice"}, {name: found[name] for name in twice}


RAISES = re.compile(r"\b[Rr]aises? ((?:(?:,? and |,? or |, )?\b(?:\w+\.)*[A-Z]\w*[a-z]\w*)+)")
"""The classes that a docstring says are raised."""


def test_docstrings_name_what_is_raised_as_it_is_called() -> None:
    """What "Raises" names is known to the file or to one it imports, or has its full path."""
    wrong = {
        f"{file}: {name}"
        for file in ALL
        for name in _said_to_be_raised(file)
        if not (_exists(name) if "." in name else _is_known(name, file))
    }
    assert not wrong


def _said_to_be_raised(file: str) -> set[str]:
    values = (node.value for node in ast.walk(tree(file)) if isinstance(node, ast.Constant))
    texts = [" ".join(value.split()) for value in values if isinstance(value, str)]
    said = " ".join(names for text in texts for names in RAISES.findall(text))
    return set(re.findall(r"(?:\w+\.)*[A-Z]\w+", said))


def _exists(path: str) -> bool:
    try:
        return isinstance(pkgutil.resolve_name(path), type)
    except (ImportError, AttributeError):
        return False


def _is_known(name: str, file: str) -> bool:
    imported = (other for other in ALL if module(other) in imports(file))
    return any(name in known(other) for other in (file, *imported))


@cache
def known(file: str) -> frozenset[str]:
    """The names that a file imports or defines as classes, and the builtins."""
    classes = {node.name for node in ast.walk(tree(file)) if isinstance(node, ast.ClassDef)}
    imported = {name.rpartition(".")[2] for name in imports(file)}
    return frozenset(classes | imported | set(dir(builtins)))


def test_jobs_write_no_markup_of_slack() -> None:
    """They say which kind of message it is, with its data; the sentences are made in `bot`."""
    wrong = {
        f"{file}:{node.lineno}"
        for file in files("jobs")
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and MARKUP.search(node.value)
    }
    assert not wrong


NAMED = re.compile(r"(?:bot|jobs|qbo|tests)/[\w/.]*\w|(?:bot|jobs|qbo|tests)/")
"""A path in the README."""


def test_the_readme_names_what_exists() -> None:
    """Whoever looks for the place of something finds it where the README says."""
    named = set(NAMED.findall((ROOT / "README.md").read_text(encoding="utf-8")))
    assert len(named) > 40
    assert not {path for path in named if not (ROOT / path).exists()}
