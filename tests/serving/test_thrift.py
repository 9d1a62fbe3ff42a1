"""Structs of which readers could make different things are refused."""

import pytest

from serving.thrift import I32, I64, ThriftError, read_struct
from tests.faults.files.thrift import Struct, zigzag


def test_a_number_is_read_as_it_was_written() -> None:
    encoded = Struct().put(1, I32, 2**31 - 1).put(2, I64, 2**62).encoded()

    fields, length = read_struct(encoded)

    assert (fields.number(1, I32), fields.number(2, I64), length) == (2**31 - 1, 2**62, len(encoded))


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param(Struct().put(1, I32, 2**31).encoded(), id="a number beyond its type"),
        pytest.param(Struct().put(2**16 + 1, I32, 1).encoded(), id="a field's number beyond its type"),
        pytest.param(Struct().put(2**15 - 1, I32, 1).encoded()[:-1] + b"\x15\x02\x00", id="and one after the last"),
        pytest.param(b"\x15\x02" + bytes([I32]) + zigzag(1) + b"\x04\x00", id="a field that comes twice"),
        pytest.param(bytes([I32]) + zigzag(-1) + b"\x02\x00", id="a field below the first"),
    ],
)
def test_what_others_read_otherwise_is_refused(encoded: bytes) -> None:
    with pytest.raises(ThriftError):
        read_struct(encoded)


def test_a_field_of_another_type_is_no_number() -> None:
    fields, _ = read_struct(Struct().put(1, I32, 5).encoded())

    with pytest.raises(ThriftError, match="field 1"):
        fields.number(1, I64)
