"""Django's settings; what differs between hosts comes from the environment (docs/settings.md)."""

import ssl
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF

from myapp import env
from myapp.logs import LOGGING as LOGGING  # read by Django, here

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = env.text("MYAPP_SECRET_KEY")
DEBUG = env.flag("MYAPP_DEBUG", default=False)
ALLOWED_HOSTS = env.names("MYAPP_ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = env.names("MYAPP_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework.authtoken",
    "csp",
    "dataflows",
    "reports",
]

MIDDLEWARE = [
    "myapp.request_ids.request_ids",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "myapp.caching.private_pages",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "myapp.urls"
WSGI_APPLICATION = "myapp.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]


def _statement_limit() -> str:
    """Return the SET by which the server ends a SELECT that takes too long: MySQL counts in ms, MariaDB in s.

    Each reads its own comment and passes over the other's (MariaDB leaves out versions 50700 to 50799).
    """
    seconds = env.number("MYAPP_STATEMENT_SECONDS", 20, minimum=1)
    return f"SET /*!50700 SESSION max_execution_time={seconds * 1000} */ /*M! SESSION max_statement_time={seconds} */"


def _database_options() -> dict[str, Any]:
    options: dict[str, Any] = {
        "init_command": _statement_limit(),
        "charset": "utf8mb4",
        "sql_mode": "STRICT_ALL_TABLES,ONLY_FULL_GROUP_BY,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO",
        "isolation_level": "read committed",
    }
    ca_bundle = env.text("MYAPP_DATABASE_CA_BUNDLE", "")
    if ca_bundle:
        options["ssl_mode"] = "VERIFY_IDENTITY"  # MySQL's client checks the name only so; MariaDB's always does
        options["ssl"] = {"ca": ca_bundle}
    return options


USES_IAM = env.choice("MYAPP_DATABASE_AUTH", "password", allowed=("password", "iam")) == "iam"
DATABASES = {
    "default": {
        "ENGINE": "myapp.iam_mysql" if USES_IAM else "django.db.backends.mysql",
        "HOST": env.text("MYAPP_DATABASE_HOST"),
        "PORT": env.text("MYAPP_DATABASE_PORT", "3306"),
        "NAME": env.text("MYAPP_DATABASE_NAME"),
        "USER": env.text("MYAPP_DATABASE_USER"),
        "PASSWORD": env.text("MYAPP_DATABASE_PASSWORD", "" if USES_IAM else None),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": _database_options(),
        "TEST": {"CHARSET": "utf8mb4", "COLLATION": "utf8mb4_bin"},
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "templates" / "static"]

# Cookies and TLS: HTTPS wherever the application is reached from outside.
IS_HTTPS = env.flag("MYAPP_IS_HTTPS", default=True)
SESSION_COOKIE_SECURE = IS_HTTPS
CSRF_COOKIE_SECURE = IS_HTTPS
SECURE_SSL_REDIRECT = False  # the load balancer redirects
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SESSION_COOKIE_AGE = 12 * 60 * 60
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    },
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["reports.api.rendering.ExactJSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "reports.api.problems.problem_response",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}


def _broker_tls() -> dict[str, Any] | None:
    """Return how the broker's certificate is checked: of itself Kombu checks none, and rediss:// would mean little."""
    if not env.text("MYAPP_REDIS_URL").startswith("rediss://"):
        return None
    ca_bundle = env.text("MYAPP_REDIS_CA_BUNDLE", "") or None
    return {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True, "ssl_ca_certs": ca_bundle}


# Celery. A task carries no payload, it drains a table; Redis may lose it, the sweeper finds the row.
CELERY_BROKER_URL = env.text("MYAPP_REDIS_URL")
CELERY_BROKER_USE_SSL = _broker_tls()
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SOFT_TIME_LIMIT = 50
CELERY_TASK_TIME_LIMIT = 60
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 120,
    "unacked_restore_interval": 1,
    "unacked_restore_throttle": 1,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULE = {
    "sweep-outbox": {"task": "dataflows.tasks.relay_outbox", "schedule": 5.0, "options": {"expires": 5}},
    "repeat-unanswered": {"task": "dataflows.tasks.repeat_unanswered", "schedule": 60.0, "options": {"expires": 60}},
    "publish-metrics": {"task": "myapp.monitoring.publish_metrics", "schedule": 60.0, "options": {"expires": 60}},
    "state-days": {"task": "myapp.reconciling.state_days", "schedule": 3600.0, "options": {"expires": 3600}},
    "state-differing-days": {
        "task": "myapp.reconciling.state_differing_days",
        "schedule": 900.0,
        "options": {"expires": 900},
    },
}
CELERY_TIMEZONE = "UTC"

# AWS, Account 1. The SDK finds its credentials, region and endpoints by itself.
EVENT_BUS_NAME = env.text("MYAPP_EVENT_BUS_NAME", "myapp")
STATUS_QUEUE_URL = env.text("MYAPP_STATUS_QUEUE_URL", "")
UPSERT_QUEUE_URL = env.text("MYAPP_UPSERT_QUEUE_URL", "")
METRICS_NAMESPACE = env.text("MYAPP_METRICS_NAMESPACE", "myapp")
WAREHOUSE_ACCOUNT_ID = env.text("MYAPP_WAREHOUSE_ACCOUNT_ID", "")

OUTBOX_BATCH_SIZE = 10  # the most entries one PutEvents call takes
OUTBOX_LEASE_SECONDS = env.number("MYAPP_OUTBOX_LEASE_SECONDS", 20, minimum=1)  # a call takes 13 at most
OUTBOX_ANSWER_SECONDS = env.number("MYAPP_OUTBOX_ANSWER_SECONDS", 1800, minimum=60)
OUTBOX_MAX_ATTEMPTS = env.number("MYAPP_OUTBOX_MAX_ATTEMPTS", 40, minimum=1)
