"""Loads the plugin in a bare checkout; an installed package brings it by entry point, and pytest keeps one."""

pytest_plugins = ["messages_conformance.plugin", "pytester"]
