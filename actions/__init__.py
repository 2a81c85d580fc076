"""This package decides: one file per atomic action, and the ports it may ask."""
