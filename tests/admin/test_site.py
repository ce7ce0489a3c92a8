"""The site: an address that can be had is served, and one that cannot is refused in words."""

from __future__ import annotations

import pytest
from aiohttp import web

from daemon.admin.site import serve
from daemon.errors import InvalidInput, PollhookError


async def test_an_address_that_another_program_has_is_no_fault_of_the_configuration() -> None:
    async with serve(web.Application(), "127.0.0.1", 0) as url:
        port = int(url.rpartition(":")[2])
        with pytest.raises(PollhookError, match=f"127.0.0.1 port {port}") as caught:
            async with serve(web.Application(), "127.0.0.1", port):
                pass
    assert not isinstance(caught.value, InvalidInput)


async def test_an_address_that_is_not_of_this_machine_is_a_fault_of_the_configuration() -> None:
    with pytest.raises(InvalidInput, match=r"admin\.port: cannot listen on 192\.0\.2\.1"):
        async with serve(web.Application(), "192.0.2.1", 0):
            pass
