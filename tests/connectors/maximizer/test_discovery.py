from __future__ import annotations

from collections.abc import Mapping

import pytest

from daemon.errors import MalformedAnswer, ProviderUnavailable
from tests.connectors.maximizer.stage import Stage
from tests.sandbox.clients import Crm

ALIAS: Mapping[str, str] = {"maximizer.alias": "Acme"}


async def test_the_data_centre_tells_the_base_of_the_api(crm: Crm, maximizer: Stage) -> None:
    found = await maximizer.connector.discover(ALIAS)
    assert found == f"{maximizer.base}/MaximizerWebData"


@pytest.mark.parametrize("configuration", [{}, {"maximizer.alias": ""}, {"maximizer.alias": "a/b"}])
async def test_without_a_tenant_there_is_nobody_to_ask(
    crm: Crm, maximizer: Stage, configuration: Mapping[str, str]
) -> None:
    assert await maximizer.connector.discover(configuration) is None


async def test_an_unknown_tenant_is_a_fault(maximizer: Stage, crm: Crm) -> None:
    object.__setattr__(crm.service, "aliases", ("Other",))
    with pytest.raises(MalformedAnswer, match="HTTP 404"):
        await maximizer.connector.discover(ALIAS)


async def test_a_data_centre_that_cannot_be_reached_is_an_outage(maximizer: Stage) -> None:
    addresses = maximizer.connector._parts.addresses  # type: ignore[attr-defined]
    addresses._settings = addresses._settings.model_copy(
        update={"authorize_url": "http://127.0.0.1:9/{alias}"}
    )
    with pytest.raises(ProviderUnavailable, match="could not be asked"):
        await maximizer.connector.discover(ALIAS)


async def test_a_data_centre_that_an_instance_names_is_reached_only_through_the_guard(
    maximizer: Stage,
) -> None:
    addresses = maximizer.connector._parts.addresses  # type: ignore[attr-defined]
    addresses._settings = addresses._settings.model_copy(
        update={"authorize_url": "http://{datacenter}:9/{alias}"}
    )
    with pytest.raises(ProviderUnavailable, match=r"allowed_private_networks|not a name"):
        await maximizer.connector.discover({**ALIAS, "maximizer.datacenter": "localhost"})
