"""What holds for the repository as a whole: locks, commands, layers, words, and what is shipped."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements.txt", "requirements-build.txt", "requirements-dev.txt")
VERBS = (
    *("help", "run", "test", "lint", "types", "bench", "pitfalls", "soak", "mutants"),
    *("pictures", "lock", "clean"),
)
FOLDERS = (".ci", "bench", "daemon", "scripts", "systemd", "tests")

# Bracketed letters, so that this file does not hold what it looks for.
UNWANTED = re.compile(
    r"/wor[k]/|/tm[p]/brief|/roo[t]/\.|/far[m]/|\.librar[y]\b|before-sto[p]|closing not[e]"
    r"|issu[e] \d|pyp[i]\.org|pythonhoste[d]|npmj[s]\.|mirro[r]s?\.",
    re.IGNORECASE,
)

SQL = re.compile(
    r"\s*(select\s.+\sfrom\s|insert\s+into\s|update\s+\w+\s+set\s|delete\s+from\s)",
    re.IGNORECASE | re.DOTALL,
)


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def pins(lock: str) -> dict[str, str]:
    lines = (ROOT / lock).read_text("utf-8").splitlines()
    found = [line.split(" ;")[0].rstrip(" \\") for line in lines if "==" in line]
    return dict(line.split("==") for line in found)


def modules() -> Iterator[tuple[str, Path]]:
    """Each module of the product: its name below daemon (`store.database`) and its file."""
    for path in sorted((ROOT / "daemon").rglob("*.py")):
        parts = path.relative_to(ROOT / "daemon").with_suffix("").parts
        yield ".".join(part for part in parts if part != "__init__"), path


def files() -> Iterator[Path]:
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path
    for path in ROOT.iterdir():
        if path.is_file() and path.name != "config.yaml":
            yield path


def imports(path: Path) -> set[str]:
    """Everything a module imports, `from a import b` as `a.b`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def names(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return attributes | {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def is_below(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def shell(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(ROOT / "scripts" / script), *arguments],
        env={"PATH": os.defpath, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def write_program(path: Path, *lines: str) -> None:
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)


def test_every_direct_requirement_is_locked_within_its_range(project: dict[str, Any]) -> None:
    extras = project["project"]["optional-dependencies"]
    wanted = {
        "requirements.txt": project["project"]["dependencies"],
        "requirements-build.txt": project["build-system"]["requires"],
        "requirements-dev.txt": [*extras["test"], *extras["dev"]],
    }
    for lock, lines in wanted.items():
        locked = pins(lock)
        for requirement in map(Requirement, lines):
            if requirement.name != "pollhook":
                assert requirement.specifier.contains(locked[requirement.name]), requirement


def test_the_product_imports_only_what_it_requires(project: dict[str, Any]) -> None:
    required = {Requirement(line).name for line in project["project"]["dependencies"]}
    providers = packages_distributions()
    known = {*sys.stdlib_module_names, "daemon", "_typeshed"}  # the last for type checkers only
    for name, path in modules():
        for package in {imported.split(".")[0] for imported in imports(path)}:
            if package not in known:
                offered = {re.sub(r"[-_.]+", "-", one).lower() for one in providers[package]}
                assert offered & required, f"{name} imports {package}"


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-build.txt"])
def test_the_smaller_locks_are_parts_of_the_large_one(lock: str) -> None:
    assert pins(lock).items() <= pins("requirements-dev.txt").items()


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_a_hash_for_every_package_and_names_no_place(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    entries = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", "").splitlines()
    assert entries
    for entry in entries:
        assert re.fullmatch(r"[\w.-]+==[\w.]+( ; [^:]+?)?(\s+--hash=sha256:[0-9a-f]{64})+", entry)


def test_continuous_integration_runs_the_tests_as_a_person_does() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text("utf-8").splitlines()[-1] == "exec make test"


def test_make_without_a_verb_lists_the_verbs() -> None:
    make = shutil.which("make")
    assert make
    listed = subprocess.run(
        [make, "--no-print-directory", "-C", str(ROOT)],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    ).stdout
    assert re.findall(r"^ +make (\w+) +\S", listed, re.MULTILINE) == list(VERBS)


@pytest.mark.parametrize(
    ("versions", "chosen"),
    [
        pytest.param({"python3": True}, "python3", id="the usual one is new enough"),
        pytest.param({"python3": False, "python3.12": True}, "python3.12", id="a numbered one"),
    ],
)
def test_setup_finds_a_python_that_is_new_enough(
    versions: dict[str, bool], chosen: str, tmp_path: Path
) -> None:
    for name, new_enough in versions.items():
        write_program(tmp_path / name, f"exit {0 if new_enough else 1}")
    found = shell("find-python", PATH=str(tmp_path))
    assert (found.stdout, found.returncode) == (f"{chosen}\n", 0)


def test_setup_asks_for_a_newer_python_in_one_sentence(tmp_path: Path) -> None:
    write_program(tmp_path / "python3", "exit 1")
    refused = shell("find-python", PATH=str(tmp_path))
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert re.fullmatch(
        r"pollhook needs Python 3\.11 or newer[^\n]+python3-venv[^\n]+\.\n", refused.stderr
    )


def test_setup_asks_for_the_missing_package_in_one_sentence(tmp_path: Path) -> None:
    write_program(
        tmp_path / "python3",
        'case "$2" in *ensurepip*) exit 1 ;; *print*) echo python3.11-venv ;; esac',
    )
    refused = shell("find-python", PATH=str(tmp_path))
    assert refused.returncode == 1
    assert refused.stderr.startswith(
        "python3 cannot make virtual environments: "
        "install the package python3-venv (python3.11-venv)"
    )
    assert refused.stderr.count("\n") == 1


def test_the_project_does_not_tell_how_or_where_it_was_made() -> None:
    for path in files():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        found = UNWANTED.search(text)
        assert found is None, f"{path.relative_to(ROOT)}: {found}"


def test_every_module_stands_in_a_layer(project: dict[str, Any]) -> None:
    contract = project["tool"]["importlinter"]["contracts"][0]
    listed = re.findall(r"[\w.]+", " ".join(contract["layers"]))
    unlisted = [
        name
        for name, path in modules()
        if path.name != "__init__.py" and not is_below(name, *listed)
    ]
    assert unlisted == [], f"Not in a layer of pyproject.toml: {unlisted}"


@pytest.mark.parametrize("package", ["", "connectors", "delivery", "polling", "store"])
def test_a_package_of_several_layers_has_nothing_in_itself(package: str) -> None:
    path = ROOT / "daemon" / package / "__init__.py"
    if not path.exists() and package == "delivery":
        pytest.skip("not there yet")
    statements = ast.parse(path.read_text("utf-8")).body
    allowed = [ast.Expr, ast.Assign] if not package else [ast.Expr]
    assert [type(statement) for statement in statements] == allowed


def test_only_the_door_out_opens_connections() -> None:
    openers = {
        "ClientSession",
        "HTTPConnection",
        "HTTPSConnection",
        "TCPConnector",
        "create_connection",
        "open_connection",
        "urlopen",
    }
    # The health check is a program of its own, started every few seconds, and asks only ourselves.
    exempt = ("healthcheck", "outbound", "sandbox")
    for name, path in modules():
        if not is_below(name, *exempt):
            assert not names(path) & openers, name


def test_only_the_admin_server_and_the_sandbox_serve() -> None:
    for name, path in modules():
        if not is_below(name, "admin", "sandbox"):
            assert not any(is_below(imported, "aiohttp.web") for imported in imports(path)), name


def test_the_sandbox_and_the_product_know_nothing_of_each_other() -> None:
    for name, path in modules():
        ours = {imported for imported in imports(path) if is_below(imported, "daemon")}
        of_sandbox = {imported for imported in ours if is_below(imported, "daemon.sandbox")}
        if is_below(name, "sandbox"):
            assert ours == of_sandbox, name
        elif name != "demo":
            assert not of_sandbox, name


def test_python_holds_no_sql() -> None:
    for name, path in modules():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not SQL.match(node.value), f"{name}, line {node.lineno}"


def test_each_import_contract_notices_what_it_forbids(tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in ("", "delivery", "polling", "sandbox", "store"):
        (tmp_path / "daemon" / package).mkdir()
        (tmp_path / "daemon" / package / "__init__.py").touch()
    violations = {
        "errors": "",
        "instance": "",
        "store.database": "import asyncpg",
        "polling.window": "import asyncio",
        "polling.detection": "import daemon.store.database",
        "polling.journal": "import daemon.delivery.endpoint",
        "delivery.endpoint": "",
        "delivery.sender": "import daemon.polling.window",
        "housekeeping": "import asyncpg",
        "app": "import aiohttp",
        "sandbox.crm": "import daemon.errors",
        "misplaced": "",
    }
    for name, line in violations.items():
        (tmp_path / "daemon" / f"{name.replace('.', '/')}.py").write_text(f"{line}\n")
    checked = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-logo", "--no-cache"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert checked.returncode == 1
    assert "Contracts: 0 kept, 6 broken." in checked.stdout
    for part in (
        "daemon.polling.detection -> daemon.store.database",
        "daemon.sandbox.crm -> daemon.errors",
        "daemon.misplaced",
        "daemon.polling.window -> asyncio",
        "daemon.housekeeping -> asyncpg",
        "daemon.app -> aiohttp",
        "daemon.polling.journal -> daemon.delivery.endpoint",
        "daemon.delivery.sender -> daemon.polling.window",
    ):
        assert part in checked.stdout
    assert "daemon.store.database -> asyncpg" not in checked.stdout


def test_the_wheel_holds_everything_below_the_package(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        timeout=60,
        check=True,
    )
    wheel = next(tmp_path.glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        shipped = set(archive.namelist())
    wanted = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "daemon").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted <= shipped
    assert not any(name.startswith("tests/") for name in shipped)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in shipped)
