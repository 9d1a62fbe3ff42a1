"""The database under test: the settings of a loader, and sessions of our own."""

import os
from dataclasses import dataclass
from typing import Final, Self

import pymysql
from pymysql.connections import Connection
from pymysql.cursors import Cursor

BUCKET: Final = "unloads"
OWNER: Final = "123456789012"


@dataclass(frozen=True)
class Database:
    """A MariaDB with MyApp's tables, over TLS."""

    port: int
    name: str
    user: str
    password: str
    ca_path: str
    host: str = "localhost"  # the name in its certificate

    @classmethod
    def from_environment(cls, name: str | None = None) -> Self:
        """Return the database that MyApp's settings name, or another one on its server."""
        port, default_name, user, password, ca_path = (
            os.environ[f"MYAPP_DATABASE_{key}"] for key in ("PORT", "NAME", "USER", "PASSWORD", "CA_BUNDLE")
        )
        return cls(int(port), name or default_name, user, password, ca_path)

    def connect(self) -> "Connection[Cursor]":
        """Open a session whose transactions see one moment."""
        return pymysql.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            database=self.name,
            ssl_ca=self.ca_path,
            ssl_verify_identity=True,
            autocommit=True,
            init_command="SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        )

    def loader_environment(self, aws_url: str) -> dict[str, str]:
        """Return the settings of a loader that loads into this database."""
        return {
            "AWS_ENDPOINT_URL": aws_url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "POWERTOOLS_LOG_LEVEL": "CRITICAL",
            "POWERTOOLS_METRICS_NAMESPACE": "myapp",
            "QUEUE_URL": f"{aws_url}/upsert",
            "UNLOAD_BUCKET": BUCKET,
            "UNLOAD_BUCKET_OWNER": OWNER,
            "DATABASE_HOST": self.host,
            "DATABASE_PORT": str(self.port),
            "DATABASE_NAME": self.name,
            "DATABASE_USER": self.user,
            "DATABASE_AUTH": "secret",
            "DATABASE_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:database",
            "DATABASE_CA_BUNDLE": self.ca_path,
            "ARROW_DEFAULT_MEMORY_POOL": "system",
        }
