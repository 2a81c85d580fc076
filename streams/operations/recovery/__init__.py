"""Care for the store: backup while workers run, restore, and catching up from the topics."""
