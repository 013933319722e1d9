"""The file that `messages-conformance load` gives to Locust."""

from messages_conformance.garbage import search_rarely
from messages_conformance.load.user import MessagesUser

search_rarely()


class Visitor(MessagesUser):
    """One user without a pause."""
