"""Dead letters as people work with them: selecting, grouping, changing and replaying."""
