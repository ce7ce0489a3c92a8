"""The settings: typed sections, read from a YAML file, the environment and credentials."""

from daemon.settings.config_file import ConfigFault, InvalidConfiguration
from daemon.settings.declared import InstanceSettings
from daemon.settings.loading import InvalidSettings, load_settings
from daemon.settings.sections import (
    AdminSettings,
    ConnectorsSettings,
    DatabaseSettings,
    DeliverySettings,
    LeaseSettings,
    LoggingSettings,
    MaximizerSettings,
    PollingSettings,
    RetentionSettings,
    SecuritySettings,
)
from daemon.settings.tree import Settings

__all__ = [
    "AdminSettings",
    "ConfigFault",
    "ConnectorsSettings",
    "DatabaseSettings",
    "DeliverySettings",
    "InstanceSettings",
    "InvalidConfiguration",
    "InvalidSettings",
    "LeaseSettings",
    "LoggingSettings",
    "MaximizerSettings",
    "PollingSettings",
    "RetentionSettings",
    "SecuritySettings",
    "Settings",
    "load_settings",
]
