"""This package says what is said: events, envelope, topic registry, dead-letter record."""
