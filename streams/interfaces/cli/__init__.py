"""This package is the command `leads`."""
