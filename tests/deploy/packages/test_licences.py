from pathlib import Path

from deploy.checks.licences import licences


def _package(folder: Path, name: str, *lines: str) -> None:
    place = folder / f"{name}-1.0.dist-info"
    place.mkdir()
    (place / "METADATA").write_text("\n".join(("Metadata-Version: 2.4", f"Name: {name}", "Version: 1.0", *lines, "")))


def test_each_locked_package_is_listed_with_what_it_says_of_its_licence(tmp_path: Path) -> None:
    _package(tmp_path, "One_Package", "License-Expression: MIT")
    _package(tmp_path, "two", "Classifier: License :: OSI Approved :: BSD License")
    _package(tmp_path, "three", "License: Apache 2.0")
    _package(tmp_path, "four")
    _package(tmp_path, "unlocked", "License-Expression: MIT")
    lock = tmp_path / "requirements.lock"
    lock.write_text("one-package==1.0 \\\n    --hash=sha256:0\ntwo==1.0\nthree==1.0\nfour==1.0\nfive==1.0\n")

    assert list(licences([lock], [tmp_path])) == [
        "five 1.0: not installed here",
        "four 1.0: not said",
        "one-package 1.0: MIT",
        "three 1.0: Apache 2.0",
        "two 1.0: BSD License",
    ]
