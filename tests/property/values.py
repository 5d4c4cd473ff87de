"""Values that no field keeps."""

from __future__ import annotations

from hypothesis import strategies as st

from ecs_sql.strategies import hostile

TEXTS = st.text(hostile.CHARACTERS, max_size=20) | st.sampled_from(hostile.TEXTS)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
REFUSED_TEXTS = st.builds(
    "{}{}{}".format, TEXTS, st.sampled_from(["\x00", "\ud800", "\udfff"]), TEXTS
)
