"""The CRM stand-in: one Maximizer as a web application."""

from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

from aiohttp import hdrs, web

from daemon.sandbox.authorization import Authorization
from daemon.sandbox.clock import Clock
from daemon.sandbox.control import Control
from daemon.sandbox.control_requests import explain_errors
from daemon.sandbox.endpoints import Endpoints
from daemon.sandbox.record_control import RecordControl
from daemon.sandbox.service import Options, Service, make_service
from daemon.sandbox.state import load, save

SERVICE = web.AppKey("service", Service)


def create_app(
    options: Options | None = None, clock: Clock | None = None, state: Path | None = None
) -> web.Application:
    """The application; its parts are in `app[SERVICE]`.

    With a state file, records and tokens are read from it if it exists, and saved at the end.
    """
    clock = clock or Clock()
    service = _make(options or Options(), clock, state)
    app = web.Application(middlewares=[explain_errors])
    app[SERVICE] = service
    for paths in (RecordControl(service), Control(service), Authorization(service)):
        app.add_routes(paths.routes())
    app.add_routes(Endpoints(service).routes())
    app.on_response_prepare.append(_date)
    if state is not None:
        app.on_cleanup.append(lambda _: _save(service, state))
    return app


def _make(options: Options, clock: Clock, state: Path | None) -> Service:
    if state is None or not state.exists():
        return make_service(options, clock)
    service = make_service(replace(options, seed=None), clock)
    load(service, state)
    return service


async def _save(service: Service, state: Path) -> None:
    save(service, state)


async def _date(request: web.Request, response: web.StreamResponse) -> None:
    """Every answer bears the sandbox's time, more or less off, as its Date."""
    service = request.app[SERVICE]
    shown = service.clock.now() + timedelta(seconds=service.switches.profile.date_skew_seconds)
    response.headers[hdrs.DATE] = format_datetime(shown, usegmt=True)
