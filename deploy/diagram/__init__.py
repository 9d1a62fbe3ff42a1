"""The diagram in README.md: what sends to what, as both accounts' templates say it."""
