"""The command line: arguments and exit statuses, nothing else."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

from daemon import __version__
from daemon.errors import InvalidInput, PollhookError, SchemaTooNew, UndecryptableSecret
from daemon.logs import configure_logs

if TYPE_CHECKING:
    from daemon.settings import Settings

AddParser = Callable[..., argparse.ArgumentParser]

STATUSES: Mapping[type[PollhookError], int] = {
    InvalidInput: 2,
    UndecryptableSecret: 2,
    SchemaTooNew: 3,
    PollhookError: 1,
}
"""Exit status by the class of the error, the first that fits; what is not listed here ends with a
traceback, and status 1 as well."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status, or leaves by SystemExit(2) on wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.handler(options))
    except KeyboardInterrupt:
        return 1
    except Exception as error:
        reasons = list(_reasons(error))
        if not all(isinstance(reason, PollhookError) for reason in reasons):
            raise
        return _explain(reasons)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pollhook", description="Turns a CRM that can only be polled into one that calls you."
    )
    parser.add_argument("--version", action="version", version=f"pollhook {__version__}")
    add = parser.add_subparsers(required=True, metavar="COMMAND").add_parser
    configured = _config_option()
    _add_daemon_commands(add, configured)
    _add_tools(add, configured)
    _add_user_commands(add("user", help="manage the accounts"), configured)
    return parser


def _config_option() -> argparse.ArgumentParser:
    parent = argparse.ArgumentParser(add_help=False)
    parent.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="configuration file; else $POLLHOOK_CONFIG, ./config.yaml, /etc/pollhook/config.yaml",
    )
    return parent


def _add_daemon_commands(add: AddParser, configured: argparse.ArgumentParser) -> None:
    run = add("run", parents=[configured], help="run the daemon in the foreground")
    run.set_defaults(handler=_run)
    demo = add("demo", help="run it against a sandbox CRM, and watch it work")
    demo.add_argument("--port", type=_port, metavar="N", help="port of the API and the page")
    demo.add_argument("--once", action="store_true", help="end after the first verified changes")
    demo.set_defaults(handler=_demo)


def _add_tools(add: AddParser, configured: argparse.ArgumentParser) -> None:
    for name, handler, told in (
        ("check-config", _check_config, "list every fault of the configuration"),
        ("migrate", _migrate, "bring the database schema up to date"),
    ):
        add(name, parents=[configured], help=told).set_defaults(handler=handler)
    rekey = add("rekey", parents=[configured], help="encrypt stored secrets with the newest key")
    rekey.add_argument(
        "--new-key", action="store_true", help="make that key: put it first in the key file"
    )
    rekey.set_defaults(handler=_rekey)
    doctor = add("doctor", parents=[configured], help="examine the set-up of an instance")
    doctor.add_argument("instance", metavar="INSTANCE", help="its id or its name")
    doctor.set_defaults(handler=_doctor)
    health = add("healthcheck", parents=[configured], help="end with status 0 if it is ready")
    health.add_argument("--url", help="address of the daemon, else by the configuration")
    health.set_defaults(handler=_healthcheck)


def _add_user_commands(user: argparse.ArgumentParser, configured: argparse.ArgumentParser) -> None:
    verbs = user.add_subparsers(required=True, metavar="VERB")
    add = verbs.add_parser("add", parents=[configured], help="add one; prints the secrets once")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--organization", metavar="ORG", help="made if need be; else the first one")
    add.set_defaults(handler=_add_user)
    everybody = verbs.add_parser("list", parents=[configured], help="list all")
    everybody.set_defaults(handler=_list_users)
    rotate = verbs.add_parser(
        "rotate", parents=[configured], help="replace the secrets of one; prints them once"
    )
    rotate.add_argument("name", metavar="NAME")
    rotate.set_defaults(handler=_rotate_user)


def _port(text: str) -> int:
    port = int(text) if text.isascii() and text.isdecimal() else -1
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: it has to be 0 to 65535")
    return port


# Handlers import what they need when they run: a health check every few seconds must not load the
# whole daemon.


def _run(options: argparse.Namespace) -> int:
    settings = _load(options)
    configure_logs(settings.logging.level, settings.logging.format)
    from daemon.app import Ready, run

    def greet(ready: Ready) -> None:
        if ready.sign_in_url is not None:
            print(f"Sign in, once and within 15 minutes: {ready.sign_in_url}", flush=True)

    asyncio.run(run(settings, on_ready=greet if sys.stdout.isatty() else None))
    return 0


def _demo(options: argparse.Namespace) -> int:
    from daemon.demo import run

    return asyncio.run(run(port=options.port, once=options.once))


def _check_config(options: argparse.Namespace) -> int:
    from daemon.declarations import check_configuration

    configure_logs("warning", "auto")
    settings = asyncio.run(check_configuration(options.config, os.environ))
    print(f"{settings.config_file or 'no file, all defaults'}: no fault found")
    return 0


def _migrate(options: argparse.Namespace) -> int:
    from daemon import maintenance

    names = asyncio.run(maintenance.migrate_schema(_load(options)))
    print("\n".join(f"applied {name}" for name in names) or "the schema was up to date")
    return 0


def _rekey(options: argparse.Namespace) -> int:
    from daemon import maintenance

    print(asyncio.run(maintenance.rekey_secrets(_load(options), new_key=options.new_key)))
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from daemon.doctor import examine
    from daemon.doctor_findings import Mark

    settings = _load(options)
    configure_logs("error", settings.logging.format)

    async def tell() -> bool:
        wrong = False
        async with aclosing(examine(settings, options.instance)) as findings:
            async for finding in findings:
                print(finding, flush=True)
                wrong = wrong or finding.mark is Mark.WRONG
        return wrong

    return int(asyncio.run(tell()))


def _healthcheck(options: argparse.Namespace) -> int:
    from daemon.healthcheck import find_trouble, readiness_url

    if options.url is not None:
        url = options.url
    else:
        admin = _load(options).admin
        url = readiness_url(admin.host, admin.port)
    trouble = find_trouble(url)
    print("ready" if trouble is None else f"not ready: {trouble}")
    return 0 if trouble is None else 1


def _add_user(options: argparse.Namespace) -> int:
    from daemon import maintenance

    added = maintenance.add_user(_load(options), options.name, options.organization)
    _print_json(asyncio.run(added))
    return 0


def _list_users(options: argparse.Namespace) -> int:
    from daemon import maintenance

    _print_json(asyncio.run(maintenance.list_users(_load(options))))
    return 0


def _rotate_user(options: argparse.Namespace) -> int:
    from daemon import maintenance

    _print_json(asyncio.run(maintenance.rotate_user(_load(options), options.name)))
    return 0


def _load(options: argparse.Namespace) -> Settings:
    from daemon.settings import load_settings

    settings = load_settings(options.config, os.environ)
    configure_logs("warning", settings.logging.format)
    return settings


def _print_json(value: object) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def _reasons(error: BaseException) -> Iterator[BaseException]:
    """The errors themselves, out of the groups that task groups wrap them in."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _reasons(inner)
    else:
        yield error


def _explain(reasons: Sequence[BaseException]) -> int:
    for reason in reasons:
        sentences = reason.faults if isinstance(reason, InvalidInput) else (reason,)
        for sentence in sentences:
            print(f"pollhook: {sentence}", file=sys.stderr)
    return next(
        status
        for kind, status in STATUSES.items()
        if any(isinstance(reason, kind) for reason in reasons)
    )
