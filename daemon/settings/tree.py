"""The whole settings tree: the sections, and what must hold between them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, PrivateAttr, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from typing_extensions import override

from daemon.settings.config_file import ConfigFault, Place, dotted
from daemon.settings.declared import InstanceSettings
from daemon.settings.sections import (
    AdminSettings,
    ConnectorsSettings,
    DatabaseSettings,
    DeliverySettings,
    LeaseSettings,
    LocalPath,
    LoggingSettings,
    Number,
    PollingSettings,
    RetentionSettings,
    SecuritySettings,
)

LARGEST_EMBEDDED_POOL = 40
"""The embedded server takes 50 connections; the rest is for commands run beside the daemon."""


Locate = Callable[[Place, str], ConfigFault]
"""A fault of the value at this place, with the sentence that says what is wrong."""


class Settings(BaseSettings):
    """The root of the tree. Lower layers take their own section, never all of it."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        validate_default=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        env_prefix="POLLHOOK_",
        env_nested_delimiter="__",
    )

    data_dir: Annotated[LocalPath, AfterValidator(Path.absolute)] = Path("data")
    """Folder of the embedded database and the generated keys; none means `$STATE_DIRECTORY`, which
    systemd sets, else `./data`."""
    database: DatabaseSettings = DatabaseSettings()
    """Where the state is kept."""
    admin: AdminSettings = AdminSettings()
    """The API, the web page and the health checks."""
    security: SecuritySettings = SecuritySettings()
    """What protects stored secrets and inner networks."""
    polling: PollingSettings = PollingSettings()
    """How providers are asked for changes."""
    delivery: DeliverySettings = DeliverySettings()
    """How notifications are sent to callbacks."""
    retention: RetentionSettings = RetentionSettings()
    """How long what is over is kept."""
    logging: LoggingSettings = LoggingSettings()
    """What is written about the work, and how."""
    lease: LeaseSettings = LeaseSettings()
    """How daemons that share a database divide the instances among them."""
    connectors: ConnectorsSettings = ConnectorsSettings()
    """Where the providers are, one section per element."""
    shutdown_grace_seconds: Number = Field(30, ge=0, le=3600)
    """Seconds that polls and attempts under way get to end by themselves when the daemon stops."""
    instances: tuple[InstanceSettings, ...] = ()
    """Instances declared in this file, made, altered and disabled as it says whenever it is read;
    those created by `POST /instances` are left alone."""

    _config_file: Path | None = PrivateAttr(default=None)
    _locate: Locate | None = PrivateAttr(default=None)

    @property
    def config_file(self) -> Path | None:
        """The file these settings were read from; None if there was none."""
        return self._config_file

    def read_from(self, path: Path | None, locate: Locate) -> Self:
        """Remember the file these settings were read from, and what stands where in it."""
        self._config_file = path
        self._locate = locate
        return self

    def fault(self, place: Place, message: str) -> ConfigFault:
        """Something wrong that turned out later, with the file and line where it stands."""
        if self._locate is None:
            return ConfigFault(source="default", field=dotted(place), message=message)
        return self._locate(place, message)

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is passed: `load_settings` reads the sources, and knows what stands where."""
        return (init_settings,)

    @field_validator("database")
    @classmethod
    def _fits_the_embedded_server(cls, database: DatabaseSettings) -> DatabaseSettings:
        if database.dsn is None and database.pool_size > LARGEST_EMBEDDED_POOL:
            raise ValueError(
                f"pool_size {database.pool_size} is above {LARGEST_EMBEDDED_POOL}, "
                "which is what the embedded server has room for; larger pools need database.dsn"
            )
        return database

    @field_validator("security")
    @classmethod
    def _keys_stand_in_the_data_folder(
        cls, security: SecuritySettings, info: ValidationInfo
    ) -> SecuritySettings:
        folder = info.data.get("data_dir", Path())
        return security.model_copy(
            update={"encryption_keys_file": folder / security.encryption_keys_file}
        )
