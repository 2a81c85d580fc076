"""What runs beside the workflow: health, recovery, verify, pauses and pruning."""
