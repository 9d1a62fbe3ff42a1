"""Parts whose footer is sound and whose pages are not: broken, lying, packed otherwise."""

import io
import struct
from functools import partial
from random import Random
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.parquet import encryption

from tests.faults.files.file_kinds import changed
from tests.faults.files.kinds import Variants, kind
from tests.faults.files.pages import TEXT, one_text_for_all, page, repaged, texts
from tests.faults.files.surgery import (
    DELTA_BYTE_ARRAY,
    GZIP,
    LZO,
    RLE_DICTIONARY,
    SNAPPY,
    OpenFile,
    Page,
    optional_levels,
    run_of,
)
from tests.faults.files.thrift import BINARY, I32, I64
from tests.faults.files.unloaded import Spoil

_MEGABYTE: Final = 2**20


@kind("a page that is not what its header says")
def lying_pages(_: Random) -> Variants:
    sizes = {"less": 1, "nothing": 0, "a little more": 1_000, "much more": 40 * _MEGABYTE}
    for name, size in sizes.items():
        yield f"unpacks to {name}", "part_broken", repaged(partial(_sized, size), codec=SNAPPY)
    for size in (2**31 - 1, 57 * _MEGABYTE):
        yield f"unpacks to {size} bytes", "part_too_large", repaged(partial(_sized, size), codec=SNAPPY)
    yield "a negative size", "part_broken", repaged(partial(_sized, -1), codec=SNAPPY)
    yield "fewer values", "part_broken", repaged(lambda count: [page(texts([b"x"] * (count - 1)), count - 1)])
    yield "more values", "part_broken", repaged(lambda count: [page(texts([b"x"] * (count - 1)), count)])
    yield "no values", "part_broken", repaged(lambda count: [page(b"", 0)] * count)
    yield "negative values", "part_broken", repaged(lambda _: [page(b"", -1)])
    yield "beyond its column", "part_broken", changed(_beyond)
    yield (
        "a text beyond the page",
        "part_broken",
        repaged(lambda count: [page(optional_levels(count) + struct.pack("<I", 2**31 - 1) * count, count)]),
    )
    yield (
        "in the control rows",
        "part_broken",
        repaged(partial(_sized, 1_000), codec=SNAPPY, part_kind="control", name="property_id"),
    )


@kind("a page that others read otherwise")
def ambiguous_pages(_: Random) -> Variants:
    """What Arrow would make less of, or skip, so that it would come to pages that were never looked at."""
    yield (
        "a number beyond its type",
        "part_broken",
        repaged(lambda count: [page(texts([b"x"] * (count - 1)), 2**32 + count - 1), page(texts([b"x"]), 1)]),
    )
    yield "more values than its column", "part_broken", repaged(lambda count: [page(texts([b"x"] * count), count + 1)])
    for name, field in {"a field beyond its type": (2**16 + 2, I32, 1), "a size of another type": (2, I64, 1)}.items():
        yield name, "part_broken", repaged(partial(_with_field, field))
    yield "an offset of another type", "not_parquet", changed(_offset_of_another_type)


def _with_field(field: tuple[int, int, int], count: int) -> list[Page]:
    body = texts([b"x"] * count)
    return [Page(body, len(body), count, more=(field,))]


def _offset_of_another_type(body: bytes) -> bytes:
    file = OpenFile.of(body)
    file.column(TEXT).put(11, I32, 4)
    return file.closed()


def _sized(size: int, count: int) -> list[Page]:
    return [Page(pa.compress(texts([b"x"] * count), "snappy", asbytes=True), size, count)]


def _beyond(body: bytes) -> bytes:
    file = OpenFile.of(body)
    file.column(TEXT).put(7, I64, 10)
    return file.closed()


@kind("broken pages")
def broken_pages(random: Random) -> Variants:
    for number in range(5):
        yield f"noise {number}", "part_broken", repaged(partial(_noise, random.getrandbits(32)), codec=SNAPPY)
    yield "no page", "part_broken", changed(partial(_moved, 10**12))
    yield "before the file", "not_parquet", changed(partial(_moved, -5))
    yield "in another file", "not_parquet", changed(_in_another_file)
    yield "an index beyond the dictionary", "part_broken", repaged(_beyond_dictionary)
    yield "a dictionary for none", "part_broken", repaged(lambda count: one_text_for_all(b"x", count)[1:])
    yield "a dictionary that claims more entries", "part_broken", repaged(_claiming_entries)
    yield (
        "noise in the control rows",
        "part_broken",
        repaged(partial(_noise, random.getrandbits(32)), codec=SNAPPY, part_kind="control", name="property_id"),
    )
    yield (
        "no UTF-8 in the control rows",
        "part_broken",
        repaged(lambda count: [page(texts([b"\xff"] * count), count)], part_kind="control", name="property_id"),
    )


