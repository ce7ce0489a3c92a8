"""The rate limit: a sliding window of calls for each account."""

from collections import deque
from datetime import datetime, timedelta

from daemon.sandbox.profile import Profile


class RateWindows:
    """Counts the calls which were let through."""

    def __init__(self) -> None:
        self._calls: dict[str, deque[datetime]] = {}

    def wait_seconds(self, account: str, profile: Profile, now: datetime) -> float:
        """0 if the account may call, and then the call is counted; else how long it must wait."""
        if not profile.rate_limit_calls:
            return 0
        window = timedelta(seconds=profile.rate_limit_seconds)
        calls = self._calls.setdefault(account, deque())
        while calls and calls[0] <= now - window:
            calls.popleft()
        if len(calls) < profile.rate_limit_calls:
            calls.append(now)
            return 0
        return (calls[0] + window - now).total_seconds()
