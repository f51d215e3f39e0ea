"""What is shipped beside the code: lock, manifest, processes, wheel, files of the checks."""

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bot.cli.processes import PROCESSES
from tests.sandbox.slack.api import METHODS

ROOT = Path(__file__).parent.parent
PINNED = re.compile(r"^([a-z0-9._-]+)(?:\[[a-z0-9,_-]+\])?==([^\s;\\]+)", re.MULTILINE)
PACKAGES = {"bot", "jobs", "qbo"}
MANIFEST = yaml.safe_load((ROOT / "manifest.yml").read_text())
CHANNELS = ("channels", "groups")
"""Public and private: where cards are posted."""
SWITCHES = {
    "features.app_home.home_tab_enabled",
    "features.app_home.messages_tab_enabled",
    "features.app_home.messages_tab_read_only_enabled",
    "features.bot_user.always_online",
    "features.slash_commands[].should_escape",
    "settings.interactivity.is_enabled",
    "settings.org_deploy_enabled",
    "settings.socket_mode_enabled",
    "settings.token_rotation_enabled",
}
ADDRESS = r"https://.{1,2990}"
TEXTS = {
    "display_information.name": r".{1,35}",
    "display_information.description": r".{1,140}",
    "display_information.long_description": r".{175,4000}",
    "display_information.background_color": r"#[0-9a-f]{3}([0-9a-f]{3})?",
    "features.bot_user.display_name": r".{1,80}",
    "features.slash_commands[].command": r"/.{1,31}",
    "features.slash_commands[].description": r".{1,2000}",
    "features.slash_commands[].usage_hint": r".{1,1000}",
    "features.slash_commands[].url": ADDRESS,
    "oauth_config.scopes.bot[]": r"[a-z:.]{1,50}",
    "settings.event_subscriptions.request_url": ADDRESS,
    "settings.event_subscriptions.bot_events[]": r"[a-z_.]{1,50}",
    "settings.interactivity.request_url": ADDRESS,
}
"""The keys that we use of those in Slack's published schema of manifests and in its reference
(docs.slack.dev/reference/app-manifest, November 2026), with the limits that stand there."""
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def pyproject() -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


LOCKS = ("requirements.txt", "requirements-dev.txt")


def lock(*names: str) -> str:
    """The locked packages of these files, or of both."""
    return "\n".join((ROOT / name).read_text() for name in names or LOCKS)


def tools() -> list[str]:
    """What the groups and the build ask for."""
    project = pyproject()
    groups = project["dependency-groups"].values()
    lines = [line for group in groups for line in group if isinstance(line, str)]
    return [*project["build-system"]["requires"], *lines]


