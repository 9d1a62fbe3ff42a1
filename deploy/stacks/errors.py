"""What can go wrong while stacks are deployed."""


class DeployError(Exception):
    """Something that a person must put right; the message says what happened, to what, and what to do."""
