"""Column types that Django has no field for."""

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class HashField(models.BinaryField):  # type: ignore[type-arg]  # not generic at run time
    """A SHA-256 as 32 raw bytes: compared byte by byte, and short enough to lead an index."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:  # noqa: ARG002 - Django's signature
        """Return the column's type in MySQL."""
        return "binary(32)"
