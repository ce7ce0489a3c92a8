"""The pitfalls of polling, each as a scenario that any poller can be put through and judged by."""
