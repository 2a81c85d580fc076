"""Runs beside the workflow: health, recovery, verify, pauses, pruning."""
