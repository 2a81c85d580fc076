"""Ways in from outside: commands, HTTP, the demo."""
