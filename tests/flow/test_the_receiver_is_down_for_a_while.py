"""A receiver that is down for a while, or dies at its work, misses nothing."""

from __future__ import annotations

from tests.flow.oracle import Oracle
from tests.flow.pollhook import PROMPT, Pollhook, trusted
from tests.flow.processes import settled
from tests.flow.standins import Provider, Receiver

FAILURES_UNTIL_FAILING = 3
NOT_DELIVERED = "select count(*) from notifications where state <> 'delivered'"
COST_AN_ATTEMPT = """
    select count(distinct notification_id) from attempts where spent and outcome <> 'delivered'
"""
MOMENTS_OF_DEATH = ("before_keeping", "before_answer", "after_answer")


async def test_everything_arrives_in_order_and_the_outage_costs_three_notifications_an_attempt(
    pollhook: Pollhook, provider: Provider, receiver: Receiver
) -> None:
    pollhook.add_settings({"delivery": {"retry_schedule_seconds": PROMPT}})
    program = await pollhook.start()
    instance = await pollhook.connect(receiver.callback())
    oracle = Oracle(
        provider=provider, receiver=receiver, instance=instance.id, since=await provider.changes()
    )
    await provider.edit_at_random(20, seed=1)
    await settled(oracle.missing)

    await receiver.kill()
    await provider.edit_at_random(40, seed=2)
    await program.line(event="endpoint.failing")
    await provider.edit_at_random(40, seed=3)
    await program.line(event="delivery.attempted", spent=False)
    await receiver.start()
    await trusted(receiver, instance)
    await settled(oracle.missing)

    assert (await oracle.judge()).wrong == []
    await oracle.report()
    async with pollhook.database() as database:
        assert (
            await database.fetchval("select count(*) from notifications where state = 'dead'") == 0
        )
        failed = await database.fetch(
            "select distinct notification_id from attempts where spent and outcome <> 'delivered'"
        )
    assert len(failed) <= FAILURES_UNTIL_FAILING


async def test_a_receiver_that_dies_at_its_work_gets_the_same_notification_again(
    pollhook: Pollhook, provider: Provider, receiver: Receiver
) -> None:
    pollhook.add_settings({"delivery": {"retry_schedule_seconds": PROMPT}})
    await pollhook.start()
    instance = await pollhook.connect(receiver.callback())
    oracle = Oracle(
        provider=provider, receiver=receiver, instance=instance.id, since=await provider.changes()
    )
    for number, when in enumerate(MOMENTS_OF_DEATH):
        await receiver.switch(crash={"when": when, "times": 1})
        await provider.edit_at_random(10, seed=number)
        await receiver.program.ended()
        await receiver.start()
        await trusted(receiver, instance)
        await settled(oracle.missing)
    assert (await oracle.judge()).wrong == []
    report = await oracle.report()
    assert report["repeats"] > 0
