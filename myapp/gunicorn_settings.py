"""What gunicorn reads besides its command line (`--config python:myapp.gunicorn_settings`): it logs as MyApp does."""

from myapp.logs import LOGGING

logconfig_dict = LOGGING
