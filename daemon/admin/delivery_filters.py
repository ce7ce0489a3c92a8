"""The `where` of deliveries: CEQL read into what the store looks for."""

from __future__ import annotations

from collections.abc import Iterator

from daemon.admin.delivery_views import DeliveryStatus, states_of
from daemon.admin.messages import refuse
from daemon.connectors.ceql import (
    CeqlError,
    Comparison,
    Expression,
    In,
    Leaf,
    Operator,
    Or,
    leaves,
    parse,
)
from daemon.instance import InstanceId, NotificationState
from daemon.store.delivery_lists import DeliveryFilter

WHERE = "where"
FIELDS = ("channel", "status", "state", "config.url", "subscriptionId")
_VISIBLE = tuple(state for state in NotificationState if state is not NotificationState.CANCELLED)


def read_where(text: str) -> DeliveryFilter:
    """Which deliveries a `where` means; an empty one means all. Raises InvalidInput."""
    given = dict[str, set[str]]()
    for leaf in _conditions(text):
        name, texts = _read_leaf(leaf)
        given[name] = given[name] & texts if name in given else texts
    statuses = given.get("status")
    states = set(_VISIBLE) & {_state(each) for each in given.get("state", set(_VISIBLE))}
    if "webhook" not in given.get("channel", {"webhook"}):
        states = set()
    return DeliveryFilter(
        states=sorted(states & _states(statuses, held=False)),
        held_states=sorted(states & _states(statuses, held=True)),
        instance_ids=_instance_ids(given.get("subscriptionId")),
        urls=given.get("config.url"),
    )


def _conditions(text: str) -> Iterator[Leaf]:
    if not text.strip():
        return
    try:
        expression: Expression = parse(text)
    except CeqlError as error:
        raise refuse(WHERE, str(error)) from error
    if _has_or(expression):
        raise refuse(WHERE, "may join its conditions by AND only; several values go into IN (...)")
    yield from leaves(expression)


def _has_or(expression: Expression) -> bool:
    if isinstance(expression, Or):
        return True
    return any(_has_or(inner) for inner in getattr(expression, "conditions", ()))


def _read_leaf(leaf: Leaf) -> tuple[str, set[str]]:
    if leaf.field not in FIELDS:
        raise refuse(WHERE, f"has no field {leaf.field[:60]}; there are {', '.join(FIELDS)}")
    if isinstance(leaf, Comparison) and leaf.operator is Operator.EQUAL:
        return leaf.field, {str(leaf.value)}
    if isinstance(leaf, In):
        return leaf.field, {str(value) for value in leaf.values}
    raise refuse(WHERE, f"can compare {leaf.field} by = and IN only")


def _states(statuses: set[str] | None, *, held: bool) -> set[NotificationState]:
    if statuses is None:
        return set(_VISIBLE)
    known = {status.value: status for status in DeliveryStatus}
    if unknown := sorted(statuses - known.keys()):
        raise refuse(WHERE, f"status {unknown[0][:60]} is none of {', '.join(known)}")
    return set(states_of([known[text] for text in statuses], held=held))


def _state(text: str) -> NotificationState:
    try:
        return NotificationState(text)
    except ValueError as error:
        raise refuse(
            WHERE, f"state {text[:60]} is none of {', '.join(NotificationState)}"
        ) from error


def _instance_ids(texts: set[str] | None) -> list[InstanceId] | None:
    if texts is None:
        return None
    if not all(text.isascii() and text.isdigit() and len(text) <= 18 for text in texts):
        raise refuse(WHERE, "compares subscriptionId with something that is no id")
    return [InstanceId(int(text)) for text in sorted(texts)]
