"""Manifests that are none, lie, or name what they must not."""

import json
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any, Final

from tests.faults.files.kinds import Variants, kind
from tests.faults.files.unloaded import Spoil, Unloaded

_BOTH: Final = ("data", "control")
_FORMS: Final[dict[str, object]] = {
    "a list": [],
    "null": None,
    "a number": 1,
    "no entries": {},
    "entries null": {"entries": None},
    "entries text": {"entries": "x"},
    "entries object": {"entries": {}},
    "an entry null": {"entries": [None]},
}
_NO_SIZES: Final[dict[str, object]] = {
    "as text": "12",
    "negative": -1,
    "a fraction": 1.5,
    "beyond every number": float("inf"),
    "NaN": float("nan"),
    "null": None,
    "a list": [],
    "true": True,
}
_URLS: Final = {
    "another bucket": "s3://other-bucket/{key}",
    "another scheme": "https://loader-unloads/{key}",
    "another unload": "s3://loader-unloads/traffic_acquisition/00000000000000000000000000000000/data/0000_part_00.parquet",
    "the parent folder": "s3://loader-unloads/{folder}../control/0000_part_00.parquet",
    "a folder below": "s3://loader-unloads/{folder}x/0000_part_00.parquet",
    "the control rows": "s3://loader-unloads/traffic_acquisition/{run}/control/0000_part_00.parquet",
    "itself": "s3://loader-unloads/{folder}manifest",
    "the folder": "s3://loader-unloads/{folder}",
    "escaped": "s3://loader-unloads/{folder}0000%5fpart_00.parquet",
    "a line break": "s3://loader-unloads/{key}\n",
    "nothing": "",
}


def _rewritten(change: Callable[[bytes], bytes], kind_: str) -> Spoil:
    return lambda unloaded: unloaded.put_manifest(change(unloaded.read(unloaded.key("manifest", kind_))), kind_)


def _put(content: object, kind_: str, unloaded: Unloaded) -> None:
    unloaded.put_manifest(content, kind_)


@kind("manifest is not JSON")
def no_json(random: Random) -> Variants:
    for kind_ in _BOTH:
        changes: dict[str, Callable[[bytes], bytes]] = {
            "cut off": partial(_cut_off, random.random()),
            "in UTF-16": lambda text: text.decode().encode("utf-16"),
            "with NUL bytes": lambda text: text + b"\0" * 10,
            "with a lone surrogate": lambda text: text.replace(b"s3://", b"\\ud800://"),
            "two of them": lambda text: text + text,
        }
        for name, change in changes.items():
            yield f"{kind_}: {name}", "bad_manifest", _rewritten(change, kind_)
        deep = b'{"entries": ' + b"[" * 200_000
        for name, text in {"empty": b"", "nested deeply": deep, "XML": b"<Error/>"}.items():
            yield f"{kind_}: {name}", "bad_manifest", partial(_put, text, kind_)


def _cut_off(share: float, text: bytes) -> bytes:
    return text[: int(len(text) * share)]


@kind("manifest of another form")
def other_form(_: Random) -> Variants:
    for name, form in _FORMS.items():
        for kind_ in _BOTH:
            yield f"{kind_}: {name}", "bad_manifest", partial(_put, json.dumps(form).encode(), kind_)
    for name, value in _NO_SIZES.items():
        yield f"size {name}", "bad_manifest", partial(_announce, {"content_length": value})
        yield f"rows {name}", "bad_manifest", partial(_announce, {"record_count": value})
    for name in ("meta", "url"):
        yield f"no {name}", "bad_manifest", partial(_leave_out_of_entry, name)


def _announce(meta: dict[str, object], unloaded: Unloaded) -> None:
    manifest = unloaded.manifest()
    manifest["entries"][0]["meta"].update(meta)
    unloaded.put_manifest(manifest)


def _leave_out_of_entry(name: str, unloaded: Unloaded) -> None:
    manifest = unloaded.manifest()
    del manifest["entries"][0][name]
    unloaded.put_manifest(manifest)


@kind("manifest too large")
def too_large(_: Random) -> Variants:
    for kind_ in _BOTH:
        yield f"{kind_}: spaces", "bad_manifest", _rewritten(lambda text: text + b" " * 4 * 2**20, kind_)


@kind("manifest names an object elsewhere")
def elsewhere(_: Random) -> Variants:
    for name, url in _URLS.items():
        yield name, "bad_manifest", partial(_point_to, url)


def _point_to(url: str, unloaded: Unloaded) -> None:
    manifest = unloaded.manifest()
    names = {"key": unloaded.part_key(), "folder": unloaded.key(""), "run": unloaded.writer.run_id}
    manifest["entries"][0]["url"] = url.format(**names)
    unloaded.put_manifest(manifest)


@kind("part named twice")
def named_twice(_: Random) -> Variants:
    for kind_ in _BOTH:
        yield (
            kind_,
            "bad_manifest",
            partial(_change_entries, lambda entries: [*entries, entries[0]], kind_),
        )


@kind("part left out of its manifest")
def left_out(_: Random) -> Variants:
    yield "the first", "part_extra", partial(_change_entries, lambda entries: entries[1:], "data")
    yield "the last", "part_extra", partial(_change_entries, lambda entries: entries[:-1], "data")
    yield "control rows", "part_extra", partial(_change_entries, lambda _: [], "control")


def _change_entries(change: Callable[[list[Any]], list[Any]], kind_: str, unloaded: Unloaded) -> None:
    manifest = unloaded.manifest(kind_)
    unloaded.put_manifest({**manifest, "entries": change(manifest["entries"])}, kind_)


@kind("size or rows other than announced")
def other_size(_: Random) -> Variants:
    for change in (-1, 1, 10**9):
        yield f"size {change:+}", "part_size_mismatch", partial(_miscount, "content_length", change, "data")
        yield f"rows {change:+}", "part_rows_mismatch", partial(_miscount, "record_count", change, "data")
    yield "control rows", "part_rows_mismatch", partial(_miscount, "record_count", 1, "control")


def _miscount(name: str, change: int, kind_: str, unloaded: Unloaded) -> None:
    manifest = unloaded.manifest(kind_)
    manifest["entries"][0]["meta"][name] += change
    unloaded.put_manifest(manifest, kind_)
