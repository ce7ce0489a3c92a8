from __future__ import annotations

from datetime import UTC, datetime, timedelta

from daemon.store.webhook_secrets import MOST_RETIRING, WebhookSecrets, secrets_from_json

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TOMORROW = NOW + timedelta(days=1)


def test_what_is_stored_is_what_was_in_force() -> None:
    rotated = WebhookSecrets(current="one").rotated("two", NOW, TOMORROW)

    assert secrets_from_json(rotated.as_json()) == rotated
    assert (rotated.current, list(rotated.retiring)) == ("two", [("one", TOMORROW)])
    assert secrets_from_json(["one"]) == WebhookSecrets(current="one")


def test_a_second_rotation_keeps_what_still_signs_and_drops_what_is_over() -> None:
    once = WebhookSecrets(current="one").rotated("two", NOW, TOMORROW)

    soon = once.rotated("three", NOW + timedelta(hours=1), TOMORROW + timedelta(hours=1))
    late = once.rotated("three", TOMORROW, TOMORROW + timedelta(days=1))

    assert [secret for secret, _ in soon.retiring] == ["two", "one"]
    assert dict(soon.retiring)["one"] == TOMORROW
    assert [secret for secret, _ in late.retiring] == ["two"]


def test_without_an_overlap_the_old_one_ends_at_once() -> None:
    assert list(WebhookSecrets(current="one").rotated("two", NOW, NOW).retiring) == []


def test_only_so_many_sign_along() -> None:
    secrets = WebhookSecrets(current="0")
    for number in range(1, 12):
        secrets = secrets.rotated(str(number), NOW, TOMORROW)

    assert len(secrets.retiring) == MOST_RETIRING
