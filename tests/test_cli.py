import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from daemon import __version__, cli
from daemon.errors import (
    DatabaseUnavailable,
    Fault,
    InvalidInput,
    NotFound,
    SchemaTooNew,
    UndecryptableSecret,
)
from daemon.store.database import Database
from daemon.store.embedded import ServerAddress

WRONG_INPUT = InvalidInput([Fault(field="a", message="b"), Fault(field="c", message="d")])


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder without configuration; what a command does to logging is undone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("daemon.settings.config_file.SYSTEM_FILE", tmp_path / "absent.yaml")
    root = logging.getLogger()
    handlers, level, settings = root.handlers[:], root.level, structlog.get_config()
    yield tmp_path
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**settings)


@pytest.fixture
def stored(database_address: ServerAddress, monkeypatch: pytest.MonkeyPatch) -> ServerAddress:
    """A migrated database of its own, named by the environment."""
    at = database_address
    dsn = f"postgresql://{at.user}@/{at.database}?host={at.host}&port={at.port}"
    monkeypatch.setenv("POLLHOOK_DATABASE__DSN", dsn)
    return at


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, list[str]]:
    """Exit status, standard output and the lines on standard error."""
    try:
        status = cli.main(arguments)
    except SystemExit as error:
        status = int(error.code or 0)
    written = capsys.readouterr()
    return status, written.out, written.err.splitlines()


def printed_json(output: str) -> Any:
    return json.loads(output)


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--version") == (0, f"pollhook {__version__}\n", [])


def _run_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        check=False,
        text=True,
        timeout=30,
    )


def test_the_module_runs_as_the_console_script_does() -> None:
    done = _run_python("-W", "error", "-m", "daemon", "--version")
    assert (done.returncode, done.stdout) == (0, f"pollhook {__version__}\n")


