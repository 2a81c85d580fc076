"""Normalises typed values to one spelling each, or reports why that is impossible."""
