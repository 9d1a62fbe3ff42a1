"""What can be wrong with a template."""

from pathlib import Path


class TemplateError(Exception):
    """A template cannot be deployed here; the message names the file, the place in it and the reason."""

    def __init__(self, template: Path, place: tuple[str, ...], problem: str) -> None:
        where = f"{template}: {'.'.join(place)}" if place else str(template)
        super().__init__(f"{where}: {problem}")
