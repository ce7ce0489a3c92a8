import pytest

from daemon.sandbox.clock import Clock
from daemon.sandbox.edits import Batch, Edits
from daemon.sandbox.service import Options, make_service
from tests.sandbox.conftest import NOON


def changes(seed: int) -> list[tuple[str, int, bool]]:
    service = make_service(Options(seed=1), Clock(frozen_at=NOON))
    made = Edits(service.store, service.editor).make(Batch(count=50, seed=seed))
    return [(record.name, version.number, version.deleted) for record, version in made]


def test_the_same_seed_makes_the_same_edits() -> None:
    assert changes(1) == changes(1)
    assert changes(1) != changes(2)


@pytest.mark.parametrize("seed", range(5))
def test_batches_never_run_out_of_records(seed: int) -> None:
    service = make_service(Options(seed=1), Clock(frozen_at=NOON))
    batch = Batch(count=300, seed=seed, create=0, delete=1, resources=("leads", "companies"))
    made = Edits(service.store, service.editor).make(batch)
    assert sum(version.deleted for _, version in made) == 24


def test_a_batch_brings_back_what_was_deleted() -> None:
    service = make_service(Options(seed=1), Clock(frozen_at=NOON))
    edits = Edits(service.store, service.editor)
    edits.make(Batch(count=5, create=0, delete=1, resources=("leads",)))
    made = edits.make(Batch(count=3, create=0, delete=0, restore=1, resources=("leads",)))
    assert [record.versions[-2].deleted for record, _ in made] == [True] * 3
    assert len(edits.living("leads")) == 23
