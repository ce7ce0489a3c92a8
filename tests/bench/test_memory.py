from __future__ import annotations

import os
import sys

import pytest

from bench.memory import forget_peak, peak_bytes, shared_out_bytes

BLOCK = 64 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows what a process has in memory")
def test_a_peak_is_kept_until_it_is_forgotten() -> None:
    forget_peak(os.getpid())
    before = peak_bytes(os.getpid())
    assert before is not None
    block = b"x" * BLOCK
    del block
    peak = peak_bytes(os.getpid())
    assert peak is not None
    assert peak - before > BLOCK * 0.9
    forget_peak(os.getpid())
    assert (peak_bytes(os.getpid()) or 0) < peak - BLOCK * 0.5
    assert (shared_out_bytes(os.getpid()) or 0) > 0


def test_a_process_that_has_ended_has_no_size() -> None:
    assert peak_bytes(1 << 30) is None
    assert shared_out_bytes(1 << 30) is None
