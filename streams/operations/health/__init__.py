"""This file is the health of a worker: does it get on with its work, whom does it wait for, and is it stuck."""
