"""The functions' settings, each read from its environment when it is called."""

import os
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dataflows.contracts.tables import DATABASE_USERS
from warehouse.location import WarehouseLocation


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


class _WarehouseConfig(_CalledConfig):
    """Where the warehouse is; the workgroup's name or the cluster's identifier is empty."""

    workgroup_name: str
    cluster_identifier: str
    database_name: str

    @property
    def warehouse(self) -> WarehouseLocation:
        """Where statements run. Raises pydantic's ValidationError if the settings name not one place."""
        return WarehouseLocation(
            workgroup=self.workgroup_name, cluster=self.cluster_identifier, database=self.database_name
        )

    @model_validator(mode="after")
    def _names_one_warehouse(self) -> Self:
        _ = self.warehouse
        return self


class AdvanceConfig(FlowConfig, _WarehouseConfig):
    """Settings of the advance function."""


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


class RefreshConfig(_Config, _WarehouseConfig):
    """Settings of the refresh function; `unload_role_chain` is two role ARNs with a comma between."""

    unload_caller_role_arn: str
    unload_role_chain: str
    unload_bucket: str
    unload_bucket_region: str
    watch_queue_url: str


class StatusConfig(_WarehouseConfig):
    """Settings of the function that tells how a data flow stands, which is called by name."""


class RetryConfig(StatusConfig):
    """Settings of the retry function, which is called by name."""

    watch_queue_url: str
