"""The stage that watches: configuration, windows, detection, and the coroutines that poll."""
