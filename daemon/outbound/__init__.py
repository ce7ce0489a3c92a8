"""The one door out: calls to providers and callbacks."""

from daemon.outbound.door import Answer, Outbound
from daemon.outbound.failures import OutboundError, OutboundFailure

__all__ = ["Answer", "Outbound", "OutboundError", "OutboundFailure"]
