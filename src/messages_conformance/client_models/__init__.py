"""Models of clients: what an application gets when the client has read the recorded bytes of an answer.

Each model is one module that says how its client reads, as its source and runs of it show. The observations in
contract/impact.json test the models: where they differ, the model is wrong.
"""

from messages_conformance.client_models.reading import MODELS, read
from messages_conformance.client_models.received import Received
from messages_conformance.client_models.what_is_right import Wrong, what_is_wrong

__all__ = ["MODELS", "Received", "Wrong", "read", "what_is_wrong"]
