"""The file that `messages-conformance load` gives to Locust."""

from messages_conformance.load.user import MessagesUser


class Visitor(MessagesUser):
    """One user without a pause."""
