"""What runs the workflow: engine, store, adapters, Kafka, commands."""
