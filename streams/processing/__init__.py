"""This package turns batches of records into committed state: decode, one transaction, publish, acknowledge."""
