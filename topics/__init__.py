"""The public contract: events, envelope, topic registry, dead letter."""
