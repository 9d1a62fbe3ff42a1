"""How large a function is, unzipped, with its layers."""

from deploy.checks.artefacts import Function, files_below
from deploy.checks.runtime_image import LARGEST_BYTES


def unzipped_bytes(function: Function) -> int:
    """Return the bytes that Lambda unpacks for a function, its layers included."""
    return sum(path.stat().st_size for folder in function.folders for path in files_below(folder))


def size_problems(function: Function) -> list[str]:
    """Return what is wrong with a function's size: nothing, or one sentence."""
    size = unzipped_bytes(function)
    if size <= LARGEST_BYTES:
        return []
    return [
        f"{function.logical_id}: {size / 1e6:.0f} MB unzipped with its layers, of {LARGEST_BYTES / 1e6:.0f} MB allowed."
        " Take a library out of its requirements.txt, or give the function requirements of its own."
    ]
