"""The functions' settings, each read from its environment when it is called."""

import os
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from dataflows.contracts.tables import DATABASE_USERS


class _CalledConfig(BaseModel):
    model_config = ConfigDict(frozen=True)

    warehouse_bus_name: str

    @classmethod
    def from_environment(cls) -> Self:
        """Return the settings; raises pydantic's ValidationError naming what is missing or bad."""
        known = {name: os.environ[name.upper()] for name in cls.model_fields if name.upper() in os.environ}
        return cls.model_validate(known)


class _Config(_CalledConfig):
    queue_url: str  # of the queue that feeds the function


class FlowConfig(_Config):
    """What AppFlow's flows are made with."""

    warehouse_connector_profile: str
    intermediate_bucket: str
    error_bucket: str


class RegisterConfig(FlowConfig):
    """Settings of the register function; `*_user` are database users."""

    app_account_id: str = Field(pattern=r"^[0-9]{12}$")
    warehouse_secret_arn: str
    ddl_role_arn: str
    ingest_user: str
    refresh_user: str
    unload_user: str
    register_user: str
    watch_user: str
    advance_user: str
    retry_user: str
    status_user: str
    watch_queue_url: str

    @property
    def database_users(self) -> dict[str, str]:
        """The users that a plan's statements leave open, by the names they stand under there."""
        return {name: getattr(self, name) for name in DATABASE_USERS}


class AdvanceConfig(FlowConfig):
    """Settings of the advance function."""

    workgroup_name: str
    database_name: str


class WatchConfig(AdvanceConfig):
    """Settings of the watch function."""

    refresh_queue_url: str
    notified_table: str
    max_concurrent_runs: int = Field(ge=1)


class NotifyConfig(_Config):
    """Settings of the notify function; `app_url` is where MyApp's pages answer, empty for no link to them."""

    app_url: str
    chat_topic_arn: str
    notified_table: str
    retry_function: str
    status_function: str


class RefreshConfig(_Config):
    """Settings of the refresh function; `unload_role_chain` is two role ARNs with a comma between."""

    workgroup_name: str
    database_name: str
    unload_caller_role_arn: str
    unload_role_chain: str
    unload_bucket: str
    unload_bucket_region: str
    watch_queue_url: str


class StatusConfig(_CalledConfig):
    """Settings of the function that tells how a data flow stands, which is called by name."""

    workgroup_name: str
    database_name: str


class RetryConfig(StatusConfig):
    """Settings of the retry function, which is called by name."""

    watch_queue_url: str
