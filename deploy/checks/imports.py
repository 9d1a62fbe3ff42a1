"""Whether each handler is imported from its artefact alone by the runtime's Python, how fast, and from bytecode."""

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

from deploy.checks.artefacts import Function
from deploy.checks.runtime_image import LONGEST_IMPORT_SECONDS

_TIMES: Final = 3
_PROGRAM: Final = Path(__file__).with_name("in_runtime.py")


def import_seconds(function: Function, python: str) -> tuple[float, list[str]]:
    """Return the shortest of three times that importing took (seconds of the processor), and what is wrong with it."""
    answers = [_imported(function, python) for _ in range(_TIMES)]
    seconds = min(answer["seconds"] for answer in answers)
    problems = [f"{function.logical_id}: {problem}" for problem in answers[0]["problems"]]
    if seconds > LONGEST_IMPORT_SECONDS:
        problems.append(
            f"{function.logical_id}: importing takes {seconds:.2f} s; {LONGEST_IMPORT_SECONDS:.2f} s are allowed."
            " Import what is slow where it is used, or ship less."
        )
    return seconds, problems


def _imported(function: Function, python: str) -> dict[str, Any]:
    folders = [str(folder.resolve()) for folder in function.folders]
    command = [python, "-I", "-S", "-B", str(_PROGRAM), function.handler, *folders]
    with tempfile.TemporaryDirectory() as elsewhere:
        run = subprocess.run(command, cwd=elsewhere, env=_ENVIRONMENT, capture_output=True, text=True, check=False)
    if run.returncode:
        return {"seconds": 0.0, "problems": [f"importing ended Python: {run.stderr.strip()[-500:]}"]}
    answer: dict[str, Any] = json.loads(run.stdout)
    return answer


# Lambda sets these itself: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
_ENVIRONMENT: Final = {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "LANG": "en_US.UTF-8"}
