"""Sessions in the accounts of an environment, never in another one by mistake."""

from typing import Any

import boto3
from botocore.exceptions import ClientError

from deploy.stacks.environments import AccountSettings
from deploy.stacks.errors import DeployError


class Accounts:
    """Clients in both accounts: with the credentials at hand, or with the deploy role they may assume."""

    def __init__(self, settings: dict[str, AccountSettings], endpoint_url: str | None = None) -> None:
        self._settings = settings
        self._endpoint_url = endpoint_url
        self._sessions: dict[str, boto3.Session] = {}

    def client(self, account: str, service: str) -> Any:
        """Return a client of a service in an account's region.

        Raises DeployError if the credentials are another account's and no deploy role is named.
        """
        if account not in self._sessions:
            self._sessions[account] = self._session(account)
        return self._client(self._sessions[account], service)

    def credentials(self, account: str) -> dict[str, str]:
        """Return the environment that lets another program act in an account as `client` does."""
        self.client(account, "sts")
        session = self._sessions[account]
        found = session.get_credentials()
        if found is None:
            raise DeployError(f"There are no credentials for account {self._settings[account].account_id}.")
        names = {"AWS_ACCESS_KEY_ID": found.access_key, "AWS_SECRET_ACCESS_KEY": found.secret_key}
        token = {"AWS_SESSION_TOKEN": found.token} if found.token else {}
        endpoint = {"AWS_ENDPOINT_URL": self._endpoint_url} if self._endpoint_url else {}
        regions = {"AWS_REGION": session.region_name, "AWS_DEFAULT_REGION": session.region_name}
        return {**names, **token, **endpoint, **regions}

    def _session(self, account: str) -> boto3.Session:
        wanted = self._settings[account]
        at_hand = boto3.Session(region_name=wanted.region)
        if at_hand.get_credentials() is None:
            raise DeployError(
                f"There are no AWS credentials. Log in to account {wanted.account_id}, e.g. with aws sso login."
            )
        sts = self._client(at_hand, "sts")
        own_id = sts.get_caller_identity()["Account"]
        if own_id == wanted.account_id:
            return at_hand
        if not wanted.deploy_role:
            raise DeployError(
                f"The credentials are account {own_id}'s, but this goes to {wanted.account_id}."
                " Use that account's (AWS_PROFILE), or name its deploy_role in the parameter file."
            )
        return self._assumed(sts, wanted)

    def _assumed(self, sts: Any, wanted: AccountSettings) -> boto3.Session:
        arn = f"arn:aws:iam::{wanted.account_id}:role/{wanted.deploy_role}"
        try:
            given = sts.assume_role(RoleArn=arn, RoleSessionName="myapp-deploy", DurationSeconds=3600)
        except ClientError as error:
            raise DeployError(
                f"The credentials may not act in account {wanted.account_id} ({error})."
                " Use that account's (AWS_PROFILE); what goes to both accounts takes GROUP=account1 or GROUP=account2."
            ) from error
        answer = given["Credentials"]
        return boto3.Session(
            aws_access_key_id=answer["AccessKeyId"],
            aws_secret_access_key=answer["SecretAccessKey"],
            aws_session_token=answer["SessionToken"],
            region_name=wanted.region,
        )

    def _client(self, session: boto3.Session, service: str) -> Any:
        make: Any = session.client  # boto3's own types know one signature for each service
        return make(service, endpoint_url=self._endpoint_url)
