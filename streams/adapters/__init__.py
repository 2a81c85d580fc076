"""This package reaches the outside world for the actions, and has stand-ins for it."""
