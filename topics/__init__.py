"""What is stated: events, envelope, topic registry, dead-letter record."""
