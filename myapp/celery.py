"""The Celery application; its settings are Django's, with the prefix CELERY_."""

import logging
import logging.config
import os
from typing import Any

from celery import Celery, Task
from celery.signals import setup_logging

from dataflows.tracing import logged_with
from myapp.logs import LOGGING

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "myapp.settings")


class LoggedTask(Task):  # type: ignore[misc]  # Celery has no types
    """A task whose lines are logged with its name and its id."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task."""
        with logged_with(task=self.name, task_id=self.request.id or "none"):
            return super().__call__(*args, **kwargs)


app = Celery("myapp", task_cls=LoggedTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(["myapp"], related_name="monitoring")
app.autodiscover_tasks(["myapp"], related_name="reconciling")


@setup_logging.connect  # type: ignore[untyped-decorator]  # Celery has no types
def log_as_myapp_does(loglevel: int | str, **_: Any) -> None:
    """Have worker and beat log like the rest: with a receiver here, Celery sets up nothing of its own.

    Their option --loglevel is about Celery's own lines."""
    logging.config.dictConfig(LOGGING)
    logging.captureWarnings(capture=True)
    logging.getLogger("celery").setLevel(loglevel)
