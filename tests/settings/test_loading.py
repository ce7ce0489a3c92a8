from pathlib import Path

import pytest

from daemon.errors import InvalidInput
from daemon.settings import ConfigFault, Settings, load_settings


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("daemon.settings.config_file.SYSTEM_FILE", tmp_path / "absent.yaml")
    return tmp_path


def load(text: str = "", **environ: str) -> Settings:
    path = Path("config.yaml")
    path.write_text(text, "utf-8")
    return load_settings(path, environ)


def faults(text: str = "", **environ: str) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        load(text, **environ)
    assert all(isinstance(fault, ConfigFault) for fault in caught.value.faults)
    return [str(fault) for fault in caught.value.faults]


def credential(folder: Path, name: str, text: str) -> str:
    credentials = folder / "credentials"
    credentials.mkdir(exist_ok=True)
    (credentials / name).write_text(text, "utf-8")
    return str(credentials)


def dsn(settings: Settings) -> str | None:
    value = settings.database.dsn
    return None if value is None else value.get_secret_value()


def test_without_a_file_everything_has_its_default() -> None:
    settings = load_settings(None, {})
    assert settings.model_dump() == Settings().model_dump()
    assert settings.config_file is None


def test_the_settings_know_the_file_they_were_read_from() -> None:
    assert load("").config_file == Path("config.yaml")


def test_the_file_replaces_defaults_one_by_one() -> None:
    settings = load("admin: {port: 9000}\npolling:\n  page_size: 50\n")
    assert (settings.admin.port, settings.admin.host) == (9000, "127.0.0.1")
    assert (settings.polling.page_size, settings.polling.overlap_seconds) == (50, 120)


def test_the_environment_wins_over_the_file() -> None:
    settings = load("admin: {port: 9000, host: '::1'}", POLLHOOK_ADMIN__PORT="9001")
    assert (settings.admin.port, settings.admin.host) == (9001, "::1")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("POLLHOOK_SHUTDOWN_GRACE_SECONDS", "7.5", 7.5),
        ("pollhook_shutdown_grace_seconds", "7.5", 7.5),
        ("POLLHOOK_SHUTDOWN_GRACE_SECONDS", "", 30),
    ],
    ids=["upper case", "lower case", "empty is unset"],
)
def test_a_top_level_key_is_read_from_the_environment(
    name: str, value: str, expected: float
) -> None:
    assert load(**{name: value}).shutdown_grace_seconds == expected


@pytest.mark.parametrize("value", ["0,5, 60", "[0, 5, 60]"], ids=["commas", "JSON"])
def test_a_list_from_the_environment_is_json_or_separated_by_commas(value: str) -> None:
    settings = load(POLLHOOK_DELIVERY__RETRY_SCHEDULE_SECONDS=value)
    assert settings.delivery.retry_schedule_seconds == (0, 5, 60)


def test_a_whole_section_may_come_from_the_environment_as_json() -> None:
    settings = load("admin: {host: '::1'}", POLLHOOK_ADMIN='{"port": 9002}')
    assert (settings.admin.port, settings.admin.host) == (9002, "::1")
    (fault,) = faults(POLLHOOK_ADMIN='{"port": -1}')
    assert fault == "POLLHOOK_ADMIN: admin.port: has to be at least 0, not -1"


@pytest.mark.parametrize(
    "name",
    [
        "POLLHOOK_CONFIG",
        "POLLHOOK_SERVICE_HOST",
        "POLLHOOK_SERVICE_PORT",
        "POLLHOOK_SERVICE_PORT_HTTP",
        "POLLHOOK_PORT",
        "POLLHOOK_PORT_8080_TCP_ADDR",
    ],
)
def test_variables_that_are_no_keys_are_left_alone(name: str) -> None:
    assert load(**{name: "tcp://10.0.0.1:8080"}).model_dump() == Settings().model_dump()


@pytest.mark.parametrize(
    ("text", "environ", "expected"),
    [
        ("", {}, "data"),
        ("", {"STATE_DIRECTORY": "/var/lib/pollhook"}, "/var/lib/pollhook"),
        ("", {"STATE_DIRECTORY": "/var/lib/a:/var/lib/b"}, "/var/lib/a"),
        ("data_dir: /srv/x", {"STATE_DIRECTORY": "/var/lib/pollhook"}, "/srv/x"),
        ("data_dir:", {"STATE_DIRECTORY": "/var/lib/pollhook"}, "/var/lib/pollhook"),
        ("data_dir: /srv/x", {"POLLHOOK_DATA_DIR": "y"}, "y"),
    ],
    ids=["here", "systemd's", "the first", "the file's", "empty in the file", "the variable's"],
)
def test_the_data_folder_is_the_most_particular_one(
    here: Path, text: str, environ: dict[str, str], expected: str
) -> None:
    settings = load(text, **environ)
    assert settings.data_dir == here / expected
    assert settings.security.encryption_keys_file == here / expected / "keys"


def test_a_home_folder_may_be_written_with_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    assert load("data_dir: ~/pollhook").data_dir == Path("/home/ann/pollhook")


