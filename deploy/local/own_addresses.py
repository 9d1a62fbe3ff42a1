"""Who may call the emulated services' own addresses, `/_local/…`: other local processes, never a web page."""

import ipaddress
from typing import Final

from werkzeug.wrappers import Request

PREFIX: Final = "/_local/"
_NAMES: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})


def is_from_this_machine(request: Request) -> bool:
    """Tell whether a program on this machine asks.

    A page open in somebody's browser reaches this machine too, but under another host name; or it cannot send JSON.
    """
    host = request.host.rpartition(":")[0] or request.host
    is_loopback = request.remote_addr is not None and ipaddress.ip_address(request.remote_addr).is_loopback
    return is_loopback and host in _NAMES
