"""Judges from outside what workers did, and shares no code with them."""
