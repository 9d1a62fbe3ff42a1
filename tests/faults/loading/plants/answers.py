"""Bugs in what is said of a load: to the queue, and in quarantine."""

from typing import Any, Final

from serving.errors import QuarantineError
from tests.faults.loading.plants.tools import Function, Plant, around, left_out


def _failure_answered_as_done() -> None:
    def load_each(original: Function, *args: Any) -> None:
        try:
            original(*args)
        except Exception:  # noqa: BLE001 - that is the bug
            return

    around("load_each", load_each)


def _bad_unload_given_back() -> None:
    def upsert_report(original: Function, *args: Any) -> Any:
        try:
            return original(*args)
        except QuarantineError as error:
            raise RuntimeError("tried again, for ever") from error

    around("upsert_report", upsert_report)


ANSWERS: Final[dict[str, Plant]] = {
    "failure answered as done": _failure_answered_as_done,
    "bad unload given back for ever": _bad_unload_given_back,
    "quarantine never resolved": lambda: left_out("resolve_quarantine"),
}
