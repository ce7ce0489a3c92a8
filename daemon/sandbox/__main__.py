"""The sandbox's command line: `python -m daemon.sandbox crm` and `... receiver`."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aiohttp import web

from daemon.sandbox import crm, receiver
from daemon.sandbox.grants import Client
from daemon.sandbox.refusals import BadRequest
from daemon.sandbox.service import Options
from daemon.sandbox.serving import serve
from daemon.sandbox.verification import ReceiverProfile


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one stand-in until it is told to stop; prints one JSON line when it is ready."""
    given = _parser().parse_args(arguments)
    try:
        app, more = given.make(given)
        asyncio.run(
            serve(
                app,
                given.host,
                given.port,
                lambda url: _print_ready(url, more),
                until_input_ends=given.until_input_ends,
            )
        )
    except (BadRequest, OSError, ValueError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 2
    return 0


def _print_ready(url: str, more: dict[str, Any]) -> None:
    filled = {
        name: value.replace("{url}", url) if isinstance(value, str) else value
        for name, value in more.items()
    }
    print(json.dumps({"url": url, "pid": os.getpid(), **filled}), flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m daemon.sandbox", description=__doc__)
    kinds = parser.add_subparsers(required=True, metavar="crm|receiver")
    _add_crm(kinds.add_parser("crm", help="a Maximizer stand-in"))
    _add_receiver(kinds.add_parser("receiver", help="a sample callback receiver"))
    return parser


def _add_address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free one")
    parser.add_argument(
        "--until-input-ends", action="store_true", help="stop when standard input, a pipe, closes"
    )


def _add_crm(parser: argparse.ArgumentParser) -> None:
    _add_address(parser)
    parser.add_argument("--seed", type=int, default=1, help="which records it begins with")
    parser.add_argument("--empty", action="store_true", help="begin without records")
    parser.add_argument("--state", type=Path, help="file to keep records and tokens in")
    parser.add_argument("--faults", type=json.loads, default={}, help="switches, as JSON")
    parser.add_argument("--alias", action="append", default=[], help="a tenant; none: any name")
    parser.add_argument("--client-id", default="sandbox-client")
    parser.add_argument("--client-secret", default="sandbox-secret")
    parser.add_argument("--redirect-uri", action="append", default=[], help="none: any address")
    parser.add_argument("--personal-access-token", help="none: a new one")
    parser.set_defaults(make=_make_crm)


def _make_crm(given: argparse.Namespace) -> tuple[web.Application, dict[str, Any]]:
    client = Client(
        id=given.client_id, secret=given.client_secret, redirect_uris=tuple(given.redirect_uri)
    )
    options = Options(
        seed=None if given.empty else given.seed,
        client=client,
        aliases=tuple(given.alias),
        personal_access_token=given.personal_access_token,
        faults=given.faults,
    )
    app = crm.create_app(options, state=given.state)
    return app, {
        "authorizeUrl": "{url}/oauth2/{alias}/authorize",
        "tokenUrl": "{url}/oauth2/{alias}/token",
        "apiUrl": "{url}/octopus",
        "clientId": client.id,
        "clientSecret": client.secret,
        "personalAccessToken": app[crm.SERVICE].personal_access_token,
    }


def _add_receiver(parser: argparse.ArgumentParser) -> None:
    _add_address(parser)
    parser.add_argument("--log", type=Path, help="file to keep notifications in, one a line")
    parser.add_argument("--signature-key", help="key of Elements-Webhook-Signature")
    parser.add_argument("--secret", action="append", default=[], help="Standard Webhooks secret")
    parser.set_defaults(make=_make_receiver)


def _make_receiver(given: argparse.Namespace) -> tuple[web.Application, dict[str, Any]]:
    profile = ReceiverProfile(signature_key=given.signature_key, secrets=tuple(given.secret))
    return receiver.create_app(profile, log=given.log), {"callbackUrl": "{url}/callback"}


if __name__ == "__main__":
    sys.exit(main())
