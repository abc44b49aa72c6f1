"""Settings that all tests share."""

from hypothesis import settings

# Property tests draw the same cases every time: a red test stays red until it is mended.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")
