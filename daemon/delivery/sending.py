"""The sending: one attempt under way, whatever happens to its lane meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.delivery.endpoint import EndpointConfiguration
from daemon.delivery.lane import Lane
from daemon.delivery.retry import RetryPolicy
from daemon.delivery.settlement import Begun, Conclusion, Outcome, conclude
from daemon.delivery.signing import Signer
from daemon.delivery.slots import Tier


@dataclass(slots=True, kw_only=True)
class Sending:
    """What an attempt was begun with.

    `may_repeat` if a kept connection that breaks may be replaced within it. Where anything was
    wrong lately it may not: what crashes a receiver has to be the first to fail.
    """

    lane: Lane
    configuration: EndpointConfiguration
    signer: Signer
    begun: Begun
    tier: Tier
    may_repeat: bool

    def conclude(self, outcome: Outcome, policy: RetryPolicy, chance: float) -> Conclusion:
        """Judge it by the instance's own schedule and the endpoint's status as it is by now."""
        own = policy.following(self.configuration.retry_schedule_seconds)
        return conclude(self.begun, outcome, self.lane.status, own, chance)


def take_next(lane: Lane) -> Sending | None:
    """The next of a lane that can send; None if there is nowhere to send to."""
    configuration, signer = lane.configuration, lane.signer
    if configuration is None or signer is None:
        return None
    tier, is_trusted, era = lane.tier, lane.is_trusted, lane.status.era
    ready, queues = lane.take(), configuration.queues_failures
    return Sending(
        lane=lane,
        configuration=configuration,
        signer=signer,
        begun=Begun(instance_id=lane.instance_id, ready=ready, era=era, queues=queues),
        tier=tier,
        may_repeat=is_trusted and ready.attempts == 0,
    )
