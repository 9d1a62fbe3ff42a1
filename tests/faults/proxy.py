"""A TCP proxy that makes trouble between two real programs: it delays, cuts, or loses what goes in one direction.

    with FaultProxy(port_of_the_server, seed=7) as proxy:
        …  # whoever connects to proxy.port speaks to the server
        proxy.cut_after("answers", 120)

Whoever speaks with the server is the client; what it sends are requests, whatever the protocol.
"""

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Coroutine
from typing import Any, Final, Literal, Self

Direction = Literal["requests", "answers"]
Traffic = Counter[Direction]
"""How many bytes have come in each direction."""

_HOST: Final = "127.0.0.1"
_CHUNK_BYTES: Final = 65_536
_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER: closing tells the other side at once that nothing goes any more


class FaultProxy:
    """A proxy to a port of this machine; a context manager. It does no harm until it is told to.

    `traffic` is what has come through each connection so far, `cuts` how often it has cut.
    """

    def __init__(self, port: int, seed: int = 0) -> None:
        """Prepare a proxy to `port`; what is left to chance follows from `seed`."""
        self._target = port
        self._random = random.Random(seed)  # noqa: S311 - to be repeated
        self._longest_delay = 0.0
        self._bytes_until_cut: dict[Direction, int] = {}
        self._bytes_until_loss: dict[Direction, int] = {}
        self._ends: set[asyncio.StreamWriter] = set()
        self._cables: set[asyncio.Task[None]] = set()
        self.traffic: list[Traffic] = []
        self.cuts = 0

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._lay_cable, _HOST, 0))
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault proxy", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def port(self) -> int:
        """The port to connect to instead of the server's."""
        return int(self._server.sockets[0].getsockname()[1])

    def delay(self, longest_seconds: float) -> None:
        """Let each piece that arrives wait for a random time, at most so long; 0 ends that."""
        self._longest_delay = longest_seconds

    def cut(self) -> None:
        """Cut all connections; new ones come to no harm. Once this returns, both sides have been told."""
        self._do(self._cut())

    def cut_after(self, direction: Direction, more_bytes: int) -> None:
        """Cut all connections, once, as soon as so many bytes more have gone in a direction, and not one beyond."""
        self._bytes_until_cut[direction] = more_bytes

    def lose(self, direction: Direction, after_bytes: int = 0) -> None:
        """Let nothing arrive that is sent in a direction after so many bytes more, not even that its sender has gone.

        So it is until `heal`.
        """
        self._bytes_until_loss[direction] = after_bytes

    def heal(self) -> None:
        """Lose and delay nothing any more; connections that have lost something are of no use, and are cut."""
        self._longest_delay = 0.0
        if self._bytes_until_loss:
            self.cut()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _lay_cable(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        cable = asyncio.current_task()
        assert cable is not None
        self._cables.add(cable)
        ends, traffic = [writer], Traffic()
        self.traffic.append(traffic)
        try:
            server_reader, server_writer = await asyncio.open_connection(_HOST, self._target)
            ends.append(server_writer)
            self._ends.update(ends)
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(reader, server_writer, "requests", traffic))
                pumps.create_task(self._pump(server_reader, writer, "answers", traffic))
        except* OSError:
            pass  # an end has gone: so does the other
        finally:
            self._ends.difference_update(ends)
            for end in ends:
                _reset(end)
            self._cables.discard(cable)

    async def _pump(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, direction: Direction, traffic: Traffic
    ) -> None:
        while piece := await source.read(_CHUNK_BYTES):
            if self._longest_delay:
                await asyncio.sleep(self._random.uniform(0, self._longest_delay))
            allowed = _count_down(self._bytes_until_cut, direction, len(piece))
            traffic[direction] += allowed
            target.write(piece[: _count_down(self._bytes_until_loss, direction, allowed)])
            await target.drain()
            if self._bytes_until_cut.get(direction) == 0:
                await self._cut()
        if self._bytes_until_loss.get(direction) != 0 and not target.is_closing():
            target.write_eof()

    async def _cut(self) -> None:
        self.cuts += 1
        ends, self._ends = self._ends, set()
        for end in ends:
            _reset(end)
        self._bytes_until_cut.clear()
        self._bytes_until_loss.clear()
        for end in ends:
            with contextlib.suppress(OSError):
                await end.wait_closed()

    async def _end(self) -> None:
        self._server.close()
        await self._cut()
        await asyncio.gather(*self._cables)


def _count_down(left: dict[Direction, int], direction: Direction, length: int) -> int:
    """Return how many of so many bytes are allowed in a direction, and take them from what is left of it."""
    allowed = min(length, left.get(direction, length))
    if direction in left:
        left[direction] -= allowed
    return allowed


def _reset(end: asyncio.StreamWriter) -> None:
    if not end.is_closing():
        end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        end.transport.abort()
