"""Deploys, packages, shows and destroys the stacks of one environment."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from deploy.stacks.accounts import Accounts
from deploy.stacks.change_sets import Wanted, apply, delete, outputs_of
from deploy.stacks.declared import Stack
from deploy.stacks.environments import Environment
from deploy.stacks.errors import DeployError
from deploy.stacks.packages import package, packaged_template, template_argument
from deploy.stacks.releases import built_release
from deploy.stacks.values import Source, deployment_order, parameter_sources, parameter_values, refuse_missing

_BUCKET_OUTPUT: Final = "ArtifactBucketName"
_RELEASE: Final = "ReleaseVersion"
_PROTECTION: Final = "IsProtected"


@dataclass(frozen=True)
class Deployment:
    """The stacks of one environment, the accounts they lie in, and who is told what happens."""

    environment: Environment
    stacks: Sequence[Stack]
    accounts: Accounts
    say: Callable[[str], None]

    def sources(self) -> None:
        """Say where each parameter of each stack comes from, in the order of deployment."""
        for stack in deployment_order(self.stacks, self.environment):
            self.say(f"{self.environment.stack_name(stack.name)}  ({stack.account}, {stack.group})")
            sources = parameter_sources(stack, self.stacks, self.environment)
            for name, declaration in stack.parameters.items():
                self.say(f"  {name} = {_origin(sources.get(name), declaration)}")

    def package(self, group: str = "") -> None:
        """Upload the built code of a group's stacks, or of all; an artifact bucket that is not there is made first."""
        for stack in (one for one in self.stacks if one.has_code and one.is_within(group)):
            template = package(stack, self.environment, self._made_bucket(stack.account), self.accounts)
            self.say(f"{stack.name}: packaged, {template}")
        release = built_release()
        for stack in (one for one in self.stacks if _RELEASE in one.parameters and one.is_within(group)):
            if release is None:
                raise DeployError(f"Nothing was bundled for {stack.name}. Run make -C deploy bundle.")
            key = release.upload(self.accounts.client(stack.account, "s3"), self._made_bucket(stack.account))
            self.say(f"{stack.name}: uploaded, {key}")

    def deploy(self, group: str, is_agreed: Callable[[str], bool]) -> bool:
        """Bring a group's stacks to what is declared, one after the other; return False if a change was refused."""
        for stack in deployment_order(self.stacks, self.environment):
            if stack.group != group or self._is_left_out(stack):
                continue
            if self._applied(stack, is_agreed) == "refused":
                self.say(f"{stack.name}: not confirmed. Nothing after it was changed.")
                return False
        return True

    def outputs(self, group: str = "") -> dict[str, dict[str, str]]:
        """Return the outputs of a group's stacks, or of all, that are deployed, by their declared names."""
        found = {stack.name: self._outputs(stack) for stack in self.stacks if stack.is_within(group)}
        return {name: outputs for name, outputs in found.items() if outputs is not None}

    def destroy(self, group: str = "") -> None:
        """Delete a group's stacks, or all, the last deployed first, and say what stays.

        The pipelines' stacks go last: CloudFormation deletes each of the others with the role it was made with, which
        is theirs.
        """
        last_first = reversed(deployment_order(self.stacks, self.environment))
        for stack in sorted(last_first, key=lambda one: one.is_of_pipeline):
            if not stack.is_within(group):
                continue
            name = self.environment.stack_name(stack.name)
            client = self.accounts.client(stack.account, "cloudformation")
            if delete(client, name):
                self.say(f"{name}: deleted.{_left(stack)}")

    def _is_left_out(self, stack: Stack) -> bool:
        """Tell, and say, whether nothing gives the parameter that the stack is there for."""
        if not stack.if_given or stack.if_given in parameter_sources(stack, self.stacks, self.environment):
            return False
        self.say(
            f"{self.environment.stack_name(stack.name)}: left out, because parameters/{self.environment.name}.toml"
            f" gives no {stack.if_given}."
        )
        return True

    def _applied(self, stack: Stack, is_agreed: Callable[[str], bool]) -> str:
        """Bring a stack to what is declared.

        One that is protected from deletion is made without that first: CloudFormation could not take a failed creation
        back, and the next try would find the names taken.
        """
        if _PROTECTION in stack.parameters and self._outputs(stack) is None:
            made = self._changed(stack, is_agreed, {_PROTECTION: Source("until it is made", "false")})
            if made == "refused":
                return made
        return self._changed(stack, is_agreed, {})

    def _changed(self, stack: Stack, is_agreed: Callable[[str], bool], instead: Mapping[str, Source]) -> str:
        self.say(f"{self.environment.stack_name(stack.name)} …")
        client = self.accounts.client(stack.account, "cloudformation")
        result = apply(client, self._wanted(stack, instead), self.say, is_agreed)
        self.say(f"{self.environment.stack_name(stack.name)}: {result}")
        return result

    def _wanted(self, stack: Stack, instead: Mapping[str, Source]) -> Wanted:
        sources = {**parameter_sources(stack, self.stacks, self.environment), **instead}
        refuse_missing(stack, sources, self.environment)
        givers = {source.stack for source in sources.values() if source.stack}
        found = {one.name: self._outputs(one) or {} for one in self.stacks if one.name in givers}
        return Wanted(
            stack_name=self.environment.stack_name(stack.name),
            template=template_argument(
                packaged_template(stack, self.environment),
                self._bucket(stack.account),
                self.accounts.client(stack.account, "s3"),
            ),
            parameters=parameter_values(sources, found),
            tags={"application": "myapp", "environment": self.environment.name},
            role_arn=None if stack.by_person else self.environment.accounts[stack.account].cloudformation_role_arn,
        )

    def _outputs(self, stack: Stack) -> dict[str, str] | None:
        client = self.accounts.client(stack.account, "cloudformation")
        return outputs_of(client, self.environment.stack_name(stack.name))

    def _bucket_stack(self, account: str) -> Stack:
        return next(one for one in self.stacks if one.account == account and _BUCKET_OUTPUT in one.outputs)

    def _bucket(self, account: str) -> str | None:
        return (self._outputs(self._bucket_stack(account)) or {}).get(_BUCKET_OUTPUT)

    def _made_bucket(self, account: str) -> str:
        """Return the artifact bucket's name; it is made without asking, for nothing can be shown before it is there."""
        bucket = self._bucket(account)
        if bucket is None:
            self._applied(self._bucket_stack(account), lambda _stack: True)
            bucket = self._bucket(account)
        if bucket is None:
            raise DeployError(f"The stack of the artifact bucket of {account} gives no {_BUCKET_OUTPUT}.")
        return bucket


def _left(stack: Stack) -> str:
    return f" Left, by policy: {', '.join(stack.retained)}." if stack.retained else ""


def _origin(source: Source | None, declaration: Mapping[str, Any]) -> str:
    if source is None:
        return f"{declaration['Default']}  (default)" if "Default" in declaration else "NOTHING GIVES IT"
    return f"{source.stack}.{source.output}" if source.stack else f"{source.text}  ({source.kind})"
