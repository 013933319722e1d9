"""Keeps secrets out of records and output: finds a secret in any spelling, and masks it.

A target masks its key in each response before it becomes a record. The judge masks findings and reasons, and each
writer of output masks its text once more.
"""

from messages_conformance.masking.addresses import remember_address
from messages_conformance.masking.known import (
    bounded,
    forget_secrets,
    known_secrets,
    masked,
    remember_secret,
    secrets_restored,
)
from messages_conformance.masking.responses import masked_exchange, masked_request, masked_response
from messages_conformance.masking.secret import is_secret, masked_text
from messages_conformance.masking.spellings import spans

__all__ = [
    "bounded",
    "forget_secrets",
    "is_secret",
    "known_secrets",
    "masked",
    "masked_exchange",
    "masked_request",
    "masked_response",
    "masked_text",
    "remember_address",
    "remember_secret",
    "secrets_restored",
    "spans",
]
