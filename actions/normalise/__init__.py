"""This package turns what people typed into the one spelling we keep, or says why it cannot."""
