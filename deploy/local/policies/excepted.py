"""Permissions that stay though no call on this machine uses them: at most five, each with its reason."""

from dataclasses import dataclass
from typing import Final

MOST: Final = 5
EVERY_ACTION: Final = "every action"


@dataclass(frozen=True)
class Excepted:
    """An action of roles, or every one that nothing used, and why it stays. What they do must be allowed as well."""

    action: str
    roles: tuple[str, ...]
    reason: str

    def is_for(self, action: str, role: str) -> bool:
        """Tell whether it excuses what a role may do."""
        return role in self.roles and self.action in (action, EVERY_ACTION)

    def __str__(self) -> str:
        return f"{self.action} of {', '.join(self.roles)}: {self.reason}"


EXCEPTED: Final[tuple[Excepted, ...]] = (
    Excepted(
        "redshift-data:CancelStatement",
        ("RegisterRole", "WatchRole", "AdvanceRole", "RefreshRole", "RetryRole", "ShowStatusRole", "UnloadCallerRole"),
        "it is called when a statement runs for longer than its function waits; here none does",
    ),
    Excepted(
        EVERY_ACTION,
        (
            "DeployRole",
            "CloudFormationRole",
            "PipelineRole",
            "TestRole",
            "BuildRole",
            "StagingRole",
            "ProductionRole",
        ),
        "nothing here runs CloudFormation or CodePipeline. What CloudFormation's role may do is compared with what its "
        "own schemas say that the stacks take, what the others may with what they must not: tests/deploy/pipeline",
    ),
)
