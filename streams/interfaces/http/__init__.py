"""This package serves dead letters over HTTP, by the same code as the commands."""
