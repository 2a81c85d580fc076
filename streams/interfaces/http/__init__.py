"""Dead letters over HTTP, by the same code as the commands."""
