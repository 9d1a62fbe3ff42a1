"""Parts that are no Parquet file, or no longer one."""

import gzip
import io
import json
import struct
import zipfile
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Final

import pyarrow as pa
import pyarrow.csv as pa_csv

from tests.faults.files.kinds import Variants, kind
from tests.faults.files.surgery import MAGIC, OpenFile, closed
from tests.faults.files.thrift import BINARY, LIST, STRUCT, Items, Struct
from tests.faults.files.unloaded import Spoil, Unloaded

Change = Callable[[bytes], bytes]


def changed(change: Change, *, number: int = 0, part_kind: str = "data") -> Spoil:
    """Return what puts a part's changed bytes in its place; the manifest agrees with them."""

    def spoil(unloaded: Unloaded) -> None:
        body = change(unloaded.read(unloaded.part_key(number, part_kind)))
        unloaded.put_part(body, number=number, kind=part_kind)

    return spoil


def _cut(share: float, body: bytes) -> bytes:
    return body[: int(len(body) * share)]


@kind("truncated on the way")
def truncated_unnoticed(random: Random) -> Variants:
    for number in range(10):
        share = random.random()
        yield f"{number} at {share:.4f}", "part_size_mismatch", partial(_truncate, share)


def _truncate(share: float, unloaded: Unloaded) -> None:
    key = unloaded.part_key()
    unloaded.put(key, _cut(share, unloaded.read(key)))


@kind("truncated before it was announced")
def truncated(random: Random) -> Variants:
    for number in range(16):
        share = random.random()
        spoil = changed(partial(_cut, share), number=number % 2)
        yield f"{number} at {share:.4f}", "not_parquet", spoil
    for cut in (1, 4, 8):
        yield f"the last {cut} bytes", "not_parquet", changed(lambda body, cut=cut: body[:-cut])  # type: ignore[misc]
    for share in (0.2, 0.8):
        yield f"control rows at {share}", "not_parquet", changed(partial(_cut, share), part_kind="control")


@kind("zero bytes")
def zero_bytes(_: Random) -> Variants:
    for name, body in {
        "none at all": b"",
        "twelve": b"\0" * 12,
        "only magic": MAGIC * 2,
        "less than magic": b"PA",
    }.items():
        yield name, "not_parquet", changed(lambda _, body=body: body)  # type: ignore[misc]
    yield "as many as before", "not_parquet", changed(lambda body: b"\0" * len(body))
    yield "in the control rows", "not_parquet", changed(lambda _: b"", part_kind="control")


@kind("wrong magic")
def wrong_magic(_: Random) -> Variants:
    for magic in (b"PAR2", b"PARE", b"par1", b"ORC\0"):
        yield f"{magic!r} at the end", "not_parquet", changed(lambda body, magic=magic: body[:-4] + magic)  # type: ignore[misc]
    yield "at the beginning", "not_parquet", changed(lambda body: b"\xef\xbb\xbf" + body[3:])
    yield "a BOM before it", "not_parquet", changed(lambda body: b"\xef\xbb\xbf" + body)


@kind("bad footer")
def bad_footer(random: Random) -> Variants:
    for number in range(6):
        seed = random.getrandbits(32)
        yield f"noise {number}", "not_parquet", changed(partial(_noise_footer, seed))
    for size in (0, 1, 2**16, 2**24, 2**31, 2**32 - 1):
        yield f"length {size}", "not_parquet", changed(partial(_footer_length, size))
    yield (
        "half of it",
        "not_parquet",
        changed(lambda body: _with_footer(body, lambda footer: footer[: len(footer) // 2])),
    )
    yield "of zeros", "not_parquet", changed(lambda body: _with_footer(body, lambda footer: b"\0" * len(footer)))
    yield "a million columns", "not_parquet", changed(partial(_repeat_in_footer, 2, 1_000_000))
    yield "many tiny columns", "not_parquet", changed(partial(_repeat_in_footer, 2, 20_000))
    yield "many row groups", "not_parquet", changed(partial(_repeat_in_footer, 4, 10_000))
    yield "much of it", "not_parquet", changed(_long_footer)
    yield "a name that is no UTF-8", "not_parquet", changed(_wrong_name)


def _noise_footer(seed: int, body: bytes) -> bytes:
    return _with_footer(body, lambda footer: Random(seed).randbytes(len(footer)))  # noqa: S311 - not secret


def _footer_length(size: int, body: bytes) -> bytes:
    return body[:-8] + struct.pack("<I", size) + MAGIC


def _with_footer(body: bytes, change: Change) -> bytes:
    file = OpenFile.of(body)
    return closed(file.body, change(file.footer.encoded()))


def _repeat_in_footer(field: int, times: int, body: bytes) -> bytes:
    file = OpenFile.of(body)
    items = file.footer[field]
    file.footer.put(field, LIST, Items(STRUCT, items.values + [items.values[-1]] * times))
    return file.closed()


def _long_footer(body: bytes) -> bytes:
    file = OpenFile.of(body)
    pair = Struct().put(1, BINARY, b"key").put(2, BINARY, b"x" * 3_000_000)
    file.footer.put(5, LIST, Items(STRUCT, [pair]))
    return file.closed()


def _wrong_name(body: bytes) -> bytes:
    file = OpenFile.of(body)
    file.column("country").put(3, LIST, Items(BINARY, [b"\xff"]))
    file.element("country").put(4, BINARY, b"\xff")
    return file.closed()


_PAGE: Final = b"<?xml version='1.0'?><Error><Code>SlowDown</Code></Error>"


@kind("another format")
def another_format(_: Random) -> Variants:
    formats: dict[str, Change] = {
        "gzip": gzip.compress,
        "CSV": _csv,
        "gzipped CSV": lambda body: gzip.compress(_csv(body)),
        "CSV in UTF-16": lambda body: _csv(body).decode().encode("utf-16"),
        "CSV with CRLF": lambda body: _csv(body).replace(b"\n", b"\r\n"),
        "JSON lines": lambda body: b"\n".join(json.dumps(row, default=str).encode() for row in _rows(body)),
        "zip": _zipped,
        "Arrow": _arrow,
        "an error page": lambda _: _PAGE,
    }
    for name, change in formats.items():
        yield name, "not_parquet", changed(change)
    yield "gzip in place of control rows", "not_parquet", changed(gzip.compress, part_kind="control")
    yield "CSV in place of control rows", "not_parquet", changed(_csv, part_kind="control")


def _table(body: bytes) -> pa.Table:
    return pa.parquet.read_table(io.BytesIO(body))


def _rows(body: bytes) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = _table(body).to_pylist()
    return rows


def _csv(body: bytes) -> bytes:
    out = io.BytesIO()
    pa_csv.write_csv(_table(body), out)
    return out.getvalue()


def _arrow(body: bytes) -> bytes:
    table, out = _table(body), io.BytesIO()
    with pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


def _zipped(body: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("part.parquet", body)
    return out.getvalue()
