"""The command `leads`."""
