"""A thread that looks at the clock again and again."""

import logging
import threading
from collections.abc import Callable
from typing import Final

logger = logging.getLogger(__name__)

_INTERVAL_SECONDS: Final = 0.2  # of real time: the emulated clock may run many times as fast


class Ticker:
    """Calls `tick` several times a second until it is stopped; what `tick` raises is logged and ends nothing."""

    def __init__(self, tick: Callable[[], None], name: str) -> None:
        self._tick = tick
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to tick."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and wait for the tick that runs; a ticker that was never started is fine."""
        self._is_stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._is_stopped.wait(_INTERVAL_SECONDS):
            try:
                self._tick()
            except Exception:
                logger.exception("%s: a tick broke; the next one follows.", self._thread.name)
