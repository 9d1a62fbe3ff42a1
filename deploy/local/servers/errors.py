"""What goes wrong with a private server, in one sentence that says what to do."""


class ServerError(Exception):
    """A private server cannot be started; the message names the server, the cause and the remedy."""
