import asyncio
import base64
import hashlib
import hmac
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError
from aiohttp.test_utils import TestClient, TestServer

from daemon.sandbox import receiver as receiver_app
from tests.sandbox.clients import ready


def notification(
    sequence: int, object_id: str = "k1", kind: str = "UPDATED", event_id: str | None = None
) -> dict[str, Any]:
    event = {
        "objectType": "contacts",
        "objectId": object_id,
        "eventType": kind,
        "eventId": event_id or f"e{sequence}",
        "sequence": sequence,
        "date": "2026-06-01T12:00:00Z",
    }
    raw = {"contacts": [{"Key": object_id, "Department": f"v{sequence}"}]}
    return {"message": {"instanceId": 7, "events": [event], "raw": raw}}


async def send(
    http: Any, sequence: int, webhook_id: str | None = None, path: str = "/callback", **more: Any
) -> int:
    headers = {"webhook-id": webhook_id or f"w{sequence}"}
    body = notification(sequence, **more)
    return (await http.post(path, json=body, headers=headers)).status


async def get(http: Any, path: str) -> Any:
    return await (await http.get(f"/_receiver/{path}")).json()


async def test_what_is_received_is_reported(receiver: TestClient) -> None:
    assert await send(receiver, 1, kind="CREATED") == 200
    assert await send(receiver, 4) == 200
    assert await send(receiver, 3, object_id="k2", kind="DELETED") == 200
    assert await send(receiver, 4) == 200
    report = await get(receiver, "report")
    assert report == {
        "accepted": 4,
        "notifications": 3,
        "refused": 0,
        "repeats": 1,
        "verified": 0,
        "unverified": 0,
        "unchecked": 4,
        "unreadable": 0,
        "events": 3,
        "problems": {},
        "eventTypes": {"CREATED": 1, "UPDATED": 1, "DELETED": 1},
        "objects": 2,
        "disordered": [],
        "streams": [
            {
                "instance": "7",
                "objectType": "contacts",
                "count": 3,
                "last": 4,
                "gaps": [[2, 2]],
                "repeats": 0,
                "conflicts": [],
            }
        ],
    }


async def test_objects_keep_the_first_arrival_of_each_of_their_events(receiver: TestClient) -> None:
    await send(receiver, 1)
    await send(receiver, 2)
    await send(receiver, 1, webhook_id="split")
    await send(receiver, 9, object_id="k2")
    objects = (await get(receiver, "objects?instance=7&objectType=contacts"))["objects"]
    first = objects[0]
    assert [arrival["eventId"] for arrival in first["arrivals"]] == ["e1", "e2"]
    assert [arrival["record"]["Department"] for arrival in first["arrivals"]] == ["v1", "v2"]
    assert [arrival["webhookId"] for arrival in first["arrivals"]] == ["w1", "w2"]
    assert (first["repeats"], first["disordered"], len(objects)) == (1, False, 2)
    assert (await get(receiver, "report"))["streams"][0]["repeats"] == 1
    assert (await get(receiver, "objects?instance=8"))["objects"] == []
    narrowed = (await get(receiver, "objects?fields=Department"))["objects"][0]
    assert [arrival["record"] for arrival in narrowed["arrivals"]] == [
        {"Department": "v1"},
        {"Department": "v2"},
    ]


async def test_an_object_whose_events_come_out_of_order_is_told(receiver: TestClient) -> None:
    await send(receiver, 2)
    await send(receiver, 1)
    assert (await get(receiver, "report"))["disordered"] == [
        {"instance": "7", "objectType": "contacts", "objectId": "k1"}
    ]


async def test_notifications_are_listed_after_a_number_and_waited_for(receiver: TestClient) -> None:
    await send(receiver, 1)
    await send(receiver, 1)
    (second,) = (await get(receiver, "notifications?after=1"))["notifications"]
    assert (second["number"], second["attempt"], second["webhookId"]) == (2, 2, "w1")
    assert (second["verified"], second["problems"]) == (None, [])
    assert json.loads(second["body"]) == notification(1)
    assert second["events"][0]["record"] == {"Key": "k1", "Department": "v1"}
    assert await get(receiver, "notifications?after=2") == {"notifications": []}
    async with asyncio.timeout(10):
        waiting = asyncio.create_task(get(receiver, "notifications?after=2&wait_seconds=9"))
        await send(receiver, 2)
        (third,) = (await waiting)["notifications"]
    assert third["number"] == 3


async def test_signatures_are_checked_once_keys_are_known(receiver: TestClient) -> None:
    await receiver.put("/_receiver/config", json={"signature_key": "sesame"})
    body = json.dumps(notification(1)).encode()
    digest = base64.b64encode(hmac.new(b"sesame", body, hashlib.sha256).digest()).decode()
    good = {"Elements-Webhook-Id": "w1", "Elements-Webhook-Signature": f"sha256={digest}"}
    assert (await receiver.post("/callback", data=body, headers=good)).status == 200
    assert await send(receiver, 2) == 200
    report = await get(receiver, "report")
    assert (report["verified"], report["unverified"]) == (1, 1)
    assert report["problems"] == {"Elements-Webhook-Signature is missing": 1}
    listed = (await get(receiver, "notifications"))["notifications"]
    assert [(each["webhookId"], each["verified"]) for each in listed] == [
        ("w1", True),
        ("w2", False),
    ]


async def test_a_wrong_secret_is_refused(receiver: TestClient) -> None:
    response = await receiver.put("/_receiver/config", json={"secrets": ["whsec_"]})
    assert response.status == 400


