"""`make clean-local`: stop what a local run left behind and delete all local state."""

import sys

from deploy.local.state import LocalState, StateInUse


def main() -> int:
    """Remove `.local/`; return the exit code."""
    state = LocalState()
    try:
        state.remove()
    except StateInUse as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Removed {state.root}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
