"""Recovery of the store: backup while workers run, restore, and catch-up from the topics."""
