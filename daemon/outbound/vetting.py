"""The vetting of addresses at the moment of connecting, whatever their text said before."""

from __future__ import annotations

import socket

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from daemon.address_guard import AddressGuard, parse_literal
from daemon.errors import AddressRefused


class VettingResolver(AbstractResolver):
    """Name look-up that hands out only addresses the guard lets pass.

    Connections go to exactly these, while Host header and TLS keep the name (DNS rebinding).
    """

    def __init__(self, guard: AddressGuard, names: AbstractResolver) -> None:
        self._guard = guard
        self._names = names

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The acceptable addresses of a name. Raises AddressRefused if there are only others."""
        passed, refusals = list[ResolveResult](), list[AddressRefused]()
        for found in await self._names.resolve(host, port, family):
            try:
                _vet(self._guard, found["host"], shown_as=f"{host} ({found['host']})")
                passed.append(found)
            except AddressRefused as refusal:
                refusals.append(refusal)
        if refusals and not passed:
            raise refusals[0]
        return passed

    async def close(self) -> None:
        await self._names.close()


def open_vetted(guard: AddressGuard, info: aiohttp.AddrInfoType) -> socket.socket:
    """The last door: no socket for an address that does not pass, however it was spelled."""
    family, kind, protocol, _, target = info
    _vet(guard, str(target[0]), shown_as=str(target[0]))
    return socket.socket(family=family, type=kind, proto=protocol)


def _vet(guard: AddressGuard, literal: str, *, shown_as: str) -> None:
    address = parse_literal(literal)
    if address is None:
        raise AddressRefused(f"{shown_as} is not an address that could be checked")
    guard.check_address(address, shown_as=shown_as)
