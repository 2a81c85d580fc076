"""The health of a worker: does it get on with its work, what does it wait for, and is it stuck."""
