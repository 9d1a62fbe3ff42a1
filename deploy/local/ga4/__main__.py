"""Runs the service: `python -m deploy.local.ga4 --port 8085 --clock .local/clock.json --data .local/ga4`.

Every `--refresh-token` is `TOKEN`, which may read all properties, or `TOKEN=111,222`, which may read those. Without
any, requests need no access token.
"""

import argparse
from pathlib import Path

from werkzeug.serving import run_simple

from deploy.local.clock import EmulatedClock
from deploy.local.ga4.app import create_ga4_app
from deploy.local.ga4.oauth import Grant, TokenIssuer
from deploy.local.ga4.state import Ga4State


def main() -> None:
    """Load the data and serve until stopped."""
    options = _options()
    state = Ga4State(TokenIssuer(dict(map(parse_grant, options.refresh_token))))
    for folder in options.data:
        state.load(folder)
    run_simple(options.host, options.port, create_ga4_app(state, EmulatedClock(options.clock)), threaded=True)


def parse_grant(text: str) -> tuple[str, Grant]:
    """Return the refresh token and what it may read from `TOKEN` or `TOKEN=111,222`."""
    token, separator, property_ids = text.partition("=")
    return token, Grant(frozenset(property_ids.split(",")) if separator else None)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.local.ga4", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--clock", type=Path, required=True, help="the file of the emulated clock")
    parser.add_argument("--data", type=Path, action="append", default=[], help="a folder of properties")
    parser.add_argument("--refresh-token", action="append", default=[], metavar="TOKEN[=IDS]")
    return parser.parse_args()


if __name__ == "__main__":
    main()
