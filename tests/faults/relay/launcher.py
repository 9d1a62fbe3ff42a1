"""Starts a program of MyApp's with windows to die in, and with a planted bug if one is named.

`python -m tests.faults.relay.launcher FOLDER BUG celery|application ARGUMENT…`; the bug `none` plants none.
"""

import sys
from pathlib import Path

import django


def main() -> None:
    """Prepare the production code of this process, then be the program."""
    _, folder, bug, program, *arguments = sys.argv
    django.setup()
    # Not before: they read the models.
    from tests.faults.relay import application
    from tests.faults.relay.bugs import BUGS
    from tests.faults.relay.windows import Windows

    if bug != "none":
        BUGS[bug]()
    Windows(Path(folder)).install()
    if program == "application":
        application.main()
        return
    from celery.__main__ import main as celery

    sys.argv = [program, *arguments]
    celery()


if __name__ == "__main__":
    main()
