"""The one error of this room: a file of waivers cannot be used."""


class GateError(Exception):
    """A waiver file is unusable; the message names the place, the mistake and its cure."""