def imported(folder: str) -> set[str]:
    """The distributions that the Python files of a folder name in an import."""
    trees = [ast.parse(file.read_text()) for file in (ROOT / folder).rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    outside = {name.split(".")[0] for name in names} - sys.stdlib_module_names
    known = packages_distributions()
    return {canonicalize_name(known[name][0]) for name in outside - PACKAGES - {"tests"}}


def test_what_is_imported_is_declared() -> None:
    """Nothing is there only because another package happens to bring it."""
    project = pyproject()["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    product = {Requirement(line).name for line in (*project["dependencies"], *extras)}
    assert set().union(*map(imported, PACKAGES)) <= product
    declared = product | {Requirement(line).name for line in tools()}
    assert imported("tests") <= declared


@pytest.mark.parametrize(
    ("file", "asked_for"),
    [(LOCKS[0], pyproject()["project"]["dependencies"]), (LOCKS[1], tools())],
)
def test_the_locks_have_what_the_project_asks_for(file: str, asked_for: list[str]) -> None:
    """Each requirement is locked at a version that it allows, the product's in their own file."""
    locked = dict(PINNED.findall(lock(file)))
    for requirement in map(Requirement, asked_for):
        version = locked.get(canonicalize_name(requirement.name))
        assert version, f"{requirement.name} is not in {file}: make lock"
        assert requirement.specifier.contains(version), f"{requirement}: make lock"


def test_a_platform_installs_no_tools() -> None:
    """Platforms read requirements.txt; what both files need is there at one version."""
    product, tooling = (dict(PINNED.findall(lock(name))) for name in LOCKS)
    assert not {"pytest", "ruff", "mypy", "playwright"} & product.keys()
    assert not [name for name in product.keys() & tooling.keys() if product[name] != tooling[name]]


def test_every_locked_package_has_its_hashes() -> None:
    """Nothing that somebody put in the place of a package can be installed."""
    entries = re.split(r"\n(?=[a-z0-9])", lock())
    assert len(entries) == len(PINNED.findall(lock())) > 50
    assert all("--hash=sha256:" in entry for entry in entries)


def test_the_lock_names_no_registry() -> None:
    """It installs from wherever a machine gets its packages."""
    assert "://" not in lock()
    assert not re.search(r"^\s*-(?!-hash)", lock(), re.MULTILINE)


def test_the_processes_are_those_of_the_sandbox() -> None:
    """What runs in production is what the sandbox and the tests run, after the migrations."""
    lines = (ROOT / "Procfile").read_text().splitlines()
    assert lines[0] == "release: overdue db upgrade"
    assert lines[1:] == [f"{name}: overdue {' '.join(words)}" for name, words in PROCESSES.items()]


def test_the_app_asks_for_the_scopes_that_it_uses() -> None:
    """Those of the methods that it calls and of its command: none is missing, and none too many,
    each with its reason above it."""
    scopes = MANIFEST["oauth_config"]["scopes"]
    assert set(scopes) == {"bot"}
    code = "\n".join(path.read_text() for path in (ROOT / "bot").rglob("*.py"))
    called = {method.scope for name, method in METHODS.items() if f'"{name}"' in code}
    called |= {"files:write"} if "files_upload_v2(" in code else set()
    kinds = {"{kind}:read": CHANNELS, "{kind}:history": (*CHANNELS, "im")}
    used = {one.format(kind=kind) for one in called for kind in kinds.get(one, ("",))}
    assert set(scopes["bot"]) == used - {""} | {"commands"}
    lines = (ROOT / "manifest.yml").read_text().splitlines()
    start = lines.index("    bot:") + 1
    first = [n for n in range(start, len(lines)) if lines[n].startswith("      - ")]
    # read and history come together, for each kind of channel, under one reason
    paired = {"groups:read", "groups:history", "im:history"}
    assert not [lines[n] for n in first if "#" not in lines[n - 1] and lines[n][8:] not in paired]


def test_each_feature_of_the_app_has_an_address() -> None:
    """What Slack sends finds the one path that the web process serves for it."""
    path = "/slack/events"
    command, settings = MANIFEST["features"]["slash_commands"][0], MANIFEST["settings"]
    addresses = [command["url"], settings["interactivity"]["request_url"]]
    if events := settings.get("event_subscriptions"):
        addresses.append(events["request_url"])
    assert settings["interactivity"]["is_enabled"]
    assert not settings["socket_mode_enabled"]
    assert {re.sub(r"^https://[a-z.]+", "", address) for address in addresses} == {path}
    assert command["should_escape"]


def test_the_app_hears_only_what_it_answers() -> None:
    """The Home tab and its one event come together; no message of anybody is listened to."""
    assert MANIFEST["features"]["app_home"]["home_tab_enabled"]
    assert MANIFEST["settings"]["event_subscriptions"]["bot_events"] == ["app_home_opened"]


def leaves(part: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each value of the manifest with its path; the entries of a list have the same one."""
    if isinstance(part, dict):
        for key, inside in part.items():
            yield from leaves(inside, f"{path}.{key}".lstrip("."))
    elif isinstance(part, list):
        for inside in part:
            yield from leaves(inside, f"{path}[]")
    else:
        yield path, part


def refused(manifest: Any) -> list[str]:
    """What Slack would not take of it: an unknown key, a wrong type, a text that does not fit."""
    return [
        f"{path}: {value!r}"
        for path, value in leaves(manifest)
        if not (
            (path in SWITCHES and isinstance(value, bool))
            or (path == "_metadata.major_version" and value in (1, 2))
            or (path == "_metadata.minor_version" and isinstance(value, int))
            or (
                path in TEXTS
                and isinstance(value, str)
                and re.fullmatch(TEXTS[path], value, re.DOTALL)
            )
        )
    ]


def test_slack_would_take_the_manifest() -> None:
    """Every key is one that Slack knows, with a value that fits; a slip would be seen."""
    assert refused(MANIFEST) == []
    display = MANIFEST["display_information"]
    for slip in (
        {"display_information": display | {"name": "x" * 36}},
        {"display_information": display | {"long_description": "Too short."}},
        {"display_information": display | {"background_color": "navy"}},
        {"features": {"app_home": {"home_tab": True}}},
        {"features": {"slash_commands": [{"command": "overdue"}]}},
        {"settings": {"socket_mode_enabled": "no"}},
    ):
        assert len(refused(slip)) == 1, slip


def test_the_readme_names_commands_that_exist() -> None:
    """Each `make` target of the README is one of the Makefile's."""
    named = set(re.findall(r"(?:`|^)make ([a-z]+)", (ROOT / "README.md").read_text(), re.MULTILINE))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"demo", "test", "check"} <= named <= targets


def test_the_readme_names_files_that_exist() -> None:
    """Each path of the README leads somewhere."""
    named = re.findall(r"\b(?:bot|jobs|qbo|tests)/[\w/.]*", (ROOT / "README.md").read_text())
    assert len(named) > 10
    assert not [path for path in named if not (ROOT / path).exists()]


def test_the_readme_shows_its_pictures_in_words_too() -> None:
    """Every picture is there, small, described for who cannot see it, and none is left over."""
    pictures = r"!\[([^\]]+)\]\(([^)]+\.png)\)"
    shown = {
        ROOT / path: told for told, path in re.findall(pictures, (ROOT / "README.md").read_text())
    }
    assert set(shown) == set((ROOT / ".github").rglob("*.png"))
    assert all(len(told) > 60 for told in shown.values())
    assert all(path.stat().st_size < 150_000 for path in shown)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: str(path.name))
def test_workflows_run_pinned_actions_with_no_rights(workflow: Path) -> None:
    """An action is named by its commit, and may do nothing but read."""
    text = workflow.read_text()
    used = re.findall(r"uses: *(\S+)", text)
    assert used
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action) for action in used)
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}


@pytest.mark.parametrize(("shell", "script"), [("sh", "install"), ("bash", "run")])
def test_the_scripts_can_be_run(shell: str, script: str) -> None:
    """They are executable, and their shell understands them."""
    path = ROOT / ".ci" / script
    assert path.stat().st_mode & 0o111
    subprocess.run([shell, "-n", path], check=True)


def source_files() -> Iterator[str]:
    """Everything in the three packages, code or not."""
    for path in (path for name in PACKAGES for path in (ROOT / name).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield str(path.relative_to(ROOT))


def test_the_wheel_has_all_files_and_no_tests(tmp_path: Path) -> None:
    """Policy, templates, prompts and migrations travel with the code."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run([*command, "--directory", tmp_path], cwd=ROOT, check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info" not in name}
    assert packed >= set(source_files())
    assert {name.split("/")[0] for name in packed} == PACKAGES
