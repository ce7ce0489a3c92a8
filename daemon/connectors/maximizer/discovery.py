"""Discovery: the address of a tenant's API, as its data centre tells it in plain text.

Existing clients ask `https://{datacenter}.maximizercrmlive.com/{alias}?request=api`; the answer is
the application's base without `/Data.svc`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from daemon.connectors.maximizer.addresses import Addresses
from daemon.errors import AddressRefused, InvalidInput, MalformedAnswer, ProviderUnavailable
from daemon.outbound import Outbound, OutboundError

DEADLINE_SECONDS = 15.0
LONGEST_ANSWER_BYTES = 4096


class Discovery:
    """Asks data centres."""

    def __init__(self, outbound: Outbound, addresses: Addresses) -> None:
        self._outbound = outbound
        self._addresses = addresses

    async def find_api(self, configuration: Mapping[str, Any]) -> str | None:
        """The base of the API; None if the instance names no tenant to ask for.

        Raises ProviderUnavailable, MalformedAnswer.
        """
        endpoint = self._addresses.discovery(configuration)
        if endpoint is None:
            return None
        try:
            answer = await self._outbound.request(
                "GET",
                endpoint.url,
                headers={"Accept": "text/plain"},
                deadline_seconds=DEADLINE_SECONDS,
                max_bytes=LONGEST_ANSWER_BYTES,
                guard=endpoint.guarded,
            )
        except (OutboundError, AddressRefused, InvalidInput) as error:
            raise ProviderUnavailable(f"The data centre could not be asked: {error}") from error
        text = answer.body.decode("utf-8", "replace").strip()
        if answer.status != 200 or not _is_address(text):
            raise MalformedAnswer(f"The data centre answered HTTP {answer.status} without a base")
        return text


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc) and not text.split()[1:]
