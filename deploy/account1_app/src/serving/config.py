"""The upsert function's settings, read from its environment when it is called."""

import os
from enum import StrEnum
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field


class DatabaseAuth(StrEnum):
    """How the function logs in: a password kept in Secrets Manager, or a token of its IAM role."""

    SECRET = "secret"  # noqa: S105 - the name of a kind, not a password
    IAM = "iam"


class Config(BaseModel):
    """Where the database is, what an unload may at most hold, and how it is loaded. Sizes in bytes."""

    model_config = ConfigDict(frozen=True)

    queue_url: str  # of the queue that feeds the function
    unload_bucket: str
    unload_bucket_owner: str
    database_host: str
    database_port: int
    database_name: str
    database_user: str
    database_auth: DatabaseAuth
    database_secret_arn: str
    database_ca_bundle: str
    arrow_default_memory_pool: Literal["system"]  # Arrow reads it itself; its own pools keep 50 MB that are free
    max_partition_rows: int = Field(default=2_000_000, gt=0)
    max_part_bytes: int = Field(default=256 * 2**20, gt=0)
    max_unpacked_bytes: int = Field(default=2 * 2**30, gt=0)
    max_open_bytes: int = Field(default=112 * 2**20, gt=0)
    max_sessions: int = Field(default=2, ge=1, le=2)  # of the database, for one unload; the disk has room for two
    session_rows: int = Field(default=20_000, gt=0)  # so many for each: for fewer, another costs more than it saves

    @classmethod
    def from_environment(cls) -> Self:
        """Return the settings; raises pydantic's ValidationError naming what is missing or bad."""
        known = {name: os.environ[name.upper()] for name in cls.model_fields if name.upper() in os.environ}
        return cls.model_validate(known)
