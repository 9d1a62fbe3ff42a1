"""Unloads that are heavy: files that unpack to gigabytes, files as heavy as may be, and sound ones of wide rows."""

from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final

from tests.faults.files.bomb_kinds import dictionary_bomb
from tests.faults.files.pages import one_text_for_all, page, repaged, snappy_zeros, texts
from tests.faults.files.surgery import SNAPPY, Page
from tests.faults.files.unloaded import DAYS, TABLE, Spoil, Unloaded
from tests.serving.unloads import Row, report_row

_MEGABYTE: Final = 2**20
_LONGEST: Final = 65_535
_PARTITIONS: Final = 50_000
_ROWS_OF_A_HALF: Final = 21_000


def _large_page(size: int, count: int) -> list[Page]:
    return [Page(snappy_zeros(size), size, count)]


def _many_long_texts(unloaded: Unloaded) -> None:
    """Put pages of a megabyte in the place of as many rows' short texts: a hundred of them."""
    texts_a_page = 16
    rows = range(100 * texts_a_page)
    others = [None] * (len(TABLE.dimensions) - 1)
    _written(
        unloaded,
        [report_row(TABLE, unloaded.property_id, DAYS[0], [str(number), *others], sessions=1) for number in rows],
    )
    long_page = page(texts([b"x" * _LONGEST] * texts_a_page), texts_a_page)
    repaged(lambda count: [long_page] * (count // texts_a_page))(unloaded)


def _many_partitions(unloaded: Unloaded) -> None:
    """Announce as many partitions as may be; the first has other rows."""
    first = unloaded.writer.control_rows(unloaded.rows, unloaded.generations)[0]
    others = [
        {**first, "property_id": f"{2_000 + number // 1_000}", "date": DAYS[0] - timedelta(number % 1_000)}
        for number in range(1, _PARTITIONS)
    ]
    unloaded.writer.write_control([{**first, "sum_sessions": Decimal(1)}, *others])


# Name → what makes an unload so, and the reason that must be told.
HEAVY: Final[dict[str, tuple[Spoil, str]]] = {
    "a page of a gigabyte": (repaged(partial(_large_page, 1024 * _MEGABYTE), codec=SNAPPY), "part_too_large"),
    "a page as large as may be": (repaged(partial(_large_page, 55 * _MEGABYTE), codec=SNAPPY), "part_broken"),
    "a dictionary of a gigabyte": (repaged(partial(dictionary_bomb, 1024 * _MEGABYTE), codec=SNAPPY), "part_too_large"),
    "a dictionary as large as may be": (repaged(partial(one_text_for_all, b"x" * 37 * _MEGABYTE)), "text_too_long"),
    "a hundred megabytes of pages": (_many_long_texts, "hash_mismatch"),
    "fifty thousand partitions": (_many_partitions, "sum_mismatch"),
}


def wide_rows(unloaded: Unloaded) -> list[Row]:
    """Write rows whose dimensions are all as long as may be, each another text; return them."""
    names = [column.name for column in TABLE.dimensions]
    return _written(
        unloaded,
        [
            report_row(
                TABLE,
                unloaded.property_id,
                DAYS[0],
                [f"{name} {number} ".ljust(_LONGEST, "x") for name in names],
                sessions=unloaded.generation,
            )
            for number in range(300)
        ],
    )


def one_long_text(unloaded: Unloaded) -> list[Row]:
    """Write rows of which all have the same text, as long as may be; the file holds it once. Return them."""
    return _written(
        unloaded,
        [
            report_row(
                TABLE,
                unloaded.property_id,
                DAYS[0],
                ("x" * _LONGEST, str(number), None, None, None),
                sessions=unloaded.generation,
            )
            for number in range(1_500)
        ],
    )


def _written(unloaded: Unloaded, rows: list[Row]) -> list[Row]:
    unloaded.writer.rows_a_part = len(rows)
    unloaded.write_rows(_ordered(rows))
    return rows


def _ordered(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (row["date"], row["dimension_hash"]))


def two_halves(unloaded: Unloaded) -> list[Row]:
    """Write rows for two sessions, each half in a part of its own, all in one page of each column. Return them."""
    rows = [
        report_row(
            TABLE,
            unloaded.property_id,
            day,
            (f"{day} {number} ".ljust(660, "x"), None, None, None, None),
            sessions=unloaded.generation,
        )
        for day in DAYS
        for number in range(_ROWS_OF_A_HALF)
    ]
    unloaded.writer.rows_a_part = _ROWS_OF_A_HALF
    unloaded.write_rows(_ordered(rows))
    for number in range(len(DAYS)):
        one_page: dict[str, Any] = {
            "use_dictionary": False,
            "data_page_size": 64 * _MEGABYTE,
            "write_batch_size": _ROWS_OF_A_HALF,
        }
        unloaded.put_table(unloaded.table(number), number=number, **one_page)
    return rows


SOUND: Final = {"wide rows": wide_rows, "one long text": one_long_text, "two halves": two_halves}
