"""The decisions: one file per atomic action, and the ports that actions may call."""
