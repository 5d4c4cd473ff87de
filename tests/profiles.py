"""How much hypothesis tries: the profile that `HYPOTHESIS_PROFILE` names, `quick` if it names none.

`HYPOTHESIS_PROFILE=deep python -m pytest tests/property` tries 10,000 examples of each law on each backend, or as
many as `HYPOTHESIS_EXAMPLES` says, and tells at its end how many there were.

The profile is loaded on import, before any test module, so that a test's own `@settings` builds on
it.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# No deadline and no check of slowness: databases take their time, and machines are shared.
_patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)

settings.register_profile("smoke", _patient, max_examples=5, stateful_step_count=10)
settings.register_profile("quick", _patient, max_examples=30, stateful_step_count=25)
settings.register_profile(
    "deep",
    _patient,
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "10000")),
    stateful_step_count=100,
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

shares_storage = settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
"""Decorates a property test that takes `make_storage` or another fixture of one test.

All its examples share what the fixture made, so the test makes its storage's state its own at the
start of each: `storage.clear()`.
"""
