"""`python -m deploy.diagram`: draws what sends to what into README.md, as both accounts' templates say it.

Dead-letter queues and alarms are left out: every queue and rule has them.
"""

import re
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

from deploy.diagram.arrows import OUTSIDE, arrows, has_appflow
from deploy.diagram.resources import SHAPES, WORDS, Account
from deploy.diagram.roles import APPFLOW
from deploy.stacks.declared import DEPLOY, declared_stacks

README: Final = DEPLOY / "README.md"
BEGIN: Final = "<!-- Written by make -C deploy diagram, from the templates. -->\n"
END: Final = "<!-- The diagram ends here. -->\n"

_ACCOUNTS: Final = {"app": "Account 1", "warehouse": "Account 2"}
# What the line lies in and what deploys it: neither is a station of it.
_APART: Final = ("network.yaml", "artifacts.yaml", "deploy_roles.yaml", "codepipeline.yaml")


def diagram(accounts: Mapping[str, Account]) -> str:
    """Return the diagram in Mermaid; resources that neither send nor receive are not in it."""
    ways = sorted(set(arrows(accounts)))
    ends = {end for way in ways for end in way}
    lines = ["flowchart LR", *(f"  {name}({words})" for name, words in OUTSIDE.items() if name in ends)]
    for account in accounts.values():
        lines += [f'  subgraph {account.key} ["{_ACCOUNTS[account.key]}"]', *_nodes(account, ends), "  end"]
    return "\n".join([*lines, *(f"  {source} --> {target}" for source, target in ways)]) + "\n"


def shipped_accounts() -> dict[str, Account]:
    """Return both accounts as the templates of their stacks describe them."""
    stacks = [stack for stack in declared_stacks() if stack.template.name not in _APART]
    return {key: Account.of(key, [stack.document for stack in stacks if stack.account == key]) for key in _ACCOUNTS}


def _nodes(account: Account, ends: Collection[str]) -> Iterator[str]:
    if has_appflow(account):
        yield f"    {account.node(APPFLOW)}[AppFlow]"
    for kind, shape in SHAPES.items():
        for name in account.of_type(kind):
            if account.node(name) in ends:
                yield f"    {account.node(name)}{shape.format(WORDS.get(kind, _words(name)))}"


def drawn(text: str) -> str:
    """Return the text with the diagram of the shipped templates between its marks. Raises ValueError without them."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"The marks of the diagram are missing: {BEGIN}…{END}")
    return f"{before}{BEGIN}\n```mermaid\n{diagram(shipped_accounts())}```\n\n{END}{after}"


def _words(name: str) -> str:
    """Return a logical id as words: `RegisterQueue` as `register queue`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def main(path: Path = README) -> int:
    """Write the diagram into the file; return the exit code."""
    path.write_text(drawn(path.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
