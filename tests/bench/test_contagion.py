from __future__ import annotations

from bench.contagion import POISON, held_back_by_batches, make_pages


def test_a_batch_waits_for_every_batch_that_holds_one_of_its_objects() -> None:
    pages = [["a", POISON, "b", "c"], ["d", "a", "e", "f"], ["d", "g"], ["e", "h", "c", "f"]]

    # With the poison "a" waits; "d" waits with "a" and takes "g" along; "c" and "f" were with none.
    assert held_back_by_batches(pages, 2) == 1 + 2 + 2
    assert held_back_by_batches(pages, 1) == 0


def test_pages_are_the_same_for_the_same_seed_and_begin_with_the_poison() -> None:
    pages = make_pages(20, 100, 1000, seed=7)

    assert pages == make_pages(20, 100, 1000, seed=7) != make_pages(20, 100, 1000, seed=8)
    assert POISON in pages[0]
    assert all(len(set(page)) == 100 for page in pages)
    assert len({name for page in pages for name in page}) > 800
