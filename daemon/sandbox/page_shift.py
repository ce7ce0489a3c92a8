"""Page shift: records that change right after a page with them has been read."""

import random

from daemon.sandbox.editor import Editor
from daemon.sandbox.edits import copied_values, marker_field
from daemon.sandbox.faults import PageShift
from daemon.sandbox.objects import ObjectType
from daemon.sandbox.ordering import Seen
from daemon.sandbox.records import Record
from daemon.sandbox.store import Store


class Shifter:
    """Makes the edits of page shifts, each time a little differently but always the same."""

    def __init__(self, store: Store, editor: Editor) -> None:
        self._store = store
        self._editor = editor

    def shift(self, fault: PageShift, object_type: ObjectType, page: list[Seen]) -> None:
        """Edits, creates or deletes as many records as the fault says."""
        pick = random.Random(fault.seed + self._store.changes)
        candidates = self._candidates(fault, object_type, page)
        for record in pick.sample(candidates, min(fault.count, len(candidates))):
            match fault.action:
                case "edit":
                    marker = f"shift {self._store.changes}"
                    self._editor.edit(record, {marker_field(object_type): marker})
                case "delete":
                    self._editor.delete(record)
                case "create":
                    self._editor.create(object_type, copied_values(record))

    def _candidates(
        self, fault: PageShift, object_type: ObjectType, page: list[Seen]
    ) -> list[Record]:
        served = {record.sequence for record, _ in page}
        everything = self._store.records(object_type.name)
        living = [each for each in everything if not each.latest.deleted]
        match fault.whom:
            case "served":
                return [each for each in living if each.sequence in served]
            case "unserved":
                return [each for each in living if each.sequence not in served]
            case "any":
                return living
