"""What the service knows: properties, tokens, quotas and the faults it was told to show."""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from deploy.local.ga4.errors import GoogleApiError
from deploy.local.ga4.oauth import Grant, TokenIssuer
from deploy.local.ga4.properties import Property, load_folder
from deploy.local.ga4.quota import PropertyQuota


@dataclass
class Ga4State:
    """The state of one emulated Google; `tokens` with no grants means that requests need no token."""

    tokens: TokenIssuer = field(default_factory=TokenIssuer)
    properties: dict[str, Property] = field(default_factory=dict)
    quotas: defaultdict[str, PropertyQuota] = field(default_factory=lambda: defaultdict(PropertyQuota))
    _failures_left: int = 0
    _lock: Lock = field(default_factory=Lock, repr=False)

    def load(self, folder: Path) -> list[str]:
        """Load the properties in `folder`, replacing those of the same ids; return their ids."""
        loaded = load_folder(folder)
        self.properties = {**self.properties, **{prop.property_id: prop for prop in loaded}}
        return [prop.property_id for prop in loaded]

    def readable(self, grant: Grant) -> list[Property]:
        """Return the properties a bearer may read, in order of their ids."""
        return [self.properties[one] for one in sorted(self.properties) if grant.allows(one)]

    def property_for(self, property_id: str, grant: Grant) -> Property:
        """Return a property; raises GoogleApiError (PERMISSION_DENIED), as Google does for unknown ones too."""
        prop = self.properties.get(property_id)
        if prop is None or not grant.allows(property_id):
            raise GoogleApiError(
                "PERMISSION_DENIED",
                "User does not have sufficient permissions for this property. To learn more about Property ID, see "
                "https://developers.google.com/analytics/devguides/reporting/data/v1/property-id.",
            )
        return prop

    def fail_next(self, count: int) -> None:
        """Let the next `count` API requests fail."""
        with self._lock:
            self._failures_left = count

    def fail_if_told(self) -> None:
        """Raise GoogleApiError (UNAVAILABLE) if this request is one of those told to fail."""
        with self._lock:
            fails = self._failures_left > 0
            self._failures_left -= int(fails)
        if fails:
            raise GoogleApiError("UNAVAILABLE", "The service is currently unavailable.")
