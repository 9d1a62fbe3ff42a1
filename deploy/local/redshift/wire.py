"""The wire front: Redshift's clients talk to it over TLS, it talks to PostgreSQL.

It drops start-up keys PostgreSQL doesn't know, reports Redshift's version, and translates the SQL of every
Query and Parse message on the way. A statement that can't be translated is replaced by one that raises the
reason, so that PostgreSQL itself keeps the protocol and the transaction in order.
"""

import asyncio
import ssl
from pathlib import Path
from threading import Event, Thread

from deploy.local.redshift.errors import SqlNotSupported
from deploy.local.redshift.faults import Faults
from deploy.local.redshift.translate import Kind, Translated, translate, translate_all
from deploy.local.redshift.wire_messages import (
    CANCEL_REQUEST,
    GSS_REQUEST,
    PARSE,
    QUERY,
    SSL_REQUEST,
    BackendStream,
    error_response,
    frame,
    is_redshift_driver,
    refusal,
    startup_for_postgres,
)

_MAX_STARTUP_BYTES = 10_000
_CHUNK_BYTES = 1 << 18


class WireFront:
    """Listens on loopback and joins each client to a PostgreSQL session of its own."""

    def __init__(self, upstream: tuple[str, int], certificate: Path, key: Path, faults: Faults) -> None:
        self._upstream = upstream
        self._faults = faults
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate, key)
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="redshift-wire-front", daemon=True)
        self._server: asyncio.Server | None = None
        self._sessions: set[asyncio.Task[None]] = set()

    def start(self, port: int = 0) -> int:
        """Listen on a port of 127.0.0.1 (0: any free one) and return it."""
        self._thread.start()
        listening = asyncio.start_server(self._accept, "127.0.0.1", port, limit=_CHUNK_BYTES)
        self._server = asyncio.run_coroutine_threadsafe(listening, self._loop).result()
        return int(self._server.sockets[0].getsockname()[1])

    def stop(self) -> None:
        """Stop listening and cut every session."""
        stopped = Event()
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).add_done_callback(lambda _: stopped.set())
        stopped.wait()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        if self._server:
            self._server.close()
        for session in self._sessions:
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = asyncio.current_task()
        if session is None:
            return
        self._sessions.add(session)
        try:
            await self._serve(reader, writer)
        except (ConnectionError, EOFError, ssl.SSLError, asyncio.CancelledError):
            return  # the client, PostgreSQL or the whole front went away: the session ends
        finally:
            self._sessions.discard(session)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        code, body, is_encrypted = await self._startup(reader, writer)
        if code != CANCEL_REQUEST and not is_encrypted:
            return await _refuse(writer, "28000", "Redshift requires SSL: connect with sslmode=verify-full")
        if code != CANCEL_REQUEST and self._faults.is_paused:
            return await _refuse(writer, "57P03", "The warehouse is paused: resume it and connect again.")
        server_reader, server_writer = await asyncio.open_connection(*self._upstream, limit=_CHUNK_BYTES)
        try:
            server_writer.write(startup_for_postgres(code, body))
            backend = BackendStream(is_redshift_driver=is_redshift_driver(body))
            session = _Session(reader, writer, server_reader, server_writer, backend, self._faults)
            await session.run()
        finally:
            server_writer.close()
        return None

    async def _startup(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[int, bytes, bool]:
        is_encrypted = False
        while True:
            length = int.from_bytes(await reader.readexactly(4))
            if not 8 <= length <= _MAX_STARTUP_BYTES:
                raise ConnectionError("not a start-up message")
            code, body = int.from_bytes(await reader.readexactly(4)), await reader.readexactly(length - 8)
            if code == SSL_REQUEST and not is_encrypted:
                writer.write(b"S")
                await writer.drain()
                await writer.start_tls(self._tls)
                is_encrypted = True
            elif code == GSS_REQUEST:
                writer.write(b"N")
            else:
                return code, body, is_encrypted


class _Session:
    """One client and its PostgreSQL session."""

    def __init__(
        self,
        client_reader: asyncio.StreamReader,
        client_writer: asyncio.StreamWriter,
        server_reader: asyncio.StreamReader,
        server_writer: asyncio.StreamWriter,
        backend: BackendStream,
        faults: Faults,
    ) -> None:
        self._client_reader = client_reader
        self._client_writer = client_writer
        self._server_reader = server_reader
        self._server_writer = server_writer
        self._faults = faults
        self._backend = backend

    async def run(self) -> None:
        """Pass messages both ways until either side ends."""
        both = [asyncio.create_task(self._forward()), asyncio.create_task(self._return())]
        try:
            done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)
        for task in done:
            task.result()

    async def _forward(self) -> None:
        while True:
            kind = await self._client_reader.readexactly(1)
            length = int.from_bytes(await self._client_reader.readexactly(4))
            body = await self._client_reader.readexactly(length - 4)
            if kind in (QUERY, PARSE):
                body = self._translate_message(kind, body)
            self._server_writer.write(frame(kind, body))
            await self._server_writer.drain()

    async def _return(self) -> None:
        while chunk := await self._server_reader.read(_CHUNK_BYTES):
            self._client_writer.write(self._backend.feed(chunk))
            await self._client_writer.drain()

    def _translate_message(self, kind: bytes, body: bytes) -> bytes:
        if kind == QUERY:
            return self._translate_or_refuse(body[:-1], is_single=False) + b"\0"
        name, statement, types = body.split(b"\0", 2)
        return b"\0".join([name, self._translate_or_refuse(statement, is_single=True), types])

    def _translate_or_refuse(self, sql: bytes, *, is_single: bool) -> bytes:
        try:
            text = sql.decode()
            if not text.strip().strip(";"):
                return sql
            statements = [translate(text)] if is_single else translate_all(text)
            return "; ".join(self._allowed(statement) for statement in statements).encode()
        except (SqlNotSupported, UnicodeDecodeError) as error:
            return refusal(str(error), getattr(error, "sql_state", "22021")).encode()

    def _allowed(self, statement: Translated) -> str:
        if statement.kind == Kind.UNLOAD:
            raise SqlNotSupported("the stand-in runs UNLOAD through the Redshift Data API only")
        if statement.kind == Kind.TRUNCATE and self._backend.is_in_transaction:
            raise SqlNotSupported(
                "TRUNCATE commits the transaction it runs in: use DELETE, or run it with autocommit (the stand-in "
                "refuses what it can't do alike)"
            )
        failure = None if statement.kind == Kind.TRANSACTION else self._faults.next_failure()
        if failure:
            raise SqlNotSupported(failure, "XX000")
        return statement.sql


async def _refuse(writer: asyncio.StreamWriter, state: str, message: str) -> None:
    writer.write(error_response("FATAL", state, message))
    await writer.drain()
