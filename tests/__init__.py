"""Tests. How long an example of hypothesis takes says nothing on a machine that is shared: no deadline."""

from hypothesis import settings

settings.register_profile("shared", deadline=None)
settings.load_profile("shared")
