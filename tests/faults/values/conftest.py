"""The running stack that the tests of the whole line use, for these tests too."""

from tests.pipeline.conftest import line

__all__ = ["line"]
