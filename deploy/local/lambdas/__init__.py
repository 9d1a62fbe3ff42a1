"""Runs the functions of the templates as Lambda does: fed from queues, each in warm processes of its own."""
