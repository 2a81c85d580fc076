"""Turns batches of records into committed state: read, run, publish, settle."""
