"""The sections of the settings tree: each key with its type, bounds, default, unit and reason."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)

from daemon.delivery.retry import ATTEMPTS_AT_MOST, WAIT_AT_MOST_SECONDS
from daemon.settings.values import (
    check_address_template,
    check_dsn,
    check_public_url,
    check_rate_limit,
    check_zone,
    expand_home,
    lowered,
    not_boolean,
    parse_network,
)

Count = Annotated[int, BeforeValidator(not_boolean)]
Number = Annotated[float, BeforeValidator(not_boolean)]
AddressTemplate = Annotated[str, AfterValidator(check_address_template)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(parse_network)]
LocalPath = Annotated[Path, AfterValidator(expand_home)]


class Section(BaseModel):
    """A part of the tree that one layer takes by itself; its docstrings are what people read."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        validate_default=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )


class DatabaseSettings(Section):
    """Where the state is kept."""

    dsn: Annotated[SecretStr, AfterValidator(check_dsn)] | None = None
    """Address of a PostgreSQL server (15 or newer), `postgresql://user:password@host:5432/name`;
    none means the embedded server, whose files are in `data_dir`."""
    dsn_file: LocalPath | None = None
    """File that holds the address instead, so that no password stands in this file."""
    pool_size: Count = Field(10, ge=2, le=500)
    """Connections kept to the database at most; polls and deliveries share them, each briefly. With
    `dsn` there is one more, which hears what other daemons were asked."""


class AdminSettings(Section):
    """The API, the web page and the health checks."""

    host: str = Field("127.0.0.1", min_length=1)
    """Address to listen on; reachable from this machine only unless you choose otherwise, since
    traffic from elsewhere belongs behind a proxy that speaks https."""
    port: Count = Field(8080, ge=0, le=65535)
    """TCP port to listen on; 0 takes any free one."""
    public_url: Annotated[str, AfterValidator(check_public_url)] | None = None
    """Address under which people reach the above, which OAuth redirects and links need; none means
    the host and port."""


class SecuritySettings(Section):
    """What protects stored secrets and inner networks."""

    encryption_keys_file: LocalPath = Path("keys")
    """File of the keys that encrypt stored secrets, made at the first start; the first one
    encrypts, all decrypt. A relative path starts in `data_dir`."""
    allowed_private_networks: tuple[Network, ...] = ()
    """Networks in CIDR form (`10.1.0.0/16`) that callbacks and provider addresses may reach though
    they are private; others are refused, so that nobody explores your network from here."""


class PollingSettings(Section):
    """How providers are asked for changes."""

    default_interval_minutes: Number = Field(15, gt=0, le=43200)
    """Minutes between two polls of a resource whose instance names none; fractions are fine."""
    minimum_interval_seconds: Number = Field(1, gt=0, le=3600)
    """Seconds that no interval may be below, so that nobody uses up an account's rate budget."""
    timezone: Annotated[str, AfterValidator(check_zone)] = "UTC"
    """Zone of `${date:...}` and of stamps that carry none: an IANA name, an abbreviation or an
    offset; an instance may name its own in `event.poller.timezone`."""
    max_concurrent: Count = Field(50, ge=1, le=10000)
    """Polls that run at the same time at most; the rest wait, which bounds memory."""
    timeout_seconds: Number = Field(300, ge=1, le=86400)
    """Seconds without a new page after which a poll is given up; a long walk that moves is not."""
    overlap_seconds: Number = Field(120, ge=0, le=2592000)
    """Seconds that each poll reads again before its mark, since providers show some rows late;
    never less than twice the granularity of the stamps."""
    settle_lag_seconds: Number = Field(0, ge=0, le=86400)
    """Seconds that the mark stays behind the provider's clock, for one that is often late."""
    page_size: Count = Field(100, ge=1, le=1000)
    """Records asked for in one call; more means fewer calls, fewer means quicker answers."""
    created_check_tolerance_seconds: Number = Field(10, ge=0, le=86400)
    """Seconds between creation and update up to which an object never seen counts as created, since
    providers write both stamps one after the other."""
    error_backoff_seconds: Number = Field(5, gt=0, le=3600)
    """Seconds to wait after a failed poll; doubled after each further failure."""
    error_backoff_max_seconds: Number = Field(900, gt=0, le=86400)
    """Seconds that this waiting grows to at most, so that a provider's return is noticed soon."""

    @field_validator("minimum_interval_seconds")
    @classmethod
    def _below_the_default(cls, seconds: float, info: ValidationInfo) -> float:
        default = info.data.get("default_interval_minutes")
        if default is not None and seconds > default * 60:
            raise ValueError(
                f"{seconds:g} is above polling.default_interval_minutes ({default:g} minutes)"
            )
        return seconds

    @field_validator("error_backoff_max_seconds")
    @classmethod
    def _above_the_first(cls, seconds: float, info: ValidationInfo) -> float:
        return _at_least(seconds, info, "polling", "error_backoff_seconds")


