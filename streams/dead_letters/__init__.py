"""This package is about dead letters as people work with them: which ones, in which groups, and what to do."""
