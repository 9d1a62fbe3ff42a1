"""Fixtures of the local AWS endpoint."""

from tests.aws import aws_clock, aws_endpoint, clean_aws

__all__ = ["aws_clock", "aws_endpoint", "clean_aws"]
