"""Typed readers of environment variables: a missing or bad value stops the start and says what is allowed."""

import os

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str | None = None) -> str:
    """Return the variable's value; raises ImproperlyConfigured when it is unset and has no default."""
    value = os.environ.get(name, default)
    if value is None:
        raise ImproperlyConfigured(f"Set the environment variable {name}: docs/settings.md says to what.")
    return value


def flag(name: str, *, default: bool) -> bool:
    """Return a yes-or-no variable; raises ImproperlyConfigured unless it is `true` or `false`."""
    value = os.environ.get(name, str(default)).lower()
    if value not in {"true", "false"}:
        raise ImproperlyConfigured(f"{name} is {value!r}: write true or false.")
    return value == "true"


def choice(name: str, default: str, *, allowed: tuple[str, ...]) -> str:
    """Return one of the allowed words; raises ImproperlyConfigured for any other."""
    value = os.environ.get(name, default)
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} is {value!r}: write {' or '.join(allowed)}.")
    return value


def number(name: str, default: int, *, minimum: int = 0) -> int:
    """Return a whole number; raises ImproperlyConfigured when it is none, or less than `minimum`."""
    value = os.environ.get(name, str(default))
    if not value.isdecimal() or int(value) < minimum:
        raise ImproperlyConfigured(f"{name} is {value!r}: write a whole number from {minimum}.")
    return int(value)


def names(name: str, default: str = "") -> list[str]:
    """Return a comma-separated list, empty items left out."""
    return [item.strip() for item in os.environ.get(name, default).split(",") if item.strip()]
