"""The web application under test, on a machine whose names are those of `providers.sandbox.nowhere`."""

import socket

from providers.sandbox import nowhere
from tests.gateway.watched import application

__all__ = ["application"]

socket.getaddrinfo = nowhere.lookup