def _noise(seed: int, count: int) -> list[Page]:
    return [Page(Random(seed).randbytes(200), 400, count)]  # noqa: S311 - repeatable, not secret


def _moved(offset: int, body: bytes) -> bytes:
    file = OpenFile.of(body)
    chunk = file.column(TEXT)
    chunk.fields.pop(11, None)
    chunk.put(9, I64, offset)
    return file.closed()


def _in_another_file(body: bytes) -> bytes:
    file = OpenFile.of(body)
    for chunk in file.footer[4].values[0][1].values:
        chunk.put(1, BINARY, b"/etc/passwd")
    return file.closed()


def _beyond_dictionary(count: int) -> list[Page]:
    entry, _ = one_text_for_all(b"x", count)
    indices = optional_levels(count) + b"\x08" + run_of(count, 200, width=8)
    return [entry, Page(indices, len(indices), count, RLE_DICTIONARY)]


def _claiming_entries(count: int) -> list[Page]:
    entry, page = one_text_for_all(b"x", count)
    return [Page(entry.body, entry.unpacked_bytes, 2**28, is_dictionary=True), page]


@kind("another codec")
def codecs(_: Random) -> Variants:
    for codec in ("gzip", "zstd", "brotli", "lz4"):
        yield codec, "part_unsupported", _rewritten(compression=codec)
    yield "LZO", "part_unsupported", repaged(lambda count: [page(texts([b"x"] * count), count)], codec=LZO)
    yield "one column only", "part_unsupported", repaged(lambda count: [page(b"", count)], codec=GZIP)
    yield "none that there is", "part_unsupported", repaged(lambda count: [page(b"", count)], codec=99)


@kind("another encoding")
def encodings(_: Random) -> Variants:
    for name, encoding in {
        TEXT: "DELTA_BYTE_ARRAY",
        "country": "DELTA_LENGTH_BYTE_ARRAY",
        "sessions": "DELTA_BINARY_PACKED",
        "new_users": "BYTE_STREAM_SPLIT",
    }.items():
        yield encoding, "part_unsupported", _rewritten(use_dictionary=False, column_encoding={name: encoding})
    yield (
        "texts that share a long beginning",
        "part_unsupported",
        repaged(lambda count: [Page(b"", 1_000, count, DELTA_BYTE_ARRAY)]),
    )
    yield "one that there is not", "part_unsupported", repaged(lambda count: [Page(b"", 0, count, 77)])


def _rewritten(**options: Any) -> Spoil:
    return lambda unloaded: unloaded.put_table(unloaded.table(), **options)


@kind("encrypted")
def encrypted(_: Random) -> Variants:
    yield "as a whole", "not_parquet", changed(lambda body: _encrypted(body, plaintext_footer=False))
    yield "but for its footer", "not_parquet", changed(lambda body: _encrypted(body, plaintext_footer=True))
    yield (
        "control rows",
        "not_parquet",
        changed(lambda body: _encrypted(body, plaintext_footer=False), part_kind="control"),
    )


class _KeyStore(encryption.KmsClient):  # type: ignore[misc]
    """Keeps its keys beside what they lock, as hex digits."""

    def wrap_key(self, key_bytes: bytes, _master_key: str) -> bytes:
        return key_bytes.hex().encode()

    def unwrap_key(self, wrapped_key: bytes, _master_key: str) -> bytes:
        return bytes.fromhex(wrapped_key.decode())


def _encrypted(body: bytes, *, plaintext_footer: bool) -> bytes:
    table = pq.read_table(io.BytesIO(body))
    wanted = encryption.EncryptionConfiguration(
        footer_key="key", column_keys={"key": table.column_names}, plaintext_footer=plaintext_footer
    )
    factory = encryption.CryptoFactory(lambda _: _KeyStore())
    properties = factory.file_encryption_properties(encryption.KmsConnectionConfig(), wanted)
    out = io.BytesIO()
    with pq.ParquetWriter(out, table.schema, encryption_properties=properties) as writer:
        writer.write_table(table)
    return out.getvalue()


@kind("row groups that do not add up")
def row_groups(_: Random) -> Variants:
    yield "more rows than its groups", "part_rows_mismatch", changed(partial(_rows_claimed, 10**9))
    yield "fewer rows than its groups", "part_rows_mismatch", changed(partial(_rows_claimed, 1))
    yield "a billion rows", "part_broken", changed(_group_rows)


def _rows_claimed(rows: int, body: bytes) -> bytes:
    file = OpenFile.of(body)
    file.footer.put(3, I64, rows)
    return file.closed()


def _group_rows(body: bytes) -> bytes:
    file = OpenFile.of(body)
    group = file.footer[4].values[0]
    group.put(3, I64, 10**9)
    for chunk in group[1].values:
        chunk[3].put(5, I64, 10**9)
    return file.closed()