def test_an_absolute_keys_file_stays_where_it_is() -> None:
    settings = load("security: {encryption_keys_file: /etc/pollhook/keys}")
    assert settings.security.encryption_keys_file == Path("/etc/pollhook/keys")


def test_a_secret_is_read_from_its_file(here: Path) -> None:
    (here / "secret").write_text("postgresql://u:p@h/d\n", "utf-8")
    assert dsn(load("database: {dsn_file: secret}")) == "postgresql://u:p@h/d"


def test_a_credential_of_systemd_wins_over_the_file(here: Path) -> None:
    folder = credential(here, "database.dsn", "postgresql://credential/d")
    settings = load("database: {dsn: 'postgresql://file/d'}", CREDENTIALS_DIRECTORY=folder)
    assert dsn(settings) == "postgresql://credential/d"


def test_the_environment_wins_over_a_credential(here: Path) -> None:
    settings = load(
        CREDENTIALS_DIRECTORY=credential(here, "database.dsn", "postgresql://credential/d"),
        POLLHOOK_DATABASE__DSN="postgresql://variable/d",
    )
    assert dsn(settings) == "postgresql://variable/d"


def test_a_secret_file_in_the_environment_replaces_the_secret_in_the_file(here: Path) -> None:
    (here / "secret").write_text("postgresql://secret/d", "utf-8")
    settings = load("database: {dsn: 'postgresql://file/d'}", POLLHOOK_DATABASE__DSN_FILE="secret")
    assert dsn(settings) == "postgresql://secret/d"


def test_the_encryption_keys_may_be_a_credential(here: Path) -> None:
    folder = credential(here, "security.encryption_keys", "irrelevant")
    settings = load(CREDENTIALS_DIRECTORY=folder)
    assert settings.security.encryption_keys_file == Path(folder, "security.encryption_keys")


def test_other_credentials_are_left_alone(here: Path) -> None:
    folder = credential(here, "something.else", "x")
    assert load(CREDENTIALS_DIRECTORY=folder).model_dump() == Settings().model_dump()


def test_a_secret_and_its_file_side_by_side_are_refused(here: Path) -> None:
    (here / "secret").write_text("postgresql://secret/d", "utf-8")
    assert faults("database:\n  dsn: postgresql://file/d\n  dsn_file: secret\n") == [
        "config.yaml, line 3: database.dsn_file: stands beside database.dsn; give one of the two"
    ]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("absent", None, "absent cannot be read: No such file or directory"),
        ("binary", b"\xff", "binary cannot be read: 'utf-8' codec can't decode"),
        ("~nobody-of-that-name/x", None, "names a home folder that does not exist"),
    ],
)
def test_a_secret_file_that_cannot_be_read_is_a_fault_of_its_key(
    here: Path, name: str, content: bytes | None, reason: str
) -> None:
    if content is not None:
        (here / name).write_bytes(content)
    told = faults(f"database:\n  dsn_file: {name}\n")
    assert all(fault.startswith("config.yaml, line 2: database.dsn_file: ") for fault in told)
    assert reason in told[0]


@pytest.mark.parametrize(
    ("text", "environ", "place"),
    [
        ("database: {dsn: 'mysql://u:hunter2@h'}", {}, "config.yaml, line 1"),
        ("", {"POLLHOOK_DATABASE__DSN": "hunter2"}, "POLLHOOK_DATABASE__DSN"),
        ("database: {dsn_file: secret}", {}, "secret"),
        ("database: {dsn: {hunter2: 1}}", {}, "config.yaml, line 1"),
    ],
    ids=["file", "variable", "secret file", "wrong type"],
)
def test_a_fault_of_a_secret_does_not_show_it(
    here: Path, text: str, environ: dict[str, str], place: str
) -> None:
    (here / "secret").write_text("hunter2", "utf-8")
    (fault,) = faults(text, **environ)
    assert fault.startswith(f"{place}: database.dsn: has to ")
    assert "hunter2" not in fault


def test_secrets_do_not_show_in_the_settings_themselves() -> None:
    assert "hunter2" not in repr(load("database: {dsn: 'postgresql://u:hunter2@h/d'}"))


@pytest.mark.parametrize(
    ("text", "key", "nearest"),
    [
        ("admin: {prt: 1}", "admin.prt", "admin.port"),
        ("port: 1", "port", "admin.port"),
        ("pollling: {page_size: 5}", "pollling", "polling"),
        ("lease: {renew: 1}", "lease.renew", "lease.renew_seconds"),
        ("_config_file: x", "_config_file", None),
        ("zzz: 1", "zzz", None),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(
    text: str, key: str, nearest: str | None
) -> None:
    hint = f"; did you mean {nearest}?" if nearest else ""
    assert faults(text) == [f"config.yaml, line 1: {key}: is not a known key{hint}"]


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("POLLHOOK_ADMIN__PRT", "admin.prt: is not a known key; did you mean admin.port?"),
        ("POLLHOOK_ADMNI__PORT", "admni.port: is not a known key; did you mean admin.port?"),
        ("POLLHOOK_DATADIR", "datadir: is not a known key; did you mean data_dir?"),
        ("POLLHOOK_DATA_DIR__X", "data_dir.x: is not a known key; did you mean data_dir?"),
    ],
)
def test_an_unknown_variable_is_refused_too(name: str, fault: str) -> None:
    assert faults(**{name: "1"}) == [f"{name}: {fault}"]


