"""The demo shows the product at work, and checks itself."""

from __future__ import annotations

from tests.flow.processes import finished


async def test_the_demo_ends_well_after_the_first_verified_notifications() -> None:
    status, output, complaints = await finished("daemon", "demo", "--once", "--port", "0")
    assert (status, complaints) == (0, "")
    assert "CREATED" in output
    assert "UPDATED" in output
    assert "not verified" not in output
