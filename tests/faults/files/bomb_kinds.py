"""Small parts that unpack to far more than they are."""

from functools import partial
from random import Random
from typing import Final

import pyarrow as pa

from tests.faults.files.file_kinds import changed
from tests.faults.files.kinds import Variants, kind
from tests.faults.files.pages import one_text_for_all, page, repaged, snappy_zeros
from tests.faults.files.surgery import RLE_DICTIONARY, SNAPPY, OpenFile, Page

_MEGABYTE: Final = 2**20


@kind("unpacks to far too much")
def bombs(_: Random) -> Variants:
    yield "a dictionary", "part_too_large", repaged(partial(dictionary_bomb, 64 * _MEGABYTE), codec=SNAPPY)
    yield (
        "a page",
        "part_too_large",
        repaged(lambda count: [Page(snappy_zeros(96 * _MEGABYTE), 96 * _MEGABYTE, count)], codec=SNAPPY),
    )
    yield (
        "a page that is not packed",
        "part_too_large",
        repaged(lambda count: [Page(bytes(96 * _MEGABYTE), 100, count)]),
    )
    yield "many pages", "part_too_large", repaged(_many_pages, codec=SNAPPY)
    yield "very many pages", "part_too_large", repaged(lambda _: [page(b"", 0)] * 100_001)
    yield "one long text for all rows", "text_too_long", repaged(partial(one_text_for_all, b"x" * _MEGABYTE))
    yield "all columns at once", "part_too_large", changed(_each_column)
    yield (
        "control rows",
        "part_too_large",
        repaged(partial(dictionary_bomb, 64 * _MEGABYTE), codec=SNAPPY, part_kind="control", name="property_id"),
    )
    yield (
        "a long text in all control rows",
        "text_too_long",
        repaged(partial(one_text_for_all, b"1" * _MEGABYTE), part_kind="control", name="property_id"),
    )


def dictionary_bomb(size: int, count: int) -> list[Page]:
    """Return a dictionary of so many bytes that are empty texts, packed with Snappy, and a page that uses it."""
    _, indices = one_text_for_all(b"", count)
    packed = pa.compress(indices.body, "snappy", asbytes=True)
    return [
        Page(snappy_zeros(size), size, size // 4, is_dictionary=True),
        Page(packed, indices.unpacked_bytes, count, RLE_DICTIONARY),
    ]


def _claiming_less(count: int) -> list[Page]:
    return [Page(bytes(96 * _MEGABYTE), 100, count)]


def _many_pages(count: int) -> list[Page]:
    return [Page(snappy_zeros(_MEGABYTE), 50 * _MEGABYTE, 0)] * 42 + [Page(b"", 0, count)]


def _each_column(body: bytes) -> bytes:
    file = OpenFile.of(body)
    for name in ("session_source", "session_medium", "session_campaign_name", "country"):
        file.exchange(name, [Page(b"", 30 * _MEGABYTE, file.footer[3])], SNAPPY)
    return file.closed()
