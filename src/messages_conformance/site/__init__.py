"""A static site of many runs: implementations by requirements, features and clients; trend; badges; no script."""
