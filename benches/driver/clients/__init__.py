"""The command lines of loadgen and its peers, and how their reports are read.

A client is a class with a `name`, what it `reads` of a stream, its `version`, and for every load it can
make a `Call`: the command, its environment, and a function from the cost and the folder to what it reported.
"""

import dataclasses
import typing

from .. import process


@dataclasses.dataclass(frozen=True)
class Load:
    """What a generator is to do: `closed` users, users `once` each, or an `open` rate."""

    kind: str
    path: str
    users: int = 0
    rate: int = 0
    seconds: float = 0
    stream: bool = False


@dataclasses.dataclass
class Call:
    """How a client is started for one load, and how its report is read."""

    command: list
    read: typing.Callable
    environment: dict = dataclasses.field(default_factory=dict)


class Unable(Exception):
    """A client that has no way to make a load."""


def reported(call, cost, folder):
    """What a client says of its run: `requests`, `errors`, and times in milliseconds where it tells them."""
    if cost.code not in (0, 97, 99):
        tail = " | ".join(cost.output.strip().splitlines()[-3:])
        raise process.Failed(f"{call.command[0]} ended with {cost.code}: {tail}")
    return call.read(cost, folder)
