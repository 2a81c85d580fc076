"""This package holds the steps from one schema to the next."""
