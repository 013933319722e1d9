"""A load test in which every answer is judged. Locust runs the users; `load.user` has the class for it.

This module imports neither Locust nor gevent, so that the command can say how to install them.
"""
