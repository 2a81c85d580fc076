"""`leads demo`: sample leads, the servers around a real worker, and a summary that adds up."""
