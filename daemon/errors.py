"""The tree of errors: the class, never the text, decides how the daemon reacts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong with one field of foreign input; `message` is a sentence."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class PollhookError(Exception):
    """Root of everything raised on purpose; its text is a sentence fit for a log and an answer."""


class InvalidInput(PollhookError):
    """Foreign input (a body, a file, an argument) is wrong: refuse it, naming every fault."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(str(fault) for fault in self.faults))


class NotFound(PollhookError):
    """The thing asked for does not exist, or belongs to somebody else."""


class Conflict(PollhookError):
    """The request contradicts what is stored (a name taken, a key used with another body)."""


class InstanceDisabled(PollhookError):
    """The instance is disabled: refuse until it is enabled."""


class DatabaseUnavailable(PollhookError):
    """The database cannot be reached or started: wait for an external one, give up on our own."""


class DatabaseFull(DatabaseUnavailable):
    """The database has no room for what is to be written: wait too, and say so to people."""


class FolderUnusable(PollhookError):
    """A file of our own cannot be written, as on a full or read-only disk: give up until that is
    mended."""


class SchemaTooNew(PollhookError):
    """The database was migrated by a newer version: refuse to start (exit status 3)."""


class UndecryptableSecret(PollhookError):
    """No key of the key file opens a stored secret: refuse to start (exit status 2)."""


class Fenced(PollhookError):
    """The lease was lost, or the configuration changed, since the work began: drop it quietly."""


class RevisionMismatch(PollhookError):
    """Another version of an object was committed since it was read: detect again."""


class SweepInterrupted(PollhookError):
    """What a sweep's listing had shown was lost, in a crash of the database: list again."""


class AddressRefused(PollhookError):
    """An address leads where outgoing calls may not go: do not connect."""


class ProviderError(PollhookError):
    """The provider did not do what was asked.

    `provider_message` is the provider's own text (truncated, redacted), `status` its HTTP status.
    `field` is what a person gave that the provider did not like, where that is known.
    """

    field: str | None = None

    def __init__(
        self, message: str, *, status: int | None = None, provider_message: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.provider_message = provider_message


class ProviderUnavailable(ProviderError):
    """Connection failure, time-out, 5xx or an answer cut short: retry with a growing delay."""


class ProviderTimeout(ProviderUnavailable):
    """The provider did not answer within the deadline: retry; a person's call answers 504."""


class AnswerTooSlow(ProviderUnavailable):
    """The provider gave up on the size of the question (408): ask again for smaller pages."""


class MalformedAnswer(ProviderUnavailable):
    """The answer is not what the protocol promises (not JSON, a repeated page key): retry."""


class RateLimited(ProviderError):
    """The provider asks to slow down (429): wait `retry_after`, then go on."""

    def __init__(
        self,
        message: str,
        *,
        retry_after: timedelta | None = None,
        status: int | None = 429,
        provider_message: str | None = None,
    ) -> None:
        super().__init__(message, status=status, provider_message=provider_message)
        self.retry_after = retry_after


class TokenRejected(ProviderError):
    """The access token was not accepted: refresh it once per generation, then ask again."""


class CredentialsRefused(ProviderError):
    """Grant code, refresh token or client credentials were refused: only a person can help."""


class RequestRefused(ProviderError):
    """The provider understood and refused (a bad field, no permission): asking again is useless."""
