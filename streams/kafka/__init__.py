"""Read and write bytes of Kafka, without Faust."""
