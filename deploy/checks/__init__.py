"""Checks of what `make -C deploy build` made, before any of it is sent to an account."""
