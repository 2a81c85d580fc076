"""Turns what people typed into the one spelling we keep, or gives the reason why it cannot."""
