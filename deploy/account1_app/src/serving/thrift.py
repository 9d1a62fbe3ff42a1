"""Structs in Thrift's compact protocol, as Parquet writes its footer and its pages' headers.

Only numbers, lists and structs are kept; of texts, their length. The bytes are taken for hostile: depth
and number of values are bounded. Other readers cut a number to its type's bits, skip a field of another type than
they expect, and take parts of both when one comes twice: what they would read otherwise than this one is refused.
Format: https://github.com/apache/thrift/blob/master/doc/specs.
"""

from typing import Final, TypeAlias, Union

I16: Final = 4
I32: Final = 5
I64: Final = 6

_MAX_DEPTH: Final = 12
_MAX_VALUES: Final = 500_000
_BITS: Final = {I16: 16, I32: 32, I64: 64}

Value: TypeAlias = Union[int, "list[Value]", "Struct"]


class ThriftError(Exception):
    """Bytes that are no struct."""


class Struct(dict[int, Value]):
    """A struct's fields by their number."""

    def __init__(self) -> None:
        """Begin a struct without fields."""
        super().__init__()
        self._types: dict[int, int] = {}

    def put(self, field: int, type_: int, value: Value) -> None:
        """Add a field; raises ThriftError when there can't be one of its number, or is one already."""
        if not 0 < field < 2**15 or field in self:
            raise ThriftError(f"there is a field {field}, or a second one")
        self[field], self._types[field] = value, type_

    def number(self, field: int, type_: int, default: int | None = None) -> int:
        """Return a field that must be a number of this type, at least zero; raises ThriftError when it is not."""
        value = self.get(field, default)
        if not isinstance(value, int) or value < 0 or self._types.get(field, type_) != type_:
            raise ThriftError(f"field {field} is {str(value)[:50]}")
        return value

    def struct(self, field: int) -> "Struct":
        """Return a field that must be a struct; raises ThriftError when it is not."""
        value = self.get(field)
        if not isinstance(value, Struct):
            raise ThriftError(f"field {field} is no struct")
        return value

    def structs(self, field: int) -> "list[Struct]":
        """Return a field that must be a list of structs; raises ThriftError when it is not."""
        value = self.get(field)
        if not isinstance(value, list):
            raise ThriftError(f"field {field} is no list")
        found = [item for item in value if isinstance(item, Struct)]
        if len(found) != len(value):
            raise ThriftError(f"field {field} is no list of structs")
        return found


def read_struct(data: bytes) -> tuple[Struct, int]:
    """Return the struct at the beginning of `data`, and how many bytes it takes.

    Raises IndexError where the bytes end too soon, ThriftError where they are none.
    """
    reader = _Reader(data)
    return reader.struct(0), reader.at


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._values = 0
        self.at = 0

    def struct(self, depth: int) -> Struct:
        fields, number = Struct(), 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._signed(I16)
            kind = head & 15
            fields.put(number, kind, int(kind == 1) if kind in (1, 2) else self._value(kind, depth))
        return fields

    def _value(self, kind: int, depth: int) -> Value:
        self._values += 1
        if depth > _MAX_DEPTH or self._values > _MAX_VALUES:
            raise ThriftError("it is nested too deeply, or has too many values")
        match kind:
            case 1 | 2 | 3:  # in a list: yes, no, a byte
                return self._byte()
            case 4 | 5 | 6:
                return self._signed(kind)
            case 7:  # a fraction
                return self._skip(8)
            case 8:  # a text
                return self._skip(self._unsigned())
            case 9 | 10:  # a list, a set
                return self._list(depth + 1)
            case 12:
                return self.struct(depth + 1)
        raise ThriftError(f"there is a value of type {kind}")

    def _list(self, depth: int) -> list[Value]:
        head = self._byte()
        size = head >> 4 if head >> 4 < 15 else self._unsigned()
        return [self._value(head & 15, depth) for _ in range(size)]

    def _skip(self, size: int) -> int:
        self.at += size
        if self.at > len(self._data):
            raise IndexError
        return size

    def _byte(self) -> int:
        self.at += 1
        return self._data[self.at - 1]

    def _unsigned(self) -> int:
        number = 0
        for shift in range(0, 64, 7):
            byte = self._byte()
            number |= (byte & 127) << shift
            if byte < 128:
                return number
        raise ThriftError("there is a number of more than 64 bits")

    def _signed(self, kind: int) -> int:
        number = self._unsigned()
        if number >> _BITS[kind]:
            raise ThriftError(f"there is a number of more than {_BITS[kind]} bits")
        return number >> 1 ^ -(number & 1)
