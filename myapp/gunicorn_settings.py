"""What gunicorn reads besides its command line (`--config python:myapp.gunicorn_settings`): it logs as MyApp does."""

import logging

from myapp.logs import LOGGING

logconfig_dict = LOGGING
logging.captureWarnings(capture=True)  # or Python would print them past the log, in lines of its own
