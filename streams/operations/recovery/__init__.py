"""This package cares for the store: backup while workers run, restore, and catching up from the topics."""
