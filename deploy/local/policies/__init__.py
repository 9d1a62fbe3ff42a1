"""Compares what each role called while the line ran with what the templates allow it."""
