"""Adapters that reach the outside world for the actions."""
