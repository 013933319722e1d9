"""The one error of this room: a report cannot be written, or a recording cannot be read."""


class ReportError(Exception):
    """A file or folder of a report is unusable; the message names it and the cure."""
