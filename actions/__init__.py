"""What is decided: one file per atomic action, and the ports it may ask."""
