"""Refusals: what the sandbox answers when it does not do what it was asked."""


class Refusal(Exception):
    """An Octopus call fails with HTTP 200 and a negative `Code`.

    `error_code` is the `ErrorCode` beside the message; reference section 4 lists the known ones.
    """

    def __init__(self, message: str, error_code: int = -1) -> None:
        super().__init__(message)
        self.message = message
        self.error_code = error_code


class UnknownField(Refusal):
    """A name that the object does not have: an error in one tenant, no rows at all in another."""

    def __init__(self, object_name: str, field: str) -> None:
        super().__init__(f"{object_name} doesn't support property '{field}'", -1023)


class BadRequest(Exception):
    """A call to the sandbox's own control paths that cannot be understood; HTTP 400."""


class Unknown(Exception):
    """A record or resource of the control paths that does not exist; HTTP 404."""
