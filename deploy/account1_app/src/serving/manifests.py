"""What a manifest of an unload may say: which objects lie beside it, with the size and the rows of each."""

import re
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from serving.errors import QuarantineError

_PART_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")


class PartSize(BaseModel):
    """How many bytes and rows a part must have."""

    model_config = ConfigDict(strict=True, frozen=True)

    content_length: Annotated[int, Field(ge=0)]
    record_count: Annotated[int, Field(ge=0)]


class _Entry(BaseModel):
    model_config = ConfigDict(strict=True)

    url: str
    meta: PartSize


class _Manifest(BaseModel):
    model_config = ConfigDict(strict=True)

    entries: list[_Entry]


def manifest_entries(manifest_key: str, text: bytes, bucket: str) -> dict[str, PartSize]:
    """Return key and size of what the manifest at `manifest_key` of a bucket names, in its order.

    Raises QuarantineError when it is no manifest, names an object elsewhere, or one twice.
    """
    try:
        entries = _Manifest.model_validate_json(text).entries
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise _bad(manifest_key, f"can't be read: {first['msg']}, at {first['loc']}") from error
    folder = manifest_key.removesuffix("manifest")
    keys = [entry.url.removeprefix(f"s3://{bucket}/") for entry in entries]
    strange = [key for key in keys if not _is_in(folder, key) or key == manifest_key]
    if strange:
        raise _bad(manifest_key, f"names {strange[0][:200]!r}, which is no part in its folder")
    if len(set(keys)) != len(keys):
        raise _bad(manifest_key, "names a part twice")
    return {key: entry.meta for key, entry in zip(keys, entries, strict=True)}


def _is_in(folder: str, key: str) -> bool:
    return key.startswith(folder) and _PART_NAME.fullmatch(key.removeprefix(folder)) is not None


def _bad(key: str, what: str) -> QuarantineError:
    return QuarantineError(f"The manifest {key} {what}.", reason="bad_manifest")
