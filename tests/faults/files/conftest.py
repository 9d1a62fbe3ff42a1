"""The loader's bucket and database, as its own tests have them."""

from tests.serving.conftest import aws, config, moto_url, queue, s3

__all__ = ["aws", "config", "moto_url", "queue", "s3"]
