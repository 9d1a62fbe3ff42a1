"""The log: one JSON object a line, by requests, gunicorn, Celery and commands alike (docs/monitoring.md: the keys)."""

import logging
from typing import Any, Final

from django.http import HttpRequest

from dataflows.tracing import logged_ids

META_KEY: Final = "HTTP_X_REQUEST_ID"  # where myapp/request_ids.py leaves it


class WithIds(logging.Filter):
    """Gives each line the ids of the work at hand; those that a line brings itself are kept."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Complete the record, and let it through."""
        brought = vars(record)
        of_libraries = {**_task_of(brought.pop("data", None)), **_request_of(brought.pop("request", None))}
        for name, value in {**of_libraries, **logged_ids()}.items():
            brought.setdefault(name, value)
        return True


def _task_of(data: object) -> dict[str, str]:
    """Return the ids of what Celery's own lines say of a task (the rest stands in their message)."""
    if not isinstance(data, dict) or not {"id", "name"} <= data.keys():
        return {}
    return {"task": str(data["name"]), "task_id": str(data["id"])}


def _request_of(request: object) -> dict[str, str]:
    """Return the id of a request that Django's own lines speak of: it logs refusals when all else is done."""
    return (
        {"request_id": request.META[META_KEY]} if isinstance(request, HttpRequest) and META_KEY in request.META else {}
    )


LOGGING: Final[dict[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"ids": {"()": WithIds}},
    "formatters": {
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "format": "%(levelname)s %(name)s %(message)s",
            "rename_fields": {"levelname": "level", "name": "logger", "exc_info": "exception"},
            "static_fields": {"service": "myapp"},
            "timestamp": True,
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["ids"]}},
    "root": {"handlers": ["console"], "level": "INFO"},
    # Each would have handlers and a form of its own.
    "loggers": {
        **{
            name: {"handlers": [], "level": "INFO", "propagate": True}
            for name in ("django", "django.server", "gunicorn.error")
        },
        # Of requests nginx tells, without what was asked in their query.
        "gunicorn.access": {"handlers": [], "level": "WARNING", "propagate": True},
    },
}
