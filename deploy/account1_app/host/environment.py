"""Writes MyApp's environment on a host: the settings that its stack gave it, with the secrets that they name.

The settings are lines `NAME=value`. In a value `{{secret ARN}}` stands for a secret of Secrets Manager, and
`{{secret ARN KEY}}` for one member of a secret that is a JSON object. The file is one that systemd's `EnvironmentFile`
and a shell read alike.
"""

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import boto3

_REFERENCE: Final = re.compile(r"\{\{secret (?P<arn>\S+?)(?: (?P<key>\w+))?\}\}")
_LINE: Final = re.compile(r"(?P<name>[A-Z][A-Z0-9_]*)=(?P<value>.*)")
_ESCAPED: Final = re.compile(r'(["\\$`])')


class SettingsError(Exception):
    """The settings can't be used; the message says which line, and what to change."""


def main(settings: Path, target: Path) -> None:
    """Read the settings and write the environment to `target`, for its owner only.

    Raises SettingsError for what can't be used, botocore's ClientError for a secret that can't be read.
    """
    lines = environment(settings.read_text(), read_secret)
    write_private(target, "".join(f"{line}\n" for line in lines))


def read_secret(arn: str) -> str:
    """Return the text of the secret with that ARN; its region stands in it."""
    client = boto3.client("secretsmanager", region_name=arn.split(":")[3])
    return str(client.get_secret_value(SecretId=arn)["SecretString"])


def environment(text: str, secret: Callable[[str], str]) -> list[str]:
    """Return the quoted lines of the environment; `secret` gives a secret's text by its ARN."""
    return [_quoted(line, secret) for line in text.splitlines() if line.strip()]


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read; who reads meanwhile finds the old one or the new one."""
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    fresh.replace(path)


def _quoted(line: str, secret: Callable[[str], str]) -> str:
    found = _LINE.fullmatch(line.strip())
    if found is None:
        raise SettingsError(f"A line of the settings is not NAME=value: {line.partition('=')[0]!r}.")
    value = _REFERENCE.sub(lambda reference: _secret(reference, secret), found["value"])
    if any(ord(character) < 32 for character in value):  # systemd would read the rest as other settings
        raise SettingsError(f"The value of {found['name']} has more than one line: write it in one.")
    return f'{found["name"]}="{_ESCAPED.sub(lambda one: chr(92) + one[1], value)}"'


def _secret(reference: re.Match[str], secret: Callable[[str], str]) -> str:
    text = secret(reference["arn"])
    if reference["key"] is None:
        return text
    try:
        return str(json.loads(text)[reference["key"]])
    except (ValueError, KeyError, TypeError):
        raise SettingsError(f"The secret {reference['arn']} is no JSON object with a {reference['key']!r}.") from None


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
