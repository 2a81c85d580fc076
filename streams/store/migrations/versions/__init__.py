"""This package holds one file per step."""