SCHEDULE = "delivery.retry_schedule_seconds"


@pytest.mark.parametrize(
    ("text", "line", "key", "reason"),
    [
        ("admin: 5", 1, "admin", "has to hold keys of its own, not 5"),
        ("admin: {port: x}", 1, "admin.port", "has to be a whole number, not 'x'"),
        ("admin: {port: true}", 1, "admin.port", "has to be a number, not true"),
        ("admin: {port: 1.5}", 1, "admin.port", "has to be a whole number, not 1.5"),
        ("admin:\n  port: 70000", 2, "admin.port", "has to be at most 65535, not 70000"),
        ("admin: {host: 5}", 1, "admin.host", "has to be text, not 5"),
        ("admin: {host: ''}", 1, "admin.host", "must not be empty, not ''"),
        ("data_dir: [x]", 1, "data_dir", "has to be a path"),
        ("delivery: {retry_schedule_seconds: 5}", 1, SCHEDULE, "has to be a list, not 5"),
        (
            "delivery: {retry_schedule_seconds: []}",
            1,
            SCHEDULE,
            "needs more entries (at least 1)",
        ),
        (
            "delivery:\n  retry_schedule_seconds:\n    - 0\n    - -1\n",
            4,
            f"{SCHEDULE}[1]",
            "has to be at least 0, not -1",
        ),
        (
            "polling: {overlap_seconds: -1}",
            1,
            "polling.overlap_seconds",
            "has to be at least 0, not -1",
        ),
        (
            "polling: {overlap_seconds: nan}",
            1,
            "polling.overlap_seconds",
            "has to be a finite number, not 'nan'",
        ),
        (
            "polling: {default_interval_minutes: 0}",
            1,
            "polling.default_interval_minutes",
            "has to be above 0, not 0",
        ),
        (
            "delivery: {max_body_bytes: 99999999}",
            1,
            "delivery.max_body_bytes",
            "has to be at most 16777216, not 99999999",
        ),
        (
            "logging: {level: loud}",
            1,
            "logging.level",
            "has to be 'debug', 'info', 'warning' or 'error', not 'loud'",
        ),
        (
            "instances: [{name: a}]",
            1,
            "instances[0].element",
            "is needed",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_line_key_and_reason(
    text: str, line: int, key: str, reason: str
) -> None:
    assert faults(text) == [f"config.yaml, line {line}: {key}: {reason}"]


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        ("lease: {seconds: 4}", "lease.renew_seconds", "3 is more than half of lease.seconds (4)"),
        (
            "lease: {renew_seconds: 6}",
            "lease.renew_seconds",
            "6 is more than half of lease.seconds (10)",
        ),
        (
            "polling: {default_interval_minutes: 0.01}",
            "polling.minimum_interval_seconds",
            "1 is above polling.default_interval_minutes (0.01 minutes)",
        ),
        (
            "polling: {error_backoff_max_seconds: 4}",
            "polling.error_backoff_max_seconds",
            "4 is below polling.error_backoff_seconds (5)",
        ),
        (
            "delivery: {timeout_seconds: 3}",
            "delivery.connect_timeout_seconds",
            "5 is above delivery.timeout_seconds (3)",
        ),
        (
            "delivery: {max_in_flight: 4}",
            "delivery.max_in_flight_per_endpoint",
            "8 is above delivery.max_in_flight (4)",
        ),
        (
            "database: {pool_size: 41}",
            "database",
            "pool_size 41 is above 40, which is what the embedded server has room for; "
            "larger pools need database.dsn",
        ),
    ],
)
def test_an_impossible_combination_is_refused_at_what_was_given(
    text: str, key: str, reason: str
) -> None:
    assert faults(f"# first\n{text}") == [f"config.yaml, line 2: {key}: {reason}"]


def test_a_larger_pool_is_fine_with_a_server_of_its_own() -> None:
    settings = load("database: {pool_size: 200, dsn: 'postgres://h/d'}")
    assert settings.database.pool_size == 200


def test_every_fault_is_told_at_once_in_the_order_of_the_file() -> None:
    told = faults(
        "zzz: 1\nadmin:\n  port: -1\nlease: {seconds: 4}\ndatabase: {dsn_file: absent}\n",
        POLLHOOK_POLLING__PAGE_SIZE="0",
    )
    assert [fault.split(": ")[0] for fault in told] == [
        "POLLHOOK_POLLING__PAGE_SIZE",
        "config.yaml, line 1",
        "config.yaml, line 3",
        "config.yaml, line 4",
        "config.yaml, line 5",
    ]


def test_a_long_value_is_shortened_in_its_fault() -> None:
    (fault,) = faults(f"admin: {{port: {'x' * 500}}}")
    assert len(fault) < 200


def test_the_settings_cannot_be_changed() -> None:
    settings = load("")
    with pytest.raises(ValueError, match="frozen"):
        settings.polling.page_size = 5
