"""The network between a machine under test and what stands in for the rest of the world.

Two network namespaces, joined by one cable: the machine's, and the "cloud's". Sockets are made within them by a thread
that enters one for a moment; what they relay to listens on this machine's own loopback interface. Nothing leaves it.
"""

import asyncio
import contextlib
import ctypes
import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from deploy.local.processes import wait_until
from tests.deploy.host.machine import ENDS_WITH_US

CLOUD: Final = "10.213.77.1"
MACHINE: Final = "10.213.77.2"
METADATA: Final = "169.254.169.254"
_CLONE_NEWNET: Final = 0x40000000

T = TypeVar("T")


@dataclass(frozen=True)
class Relay:
    """Who connects to `address` in the network of process `pid` speaks with `port` of our loopback interface."""

    pid: int
    address: tuple[str, int]
    port: int
    tls: ssl.SSLContext | None = None


def in_network(pid: int, function: Callable[[], T]) -> T:
    """Call the function in the network of a process; sockets it makes stay there."""

    def enter() -> T:
        descriptor = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).setns(descriptor, _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
        finally:
            os.close(descriptor)
        return function()

    with ThreadPoolExecutor(1) as pool:  # the thread that entered ends here
        return pool.submit(enter).result()


@contextlib.contextmanager
def cloud_network() -> Iterator[int]:
    """Give a process whose network is the cloud's."""
    holder = subprocess.Popen([*ENDS_WITH_US, "unshare", "--net", "sleep", "infinity"], stdin=subprocess.DEVNULL)
    try:
        ours = os.readlink("/proc/self/ns/net")
        assert wait_until(lambda: os.readlink(f"/proc/{holder.pid}/ns/net") != ours, 10)
        yield holder.pid
    finally:
        holder.kill()
        holder.wait()


def join(cloud: int, machine: int) -> None:
    """Lay the cable between the networks of two processes; the machine's default route leads to the cloud."""
    _forget_old_cable(cloud)
    _ip("link", "add", "cloud0", "netns", str(cloud), "type", "veth", "peer", "name", "eth0", "netns", str(machine))
    _ip("addr", "replace", f"{CLOUD}/30", "dev", "cloud0", pid=cloud)
    _ip("addr", "replace", f"{METADATA}/32", "dev", "cloud0", pid=cloud)
    _ip("link", "set", "cloud0", "up", pid=cloud)
    _ip("addr", "add", f"{MACHINE}/30", "dev", "eth0", pid=machine)
    _ip("link", "set", "eth0", "up", pid=machine)
    _ip("route", "add", "default", "via", CLOUD, pid=machine)


def _forget_old_cable(cloud: int) -> None:
    """Remove the cable to a machine that is gone: the kernel does it too, but some time later."""
    command = ["nsenter", f"--target={cloud}", "--net", "ip", "link", "delete", "cloud0"]
    subprocess.run(command, capture_output=True, check=False)  # the first time there is none


@contextlib.contextmanager
def relaying(relays: Sequence[Relay]) -> Iterator[None]:
    """Relay until the context ends."""
    listeners = [in_network(one.pid, partial(socket.create_server, one.address)) for one in relays]
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="relays", daemon=True)
    thread.start()
    served = (_serve(relay, listener) for relay, listener in zip(relays, listeners, strict=True))
    servers = [asyncio.run_coroutine_threadsafe(one, loop).result() for one in served]
    try:
        yield
    finally:
        for server in servers:
            loop.call_soon_threadsafe(server.close)
        asyncio.run_coroutine_threadsafe(_cancel_all(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _serve(relay: Relay, listener: socket.socket) -> asyncio.Server:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = [writer]
        try:
            there, onward = await asyncio.open_connection("127.0.0.1", relay.port)
            writers.append(onward)
            await asyncio.gather(_pump(reader, onward), _pump(there, writer))
        except OSError:
            pass  # the machine, or what it speaks with, is gone
        finally:
            for one in writers:
                one.transport.abort()

    return await asyncio.start_server(connected, sock=listener, ssl=relay.tls)


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()
    except OSError:
        pass
    finally:
        target.close()


async def _cancel_all() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for _ in range(10):
        await asyncio.sleep(0)  # a turn of the loop: aborted connections are closed in the next ones


def _ip(*arguments: str, pid: int | None = None) -> None:
    inside = ["nsenter", f"--target={pid}", "--net"] if pid else []
    subprocess.run([*inside, "ip", *arguments], check=True)
