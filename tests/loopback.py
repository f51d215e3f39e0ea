"""This process talks to loopback and to sockets in the file system, nowhere else."""

import ipaddress
import socket
import sys
from typing import Any

LOCAL_NAMES = frozenset({"", "localhost", "ip6-localhost", socket.gethostname()})


class ReachedOutside(RuntimeError):
    """A test tried to talk to the world outside; point the code at a stand-in on loopback."""


def enforce() -> None:
    """Refuse anything else from now on, for good: Python offers no way to take a hook back."""
    sys.addaudithook(_watch)


def is_local(host: object) -> bool:
    """Whether a host, by name or by number, is this machine."""
    if host is None or isinstance(host, bytes):
        host = (host or b"").decode("ascii", "replace")
    name = str(host).partition("%")[0]
    try:
        return ipaddress.ip_address(name).is_loopback or name in ("0.0.0.0", "::")
    except ValueError:
        return name in LOCAL_NAMES


def _watch(event: str, args: tuple[Any, ...]) -> None:
    if event == "socket.getaddrinfo":
        _refuse_unless_local(args[0])
    elif event in ("socket.connect", "socket.sendto") and isinstance(args[1], tuple):
        _refuse_unless_local(args[1][0])


def _refuse_unless_local(host: object) -> None:
    if not is_local(host):
        raise ReachedOutside(f"a test tried to reach {host!r}")
