"""Reads files of leads and publishes them."""
