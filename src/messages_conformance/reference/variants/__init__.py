"""Correct servers that differ where the contract permits it, by topic. No requirement may fail on any of them."""

from messages_conformance.reference.variant_registry import Variant, find_variant, variant, variants

__all__ = ["Variant", "find_variant", "variant", "variants"]
