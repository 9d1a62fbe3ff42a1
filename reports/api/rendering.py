"""JSON with exact numbers: a decimal keeps every digit it has, which a float would not."""

from collections.abc import Mapping
from typing import Any

import simplejson
from rest_framework.renderers import BaseRenderer


class ExactJSONRenderer(BaseRenderer):
    """Renders decimals as JSON numbers, digit by digit."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,  # noqa: ARG002 - the framework's signature
        renderer_context: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> bytes:
        """Return `data` as UTF-8 JSON."""
        if data is None:
            return b""
        text = simplejson.dumps(data, use_decimal=True, ensure_ascii=False, separators=(",", ":"), default=str)
        return text.encode()
