"""Health of a worker: whether it makes progress, what it waits for, and whether it is stuck."""