class DeliverySettings(Section):
    """How notifications are sent to callbacks."""

    timeout_seconds: Number = Field(15, gt=0, le=300)
    """Seconds a callback may take in all to answer an attempt; slow receivers should answer first
    and work later."""
    connect_timeout_seconds: Number = Field(5, gt=0, le=300)
    """Seconds of these for name look-up, connection and TLS, so that dead hosts are found early."""
    max_in_flight: Count = Field(64, ge=1, le=10000)
    """Attempts under way at the same time at most, over all callbacks."""
    max_in_flight_per_endpoint: Count = Field(8, ge=1, le=1000)
    """Attempts under way at one callback at most; a callback in trouble gets one."""
    retry_schedule_seconds: tuple[Annotated[Number, Field(ge=0, le=WAIT_AT_MOST_SECONDS)], ...] = (
        Field(
            (0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400),
            min_length=1,
            max_length=ATTEMPTS_AT_MOST,
        )
    )
    """Seconds to wait before each attempt, the first one included; after the last attempt the
    notification is dead. The default gives a receiver more than three days. An instance may have
    its own (`event.notification.retry.schedule`)."""
    retry_jitter: Number = Field(0.2, ge=0, le=1)
    """Fraction by which each of these waits is made longer or shorter at random, so that retries do
    not arrive all at once."""
    disable_after_days: Number = Field(5, gt=0, le=365)
    """Days of nothing but failures after which a callback is disabled, its backlog kept; time in
    which nobody asked it does not count."""
    max_body_bytes: Count = Field(262144, ge=4096, le=16777216)
    """Bytes of one notification at most; what would be larger is told without the raw records."""

    @field_validator("connect_timeout_seconds")
    @classmethod
    def _within_the_timeout(cls, seconds: float, info: ValidationInfo) -> float:
        return _at_most(seconds, info, "delivery", "timeout_seconds")

    @field_validator("max_in_flight_per_endpoint")
    @classmethod
    def _within_the_total(cls, count: int, info: ValidationInfo) -> int:
        return int(_at_most(count, info, "delivery", "max_in_flight"))


class RetentionSettings(Section):
    """How long what is over is kept."""

    events_days: Number = Field(30, gt=0, le=3650)
    """Days that events, notifications and attempts are kept once final; unfinished ones stay."""


class LoggingSettings(Section):
    """What is written about the work, and how."""

    level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(lowered)] = (
        "info"
    )
    """Least severity written: `debug`, `info`, `warning` or `error`."""
    format: Annotated[Literal["auto", "console", "json"], BeforeValidator(lowered)] = "auto"
    """`console` for people, `json` for programs; `auto` is `console` on a terminal, else `json`."""


class LeaseSettings(Section):
    """How daemons that share a database divide the instances among them."""

    seconds: Number = Field(10, ge=1, le=3600)
    """Seconds after which another daemon may take over the instances of one that went silent."""
    renew_seconds: Number = Field(3, gt=0, le=1800)
    """Seconds between two renewals; at most half the lease, so that one failure costs nothing."""

    @field_validator("renew_seconds")
    @classmethod
    def _twice_within_the_lease(cls, renew: float, info: ValidationInfo) -> float:
        lease = info.data.get("seconds")
        if lease is not None and renew > lease / 2:
            raise ValueError(f"{renew:g} is more than half of lease.seconds ({lease:g})")
        return renew


class MaximizerSettings(Section):
    """Where Maximizer is, by its developers' pages (the API) and by existing clients (OAuth)."""

    authorize_url: AddressTemplate = (
        "https://{datacenter}.maximizercrmlive.com/OAuth2/{alias}/Authorize"
    )
    """Address where people give consent; `{datacenter}` and `{alias}` come from the instance."""
    token_url: AddressTemplate = Field(
        default="https://{datacenter}.maximizercrmlive.com/oauth2/{alias}/token"
    )
    """Address that gives and renews tokens, with the same placeholders."""
    api_url: AddressTemplate = "https://api.maximizer.com/octopus"
    """Address of the API without the method's name, with the same placeholders; an on-premise
    server has `https://HOST/MaximizerWebData/Data.svc/json`."""
    rate_limit: Annotated[str, AfterValidator(check_rate_limit)] = "30/10s"
    """Calls per seconds that one account may make, several such limits separated by commas; 30 in
    10 seconds is what the smallest edition allows."""


class ConnectorsSettings(Section):
    """One section per element."""

    maximizer: MaximizerSettings = MaximizerSettings()
    """Maximizer CRM."""


def _at_least(value: float, info: ValidationInfo, section: str, other: str) -> float:
    lower = info.data.get(other)
    if lower is not None and value < lower:
        raise ValueError(f"{value:g} is below {section}.{other} ({lower:g})")
    return value


def _at_most(value: float, info: ValidationInfo, section: str, other: str) -> float:
    upper = info.data.get(other)
    if upper is not None and value > upper:
        raise ValueError(f"{value:g} is above {section}.{other} ({upper:g})")
    return value
