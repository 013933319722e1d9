"""Loads the plugin in a bare checkout; an installed package brings it by entry point, and pytest keeps one of the two."""

pytest_plugins = ["messages_conformance.plugin", "pytester"]
