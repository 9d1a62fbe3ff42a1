"""Thrift's compact protocol, read and written without a schema: enough to change a Parquet file's footer at will."""

from dataclasses import dataclass, field
from typing import Any, Final

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)
_NUMBERS: Final = (I16, I32, I64)


@dataclass
class Items:
    """A list of values of one type."""

    type: int
    values: list[Any] = field(default_factory=list)


@dataclass
class Struct:
    """A struct's fields: id → (type, value)."""

    fields: dict[int, tuple[int, Any]] = field(default_factory=dict)

    def __getitem__(self, number: int) -> Any:
        return self.fields[number][1]

    def put(self, number: int, type_: int, value: Any) -> "Struct":
        """Set a field, and return the struct."""
        self.fields[number] = (type_, value)
        return self

    def encoded(self) -> bytes:
        """Return the struct as bytes."""
        out, last = bytearray(), 0
        for number, (type_, value) in sorted(self.fields.items()):
            delta = number - last
            out += bytes([delta << 4 | type_]) if delta < 16 else bytes([type_]) + zigzag(number)
            out += _encoded(type_, value)
            last = number
        return bytes(out) + b"\0"


def decoded(data: bytes) -> tuple[Struct, int]:
    """Return the struct at the beginning of `data`, and where it ends."""
    reader = _Reader(data)
    return reader.struct(), reader.at


def zigzag(number: int) -> bytes:
    """Return a signed number as a varint."""
    return varint(number << 1 ^ number >> 63)


def varint(number: int) -> bytes:
    """Return a number of at most 64 bits, seven of them a byte."""
    number &= 2**64 - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def _encoded(type_: int, value: Any) -> bytes:
    if type_ in (TRUE, FALSE):
        return b""
    if type_ in _NUMBERS:
        return zigzag(value)
    if type_ == BINARY:
        return varint(len(value)) + bytes(value)
    if type_ == STRUCT:
        return bytes(value.encoded())
    if type_ in (LIST, SET):
        return _encoded_list(value)
    return bytes(value)


def _encoded_list(items: Items) -> bytes:
    size = len(items.values)
    head = bytes([size << 4 | items.type]) if size < 15 else bytes([0xF0 | items.type]) + varint(size)
    return head + b"".join(_encoded(items.type, value) for value in items.values)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def struct(self) -> Struct:
        found, last = Struct(), 0
        while head := self._byte():
            last = last + (head >> 4) if head >> 4 else self._zigzag()
            found.put(last, head & 15, self._value(head & 15))
        return found

    def _value(self, type_: int) -> Any:
        if type_ in (TRUE, FALSE):
            return type_ == TRUE
        if type_ in _NUMBERS:
            return self._zigzag()
        if type_ == BINARY:
            return self._take(self._varint())
        if type_ == STRUCT:
            return self.struct()
        if type_ in (LIST, SET):
            head = self._byte()
            size = head >> 4 if head >> 4 < 15 else self._varint()
            return Items(head & 15, [self._value(head & 15) for _ in range(size)])
        return self._take({BYTE: 1, DOUBLE: 8}[type_])

    def _byte(self) -> int:
        self.at += 1
        return self._data[self.at - 1]

    def _take(self, size: int) -> bytes:
        self.at += size
        return self._data[self.at - size : self.at]

    def _varint(self) -> int:
        number = shift = 0
        while True:
            byte = self._byte()
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return number

    def _zigzag(self) -> int:
        number = self._varint()
        return number >> 1 ^ -(number & 1)
