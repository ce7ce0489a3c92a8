"""The stage that asks providers: the Connector protocol, CEQL, one folder per element."""
