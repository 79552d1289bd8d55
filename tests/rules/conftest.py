"""How hard Hypothesis tries: enough for every run, and ``HYPOTHESIS_PROFILE=many`` for a change to the rules."""

import os

from hypothesis import HealthCheck, settings

# No deadline: a test never asserts a time.
_SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
settings.register_profile("suite", max_examples=100, deadline=None, suppress_health_check=_SLOW)
settings.register_profile("many", max_examples=3000, deadline=None, suppress_health_check=_SLOW)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))
