"""Shared objects and builds with faults planted in them."""

import subprocess
from pathlib import Path

import yaml

from deploy.checks.artefacts import Function, built_functions

HANDLER = "import json\n\n\ndef handle(event, context):\n    return json.dumps(event)\n"


def function_in(folder: Path, handler: str = "planted.handler.handle", layers: tuple[str, ...] = ()) -> Function:
    """Make a build of one function with a package `planted`, and return the function as it is read back."""
    package = folder / "PlantedFunction" / "planted"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "handler.py").write_text(HANDLER)
    for layer in layers:
        (folder / layer).mkdir()
    properties = {"Handler": handler, "CodeUri": "PlantedFunction", "Layers": [{"Ref": layer} for layer in layers]}
    resources = {
        "PlantedFunction": {"Type": "AWS::Serverless::Function", "Properties": properties},
        **{layer: {"Type": "AWS::Serverless::LayerVersion", "Properties": {}} for layer in layers},
    }
    (folder / "template.yaml").write_text(yaml.safe_dump({"Resources": resources}))
    return built_functions(folder)[0]


def shared_object(target: Path, library: str, version: str, *options: str) -> None:
    """Compile a shared object that needs a symbol of a version from a library; the library itself is not kept."""
    place = target.parent / "planting"
    place.mkdir()
    (place / "versions").write_text(f"{version} {{ global: planted_symbol; }};\n")
    (place / "library.c").write_text("int planted_symbol(void) { return 1; }\n")
    (place / "caller.c").write_text("int planted_symbol(void);\nint call(void) { return planted_symbol(); }\n")
    made = place / "made.so"
    _compile(place / "library.c", made, f"-Wl,-soname,{library}", f"-Wl,--version-script={place / 'versions'}")
    _compile(place / "caller.c", target, str(made), *options)
    for path in sorted(place.iterdir()):
        path.unlink()
    place.rmdir()


def _compile(source: Path, target: Path, *options: str) -> None:
    subprocess.run(["cc", "-shared", "-fPIC", "-nostdlib", "-o", str(target), str(source), *options], check=True)
