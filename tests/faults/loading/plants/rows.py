"""Bugs in what is loaded, and in the checks before and after it."""

import json
from collections.abc import Callable
from dataclasses import replace as changed
from typing import Any, Final
from unittest.mock import ANY

from serving.control import ControlRow
from tests.faults.loading.plants.tools import Function, Plant, around, left_out, sql_changed


def _no_completeness_check() -> None:
    missing_part_tolerated()
    left_out("check_rows")
    left_out("check_stored")


def missing_part_tolerated() -> None:
    _manifest_changed(lambda entry, sizes: entry if _key(entry) in sizes else None)


def part_size_unchecked() -> None:
    def believing(entry: dict[str, Any], sizes: dict[str, int]) -> dict[str, Any]:
        return {**entry, "meta": {**entry["meta"], "content_length": sizes.get(_key(entry), 0)}}

    _manifest_changed(believing)


def _manifest_changed(change: Callable[[dict[str, Any], dict[str, int]], dict[str, Any] | None]) -> None:
    """Let the loader see each entry of a manifest as `change` makes it of what there really is."""

    def read_manifest(original: Function, bucket: Any, key: str) -> bytes | None:
        text = original(bucket, key)
        if text is None:
            return None
        listed = bucket.client.list_objects_v2(Bucket=bucket.name, ExpectedBucketOwner=bucket.owner)
        sizes = {item["Key"]: item["Size"] for item in listed["Contents"]}
        entries = (change(entry, sizes) for entry in json.loads(text)["entries"])
        return json.dumps({"entries": [entry for entry in entries if entry]}).encode()

    around("read_manifest", read_manifest)


def _key(entry: dict[str, Any]) -> str:
    return str(entry["url"]).split("/", 3)[3]


def _no_delete() -> None:
    sql_changed("^DELETE FROM (.*)", r"DELETE FROM \1 AND FALSE")


def _no_delete_unchecked() -> None:
    _no_delete()
    left_out("check_stored")


def _no_update() -> None:
    sql_changed(r"(`\w+`) = VALUES\(`\w+`\)", r"\1 = \1")


def _unchecked(**anything: Any) -> None:
    """Let every check of these fields of the control rows pass."""

    def relaxed(argument: Any) -> Any:
        if isinstance(argument, dict):
            return {key: changed(row, **anything) for key, row in argument.items()}
        return changed(argument, **anything) if isinstance(argument, ControlRow) else argument

    for name in ("check_rows", "check_stored"):
        around(name, lambda original, *args: original(*map(relaxed, args)))


def _empty_partitions_ignored() -> None:
    def read_control_rows(original: Function, *args: Any) -> dict[Any, Any]:
        return {key: row for key, row in original(*args).items() if row.row_count}

    around("read_control_rows", read_control_rows)


ROWS: Final[dict[str, Plant]] = {
    "no completeness check": _no_completeness_check,
    "partitions checked one by one, not the whole unload": lambda: left_out("check_rows"),
    "row count unchecked": lambda: _unchecked(row_count=ANY),
    "sums unchecked": lambda: _unchecked(sums=ANY),
    "no delete of vanished rows": _no_delete,
    "no delete of vanished rows, result unchecked": _no_delete_unchecked,
    "changed rows left as they are": _no_update,
    "empty partitions ignored": _empty_partitions_ignored,
}
