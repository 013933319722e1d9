"""The conformance suite and contract checker for endpoints that speak the Anthropic Messages API format."""

from typing import TYPE_CHECKING

__all__ = ["__version__"]

if TYPE_CHECKING:
    __version__: str
else:

    def __getattr__(name: str) -> str:
        """The version is read when it is asked for: most commands do not need it, and reading it takes long."""
        if name != "__version__":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import metadata

        try:
            return metadata.version("messages-conformance")
        except metadata.PackageNotFoundError:  # a bare checkout, not installed
            return "0.1.0"