async def test_a_body_that_cannot_be_read_is_kept_and_counted(receiver: TestClient) -> None:
    await receiver.post("/callback", data=b"\xff{", headers={"webhook-id": "w1"})
    await receiver.post("/callback", json={"hello": 1}, headers={"webhook-id": "w2"})
    report = await get(receiver, "report")
    assert (report["accepted"], report["unreadable"], report["events"]) == (2, 2, 0)
    assert (await get(receiver, "notifications"))["notifications"][0]["events"] is None


async def test_one_payload_or_path_can_be_refused(receiver: TestClient) -> None:
    fault = {"status": 503, "contains": "k2", "path": "/callback", "retry_after": 9, "times": 2}
    await receiver.patch("/_receiver/faults", json={"refuse": fault})
    assert await send(receiver, 1) == 200
    assert await send(receiver, 2, object_id="k2", path="/other") == 200
    response = await receiver.post("/callback", json=notification(3, object_id="k2"))
    assert (response.status, response.headers["Retry-After"]) == (503, "9")
    assert await send(receiver, 3, object_id="k2") == 503
    assert await send(receiver, 3, object_id="k2") == 200
    report = await get(receiver, "report")
    assert (report["accepted"], report["refused"]) == (3, 2)


async def test_a_notification_can_be_kept_and_refused_all_the_same(receiver: TestClient) -> None:
    await receiver.patch("/_receiver/faults", json={"refuse": {"accepted": True, "times": 1}})
    assert [await send(receiver, 1), await send(receiver, 1)] == [500, 200]
    report = await get(receiver, "report")
    assert (report["accepted"], report["repeats"], report["refused"]) == (2, 1, 0)


async def test_a_callback_flaps(receiver: TestClient) -> None:
    await receiver.patch("/_receiver/faults", json={"flapping": {"up": 2, "down": 1}})
    statuses = [await send(receiver, number) for number in range(1, 7)]
    assert statuses == [200, 200, 503, 200, 200, 503]


async def test_the_connection_is_reset_before_anything_is_kept(receiver: TestClient) -> None:
    await receiver.patch("/_receiver/faults", json={"reset": {"times": 1}})
    with pytest.raises(ClientError):
        await send(receiver, 1)
    assert await send(receiver, 1) == 200
    report = await get(receiver, "report")
    assert (report["accepted"], report["repeats"], report["refused"]) == (1, 0, 1)


async def test_an_answer_is_held_after_the_notification_is_kept(receiver: TestClient) -> None:
    await receiver.patch("/_receiver/faults", json={"hold": {"times": 1}})
    async with asyncio.timeout(10):
        sending = asyncio.create_task(send(receiver, 1))
        assert await get(receiver, "held?at_least=1") == {"held": 1}
        assert (await get(receiver, "report"))["accepted"] == 1
        await receiver.post("/_receiver/release")
        assert await sending == 200


async def test_an_answer_is_delayed(receiver: TestClient) -> None:
    await receiver.patch("/_receiver/faults", json={"delay": {"seconds": 0.05}})
    loop = asyncio.get_running_loop()
    began = loop.time()
    await send(receiver, 1)
    assert loop.time() - began >= 0.05


@pytest.mark.parametrize("when", ["before_answer", "after_answer"])
async def test_another_process_is_killed_around_the_answer(receiver: TestClient, when: str) -> None:
    victim = await asyncio.create_subprocess_exec(
        *(sys.executable, "-S", "-c", "input()"), stdin=asyncio.subprocess.PIPE
    )
    kill = {"when": when, "contains": "e2", "times": 1}
    await receiver.patch("/_receiver/faults", json={"target_pid": victim.pid, "kill": kill})
    async with asyncio.timeout(10):
        await send(receiver, 1)
        assert victim.returncode is None
        assert await send(receiver, 2) == 200
        assert await victim.wait() == -9
        await victim.communicate()
    assert (await get(receiver, "report"))["accepted"] == 2


async def test_a_log_brings_back_what_was_known_and_loses_only_a_torn_line(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    async with TestClient(TestServer(receiver_app.create_app(log=log))) as http:
        await send(http, 1)
        await send(http, 2)
        before = await get(http, "report")
    whole = log.read_text()
    log.write_text(whole + '{"number": 3, "at": "20')
    async with TestClient(TestServer(receiver_app.create_app(log=log))) as http:
        assert await get(http, "report") == before
        await send(http, 2)
        report = await get(http, "report")
    assert (report["accepted"], report["repeats"]) == (3, 1)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line["number"], line["attempt"]) for line in lines] == [(1, 1), (2, 1), (3, 2)]


@pytest.mark.parametrize(
    ("when", "kept"), [("before_keeping", 1), ("before_answer", 2), ("after_answer", 2)]
)
async def test_a_crash_keeps_in_the_log_what_was_accepted(
    tmp_path: Path, when: str, kept: int
) -> None:
    log = tmp_path / "log.jsonl"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "daemon.sandbox", "receiver", "--log", str(log)),
        stdout=asyncio.subprocess.PIPE,
    )
    url = (await ready(process))["url"]
    async with TestClient(TestServer(receiver_app.create_app())) as http, asyncio.timeout(20):
        session = http.session
        crash = {"crash": {"when": when, "skip": 1}}
        async with session.patch(f"{url}/_receiver/faults", json=crash) as response:
            assert response.status == 200
        body, headers = notification(1), {"webhook-id": "w1"}
        async with session.post(f"{url}/callback", json=body, headers=headers) as response:
            assert response.status == 200
        body, headers = notification(2), {"webhook-id": "w2"}
        sending = session.post(f"{url}/callback", json=body, headers=headers)
        if when == "after_answer":
            async with sending as response:
                assert response.status == 200
        else:
            with pytest.raises(ClientError):
                await sending
        assert await process.wait() == -9
    assert len(log.read_text().splitlines()) == kept
