from __future__ import annotations

import pytest

from daemon.delivery.slots import Slots, Tier


def take_all(slots: Slots, tier: Tier) -> int:
    taken = 0
    while slots.is_free(tier):
        slots.take(tier)
        taken += 1
    return taken


@pytest.mark.parametrize(
    ("total", "tier", "share"),
    [
        pytest.param(64, Tier.WORKING, 64, id="working"),
        pytest.param(64, Tier.NEW, 48, id="new"),
        pytest.param(64, Tier.DOUBTFUL, 32, id="doubtful"),
        pytest.param(64, Tier.FAILING, 8, id="failing"),
        pytest.param(1, Tier.FAILING, 1, id="a single slot serves all"),
    ],
)
def test_each_tier_has_its_share(total: int, tier: Tier, share: int) -> None:
    assert take_all(Slots(total), tier) == share


def test_those_in_trouble_can_never_keep_a_working_one_waiting() -> None:
    slots = Slots(64)

    taken = [take_all(slots, tier) for tier in (Tier.FAILING, Tier.DOUBTFUL, Tier.NEW)]

    assert taken == [8, 24, 16]
    assert take_all(slots, Tier.WORKING) == 16
    assert slots.left == 0


def test_working_ones_may_use_what_the_others_leave() -> None:
    slots = Slots(8)
    take_all(slots, Tier.WORKING)

    assert not any(slots.is_free(tier) for tier in Tier)
    slots.release(Tier.WORKING)
    assert all(slots.is_free(tier) for tier in Tier)
