"""Lets what is needed next be made while the caller still waits for the database."""

from collections import deque
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

T = TypeVar("T")

_END: Final = object()


def read_ahead(items: Generator[T], depth: int) -> Generator[T]:
    """Yield what `items` yields, in order; a thread runs it, at most `depth` items ahead.

    What `items` raises is raised here, where its item would have been. Closed early, it closes `items` and
    waits for the thread.
    """
    # One thread, since a generator runs in one at a time. After an error `items` is at its end.
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-ahead") as thread:
        coming = deque(thread.submit(next, items, _END) for _ in range(depth))
        try:
            while (item := coming.popleft().result()) is not _END:
                coming.append(thread.submit(next, items, _END))
                yield item  # type: ignore[misc]  # not the end, so an item
        finally:
            for future in coming:
                future.cancel()
            thread.submit(items.close)
