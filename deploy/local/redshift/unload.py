"""UNLOAD: a query's rows as files in S3, by way of the roles the statement names."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import psycopg
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from deploy.local.aws.credentials import Credentials
from deploy.local.aws.service import ServiceError
from deploy.local.redshift.assumed_roles import role_refusal
from deploy.local.redshift.errors import StatementFailed
from deploy.local.redshift.translate import translate
from deploy.local.redshift.unload_columns import Column, describe
from deploy.local.redshift.unload_parts import Part, PartWriter, read_batches
from deploy.local.redshift.unload_statement import UnloadStatement, parse_unload

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

REDSHIFT_PRINCIPAL = "redshift.amazonaws.com"
# From a service principal, a role's ARN and a session name; raises ServiceError if the role isn't for that service.
AssumeRoleAsService = Callable[[str, str, str], Credentials]
_WITHOUT_REGION = "us-east-1"


class Unloader:
    """Runs UNLOAD statements on connections it is given."""

    def __init__(self, region: str, endpoint_url: str, assume_role_as_service: AssumeRoleAsService) -> None:
        self._region = region
        self._endpoint_url = endpoint_url
        self._assume_role_as_service = assume_role_as_service

    def run(self, connection: psycopg.Connection, sql: str, session: str) -> int:
        """Run one UNLOAD as the connection's user and return the number of rows written.

        Raises:
            SqlNotSupported: the statement can't be run as Redshift would.
            StatementFailed: the user may not name the roles, one can't be assumed, or S3 refuses.
        """
        statement = parse_unload(sql)
        if refusal := role_refusal(connection, ",".join(statement.roles), "UNLOAD"):
            raise StatementFailed(refusal)
        query = translate(statement.query).sql
        columns = describe(connection, query)
        try:
            return self._write(connection, statement, query, columns, session)
        except ServiceError as error:
            raise StatementFailed(f"Not authorized to get credentials of role: {error}") from error
        except (ClientError, BotoCoreError) as error:
            raise StatementFailed(f"S3ServiceException:{error}") from error

    def _write(
        self,
        connection: psycopg.Connection,
        statement: UnloadStatement,
        query: str,
        columns: list[Column],
        session: str,
    ) -> int:
        s3 = self._s3(statement, session)
        self._check_region(s3, statement)
        _prepare_target(s3, statement)
        writer = PartWriter(statement, columns, lambda path, key: _upload(s3, statement.bucket, path, key))
        rows = writer.write_all(read_batches(connection, query, columns))
        if statement.has_manifest:
            manifest = _manifest(statement, columns, sorted(writer.parts, key=lambda part: part.key))
            body = json.dumps(manifest, indent=2).encode()
            s3.put_object(Bucket=statement.bucket, Key=f"{statement.prefix}manifest", Body=body)
        return rows

    def _s3(self, statement: UnloadStatement, session: str) -> "S3Client":
        first, *others = statement.roles
        credentials: Mapping[str, Any] = self._assume_role_as_service(REDSHIFT_PRINCIPAL, first, session).as_json()
        for role in others:
            sts = boto3.client("sts", **self._client_options(self._region, credentials))
            credentials = sts.assume_role(RoleArn=role, RoleSessionName=session)["Credentials"]
        return boto3.client("s3", **self._client_options(statement.region or self._region, credentials))

    def _client_options(self, region: str, credentials: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "endpoint_url": self._endpoint_url,
            "region_name": region,
            "aws_access_key_id": credentials["AccessKeyId"],
            "aws_secret_access_key": credentials["SecretAccessKey"],
            "aws_session_token": credentials["SessionToken"],
            "config": Config(s3={"addressing_style": "path"}),
        }

    def _check_region(self, s3: "S3Client", statement: UnloadStatement) -> None:
        answer: dict[str, Any] = dict(s3.get_bucket_location(Bucket=statement.bucket))
        location = answer.get("LocationConstraint") or _WITHOUT_REGION
        if location != (statement.region or self._region):
            raise StatementFailed(
                "S3ServiceException:The bucket you are attempting to access must be addressed using the specified "
                f"endpoint: {statement.bucket} is in {location}, name it with REGION.,"
                "Status 301,Error PermanentRedirect"
            )


def _prepare_target(s3: "S3Client", statement: UnloadStatement) -> None:
    if "ALLOWOVERWRITE" in statement.flags:
        return
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=statement.bucket, Prefix=statement.prefix)
    for page in pages:
        found = [{"Key": item["Key"]} for item in page.get("Contents", [])]
        if found and "CLEANPATH" not in statement.flags:
            raise StatementFailed(
                "Specified unload destination on S3 is not empty. Consider using a different bucket / prefix, manually "
                "removing the target files in S3, or using the ALLOWOVERWRITE option."
            )
        if found:
            s3.delete_objects(Bucket=statement.bucket, Delete={"Objects": found})  # type: ignore[typeddict-item]


def _upload(s3: "S3Client", bucket: str, path: Path, key: str) -> None:
    s3.upload_file(str(path), bucket, key)


def _manifest(statement: UnloadStatement, columns: list[Column], parts: list[Part]) -> dict[str, Any]:
    """Return the manifest in Redshift's shape; only a verbose one lists sizes, rows and columns."""
    entries: list[dict[str, Any]] = [{"url": f"s3://{statement.bucket}/{part.key}"} for part in parts]
    if not statement.is_verbose:
        return {"entries": entries}
    for entry, part in zip(entries, parts, strict=True):
        entry["meta"] = {"content_length": part.content_length, "record_count": part.record_count}
    return {
        "entries": entries,
        "schema": {"elements": [{"name": column.name, "type": column.manifest} for column in columns]},
        "meta": {
            "content_length": sum(part.content_length for part in parts),
            "record_count": sum(part.record_count for part in parts),
        },
        "author": {"name": "Amazon Redshift", "version": "1.0.0"},
    }
