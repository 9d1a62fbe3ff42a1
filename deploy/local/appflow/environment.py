"""What AppFlow works with and what it can be told: one value handed to all its parts."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deploy.local.appflow.buckets import Buckets
from deploy.local.appflow.faults import AppFlowFaults
from deploy.local.appflow.google import GoogleAnalytics
from deploy.local.appflow.state import ConnectorProfile
from deploy.local.appflow.warehouse import Destination
from deploy.local.clock import EmulatedClock

# Its arguments: account id, region, source, detail type, detail, resources and time of the event.
PublishServiceEvent = Callable[[str, str, str, str, dict[str, Any], list[str], datetime], object]


@dataclass(frozen=True)
class AppFlowSettings:
    """Quotas, and switches where nobody could confirm what AWS does.

    `update_active_flow_allowed`: whether UpdateFlow changes a scheduled flow that is active.
    `between_excludes_bounds`: whether BETWEEN on the date leaves out the days it names.
    """

    max_flows: int = 1000
    max_connector_profiles: int = 100
    update_active_flow_allowed: bool = True
    between_excludes_bounds: bool = False
    workers: int = 4


@dataclass(frozen=True)
class Environment:
    """What is outside AppFlow: the clock, AWS's endpoint, Google, the warehouse, the event bus."""

    clock: EmulatedClock
    endpoint_url: str
    ga4_url: str
    destination: Destination
    publish_service_event: PublishServiceEvent
    settings: AppFlowSettings
    faults: AppFlowFaults

    def google(self, profile: ConnectorProfile) -> GoogleAnalytics:
        """Return Google Analytics as a connector profile's identity sees it."""
        return GoogleAnalytics(self.ga4_url, profile.oauth)

    def buckets(self, account_id: str, region: str) -> Buckets:
        """Return S3 as AppFlow sees it for an account."""
        return Buckets(self.endpoint_url, account_id, region)
