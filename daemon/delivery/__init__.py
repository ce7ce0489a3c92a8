"""How it is told: the way of a notification from the outbox to its callback."""
