"""The error of a path, a map or a file that cannot be read as a recording."""


class CaptureError(Exception):
    """A capture cannot be read. The message names the file, the place in it, and what is valid."""
