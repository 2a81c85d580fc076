"""Bytes in and out of Kafka, without Faust."""