def test_a_healthcheck_by_address_does_not_load_the_daemon() -> None:
    program = (
        "import sys; from daemon.cli import main; "
        "status = main(['healthcheck', '--url', 'http://127.0.0.1:9']); "
        "heavy = {'pydantic', 'asyncpg', 'aiohttp'} & set(sys.modules); "
        "sys.exit(f'{status} {sorted(heavy)}')"
    )
    done = _run_python("-c", program)
    assert done.stderr.strip() == "1 []"


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("fly",),
        ("user",),
        ("user", "add"),
        ("run", "--port", "1"),
        ("demo", "--port", "70000"),
        ("demo", "--port", "eighty"),
        ("demo", "--port", "²"),
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_status_2_and_the_usage(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    status, output, complaints = run(capsys, *arguments)
    assert (status, output) == (2, "")
    assert complaints[0].startswith("usage: pollhook")


@pytest.mark.parametrize(
    ("errors", "status", "told"),
    [
        ([WRONG_INPUT], 2, ["pollhook: a: b", "pollhook: c: d"]),
        ([UndecryptableSecret("no key")], 2, ["pollhook: no key"]),
        ([SchemaTooNew("too new")], 3, ["pollhook: too new"]),
        ([DatabaseUnavailable("gone")], 1, ["pollhook: gone"]),
        ([NotFound("no such")], 1, ["pollhook: no such"]),
        (
            [DatabaseUnavailable("gone"), SchemaTooNew("new")],
            3,
            ["pollhook: gone", "pollhook: new"],
        ),
    ],
    ids=["input", "secret", "schema", "database", "other", "several"],
)
def test_the_class_of_an_error_decides_the_exit_status(
    capsys: pytest.CaptureFixture[str], errors: list[Exception], status: int, told: list[str]
) -> None:
    nested = ExceptionGroup("tasks", [ExceptionGroup("inner", errors)])
    assert cli._explain(list(cli._reasons(nested))) == status
    assert capsys.readouterr().err.splitlines() == told


@pytest.mark.parametrize("command", ["run", "check-config", "migrate", "healthcheck"])
def test_a_bad_configuration_ends_every_command_with_status_2_and_all_faults(
    here: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    (here / "bad.yaml").write_text("zzz: 1\nadmin: {port: -1}\n", "utf-8")
    status, output, complaints = run(capsys, command, "--config", "bad.yaml")
    assert (status, output) == (2, "")
    assert complaints == [
        "pollhook: bad.yaml, line 1: zzz: is not a known key",
        "pollhook: bad.yaml, line 2: admin.port: has to be at least 0, not -1",
    ]


def test_a_configuration_file_that_is_not_there_ends_with_status_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, _, complaints = run(capsys, "check-config", "--config", "absent.yaml")
    assert status == 2
    assert complaints == [
        "pollhook: absent.yaml: the file: cannot be read: No such file or directory"
    ]


def test_the_faults_of_settings_and_of_declared_instances_are_listed_in_one_run(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "config.yaml").write_text(
        """
admin: {port: -1}
instances:
  - {name: Shapeless, element: maximizer, colour: blue}
  - name: Acme
    element: maximizer
    configuration:
      oauth.api.key: ${env:NOWHERE}
      oauth.api.secret: secret
      oauth.callback.url: https://app.example/oauth
      maximizer.alias: Acme
      event.notification.enabled: true
      event.notification.callback.url: ${env:NOWHERE}
      event.poller.refresh_interval: never
  - {name: Other, element: nothing}
""",
        "utf-8",
    )
    status, output, complaints = run(capsys, "check-config")
    assert (status, output) == (2, "")
    nowhere = "${env:NOWHERE}: there is no such environment variable"
    inner = "instances[1].configuration"
    assert [line.removeprefix("pollhook: config.yaml, line ") for line in complaints] == [
        "2: admin.port: has to be at least 0, not -1",
        "4: instances[0].colour: is not a known key",
        f"8: {inner}.oauth.api.key: {nowhere}",
        f"13: {inner}.event.notification.callback.url: {nowhere}",
        f"14: {inner}.event.poller.refresh_interval: has to be a number of minutes",
        "15: instances[2].element: No element found with key or id nothing.",
    ]


def test_a_good_configuration_is_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "check-config") == (0, "no file, all defaults: no fault found\n", [])
    (here / "config.yaml").write_text("admin: {port: 9000}\n", "utf-8")
    assert run(capsys, "check-config") == (0, "config.yaml: no fault found\n", [])


def test_a_healthcheck_of_nothing_ends_with_status_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLLHOOK_ADMIN__PORT", "9")
    status, output, _ = run(capsys, "healthcheck")
    assert status == 1
    assert output.startswith("not ready: http://127.0.0.1:9/readyz does not answer: ")


def test_a_database_that_does_not_answer_ends_with_status_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLLHOOK_DATABASE__DSN", "postgresql://u:hunter2@127.0.0.1:9/d")
    status, _, complaints = run(capsys, "migrate")
    assert status == 1
    assert complaints[0].startswith("pollhook: The database does not answer: ")
    assert "hunter2" not in "".join(complaints)


def test_a_second_migration_finds_nothing_to_do(
    capsys: pytest.CaptureFixture[str], stored: ServerAddress
) -> None:
    assert run(capsys, "migrate") == (0, "the schema was up to date\n", [])


@pytest.fixture
async def newer(stored: ServerAddress, database: Database) -> None:
    """The database was migrated by a version to come."""
    await database.execute("insert into schema_migrations (number, name) values (9999, 'next')")


@pytest.mark.parametrize("arguments", [("migrate",), ("user", "list")], ids=" ".join)
def test_a_schema_newer_than_the_program_ends_with_status_3(
    capsys: pytest.CaptureFixture[str], newer: None, arguments: tuple[str, ...]
) -> None:
    status, output, complaints = run(capsys, *arguments)
    assert (status, output) == (3, "")
    assert "The database schema has version 9999" in complaints[0]


def test_a_new_user_is_told_its_secrets_as_json(
    capsys: pytest.CaptureFixture[str], stored: ServerAddress
) -> None:
    status, output, _ = run(capsys, "user", "add", "ann", "--organization", "acme")
    assert status == 0
    told = printed_json(output)
    assert set(told) == {"username", "password", "userSecret", "organizationSecret"}
    assert told["username"] == "ann"
    assert len(told["userSecret"]) > 30


def test_the_list_of_users_holds_no_secret(
    capsys: pytest.CaptureFixture[str], stored: ServerAddress
) -> None:
    run(capsys, "user", "add", "ann", "--organization", "acme")
    run(capsys, "user", "add", "bob")
    status, output, _ = run(capsys, "user", "list")
    users = printed_json(output)
    assert status == 0
    assert [user["username"] for user in users] == ["ann", "bob"]
    assert users[0]["organization"] == "acme"
    assert set(users[0]) == {"username", "organization", "createdDate"}


def test_rotation_replaces_the_users_secrets_and_keeps_the_organizations(
    capsys: pytest.CaptureFixture[str], stored: ServerAddress
) -> None:
    before = printed_json(run(capsys, "user", "add", "ann")[1])
    after = printed_json(run(capsys, "user", "rotate", "ann")[1])
    assert after["userSecret"] != before["userSecret"]
    assert after["password"] != before["password"]
    assert after["organizationSecret"] == before["organizationSecret"]


def test_a_name_that_is_taken_or_unknown_ends_with_status_1(
    capsys: pytest.CaptureFixture[str], stored: ServerAddress
) -> None:
    run(capsys, "user", "add", "ann")
    assert run(capsys, "user", "add", "ann")[0] == 1
    assert run(capsys, "user", "rotate", "bob") == (1, "", ["pollhook: There is no user bob."])


def test_keys_that_do_not_open_what_is_stored_end_with_status_2(
    here: Path, capsys: pytest.CaptureFixture[str], stored: ServerAddress
) -> None:
    run(capsys, "user", "add", "ann")
    (here / "data" / "keys").unlink()
    status, output, complaints = run(capsys, "user", "list")
    assert (status, output) == (2, "")
    assert "security.encryption_keys_file" in complaints[0]


def test_secrets_are_encrypted_anew_under_a_new_key_and_the_old_one_may_go(
    here: Path, capsys: pytest.CaptureFixture[str], stored: ServerAddress
) -> None:
    run(capsys, "user", "add", "ann")
    keys = here / "data" / "keys"
    assert run(capsys, "rekey") == (
        0,
        f"encrypted 0 secrets anew: all are under the first key of {keys}\n",
        [],
    )
    assert run(capsys, "rekey", "--new-key") == (
        0,
        f"encrypted 2 secrets anew: all are under the first key of {keys};"
        " the others in it may be taken out\n",
        [],
    )
    newest, old = keys.read_text("ascii").splitlines()
    keys.write_text(newest, "ascii")
    assert run(capsys, "user", "rotate", "ann")[0] == 0
    keys.write_text(old, "ascii")
    status, output, complaints = run(capsys, "rekey")
    assert (status, output) == (2, "")
    assert "put the old key back" in complaints[0]
