"""The messages of PostgreSQL's protocol (version 3) that the wire front reads or changes."""

import struct

from deploy.local.redshift.column_types import EMULATION

SSL_REQUEST = 80877103
GSS_REQUEST = 80877104
CANCEL_REQUEST = 80877102
QUERY, PARSE = b"Q", b"P"
REDSHIFT_SERVER_VERSION = b"8.0.2"
SERIALIZATION_FAILURE = "40001"
ISOLATION_VIOLATION = "Serializable isolation violation"
_ERROR, _PARAMETER_STATUS, _READY, _AUTHENTICATION = ord("E"), ord("S"), ord("Z"), ord("R")
_SASL = struct.pack("!I", 10)
_CHANGED = (_ERROR, _PARAMETER_STATUS, _READY, _AUTHENTICATION)
_KNOWN_STARTUP_KEYS = {b"user", b"database", b"application_name", b"client_encoding", b"options"}


def frame(kind: bytes, body: bytes) -> bytes:
    """Return a message: kind, length, body."""
    return kind + struct.pack("!I", len(body) + 4) + body


def startup_for_postgres(code: int, body: bytes) -> bytes:
    """Return the start-up (or cancel) message without the keys only Redshift knows."""
    message = struct.pack("!I", code) + (_known_keys(body) if code >> 16 == 3 else body)
    return struct.pack("!I", len(message) + 4) + message


def is_redshift_driver(startup: bytes) -> bool:
    """Tell whether a start-up message comes from one of Amazon's drivers rather than a PostgreSQL client."""
    return b"driver_version\0" in startup


def error_response(severity: str, state: str, message: str, detail: str = "") -> bytes:
    """Return an ErrorResponse message."""
    fields = {"S": severity, "V": severity, "C": state, "M": message, "D": detail}
    body = b"".join(key.encode() + value.encode() + b"\0" for key, value in fields.items() if value)
    return frame(b"E", body + b"\0")


def refusal(message: str, state: str) -> str:
    """Return a statement that fails with this message and SQLSTATE."""
    literal = message.replace("\0", "").replace("'", "''")
    return f"SELECT {EMULATION}.refuse('{state}', '{literal}')"


class BackendStream:
    """PostgreSQL's messages on their way to the client, changed where Redshift's would differ."""

    def __init__(self, *, is_redshift_driver: bool) -> None:
        self.is_in_transaction = False
        self._is_redshift_driver = is_redshift_driver
        self._rest = b""

    def feed(self, chunk: bytes) -> bytes:
        """Take what PostgreSQL sent and return what the client gets: whole messages, the rest is kept."""
        buffer = self._rest + chunk
        out: list[bytes] = []
        kept, at = 0, 0
        while at + 5 <= len(buffer):
            end = at + 1 + int.from_bytes(buffer[at + 1 : at + 5])
            if end > len(buffer):
                break
            if buffer[at] in _CHANGED:
                out += [buffer[kept:at], self._changed(buffer[at], buffer[at:end])]
                kept = end
            at = end
        self._rest = buffer[at:]
        return b"".join([*out, buffer[kept:at]])

    def _changed(self, kind: int, message: bytes) -> bytes:
        if kind == _READY:
            self.is_in_transaction = message[5:6] != b"I"
        elif kind == _PARAMETER_STATUS and message[5:].startswith(b"server_version\0"):
            return frame(b"S", b"server_version\0" + REDSHIFT_SERVER_VERSION + b"\0")
        elif kind == _ERROR and b"\0C" + SERIALIZATION_FAILURE.encode() + b"\0" in message:
            return error_response("ERROR", "XX000", "1023", ISOLATION_VIOLATION)
        elif kind == _AUTHENTICATION and self._is_redshift_driver and message[5:9] == _SASL:
            # redshift_connector takes the end of the list of SCRAM mechanisms for one more mechanism.
            return frame(b"R", message[5:-1])
        return message


def _known_keys(body: bytes) -> bytes:
    fields = body.rstrip(b"\0").split(b"\0")
    pairs = zip(fields[::2], fields[1::2], strict=False)
    return b"".join(key + b"\0" + value + b"\0" for key, value in pairs if key in _KNOWN_STARTUP_KEYS) + b"\0"
