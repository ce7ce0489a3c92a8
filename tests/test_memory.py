from __future__ import annotations

import gc

from daemon.memory import COLLECT_AFTER, collect_rarely


def test_what_is_there_is_looked_at_no_more_and_the_rest_rarely() -> None:
    before = gc.get_threshold()
    try:
        collect_rarely()
        assert gc.get_threshold() == COLLECT_AFTER
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
