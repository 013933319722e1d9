"""The conformance suite and contract checker for endpoints that speak the Anthropic Messages API format."""

from importlib import metadata

try:
    __version__ = metadata.version("messages-conformance")
except metadata.PackageNotFoundError:  # a bare checkout, not installed
    __version__ = "0.1.0"

__all__ = ["__version__"]
