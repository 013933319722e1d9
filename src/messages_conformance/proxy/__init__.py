"""A recording reverse proxy on loopback: every exchange is passed on unchanged, and judged when it ends."""

from messages_conformance.proxy.forwarding import Ended, Forwarder
from messages_conformance.proxy.serving import ProxyOptions, bound_socket, run_proxy

__all__ = ["Ended", "Forwarder", "ProxyOptions", "bound_socket", "run_proxy"]
