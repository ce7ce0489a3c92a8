"""The store: everything durable, and the only place that knows SQL."""
