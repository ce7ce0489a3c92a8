"""pollhook: turns an API that can only be polled into one that calls you."""

__version__ = "0.1.0"
