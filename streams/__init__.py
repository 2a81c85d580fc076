"""This package runs it: workflow, processing, stores, adapters, Faust, commands."""
