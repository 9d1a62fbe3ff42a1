"""The memory that open parts have together, however many threads read them."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class OpenBytes:
    """So many bytes for all parts that are open at one time; who needs more than is left waits for others to close."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0
        self._given_back = Condition()

    @contextmanager
    def taken(self, size: int) -> Iterator[None]:
        """Have `size` bytes in the block; who has some and asks for more may wait for ever."""
        with self._given_back:
            self._given_back.wait_for(lambda: not self._taken or self._taken + size <= self._most)
            self._taken += size
        try:
            yield
        finally:
            with self._given_back:
                self._taken -= size
                self._given_back.notify_all()
