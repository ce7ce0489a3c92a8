"""The demo's tour: an account connected, records edited, notifications printed as they come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson

from daemon.errors import PollhookError
from daemon.outbound import Answer, Outbound

OAUTH_CALLBACK = "http://127.0.0.1/oauth/callback"
SIGNATURE_KEY = "demo-signature-key"
INTERVAL_MINUTES = "0.02"
EXPECTED = ("CREATED", "UPDATED", "DELETED")
SWEEP_MINUTES = 0.05
PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 2


@dataclass(slots=True, kw_only=True)
class Tour:
    """Goes the way of a customer: consent, instance, edits; and looks at the callback meanwhile."""

    outbound: Outbound = field(repr=False)
    api_url: str
    crm_url: str
    receiver_url: str
    authorization: str = field(repr=False)
    edited_at: dict[str, float] = field(default_factory=dict)
    seen: int = 0
    created: str | None = None

    async def connect(self) -> None:
        """The real way in: the consent page's redirect, the grant code, `POST /instances`."""
        query = urlencode(
            {
                "apiKey": "sandbox-client",
                "apiSecret": "sandbox-secret",
                "callbackUrl": OAUTH_CALLBACK,
                "maximizer.alias": "Demo",
            }
        )
        asked = await self._json("GET", f"{self.api_url}/elements/maximizer/oauth/url?{query}")
        consent = await self._ask("GET", f"{asked['oauthUrl']}&auto=allow")
        code = parse_qs(urlsplit(consent.headers["Location"]).query)["code"][0]
        instance = await self._json("POST", f"{self.api_url}/instances", self._instance(code))
        secrets = {"secrets": [instance["webhookSecret"]], "signature_key": SIGNATURE_KEY}
        await self._json("PATCH", f"{self.receiver_url}/_receiver/config", secrets)
        print(
            f"instance {instance['id']} ({instance['name']}) is {instance['state']}, watching "
            "contacts, companies, addressbook-entries and opportunities\n"
        )

    def _instance(self, code: str) -> Mapping[str, Any]:
        pattern = "yyyy-MM-dd'T'HH:mm:ssXXX"
        dates = {"updatedDateField": "LastModifyDate", "updatedDateFormat": pattern}
        polled = {
            name: {
                "url": f"/hubs/crm/{name}?where=LastModifyDate>'${{date:{pattern}}}'",
                "idField": "Key",
                "datesConfiguration": dates,
            }
            for name in ("contacts", "companies")
        }
        polled["contacts"]["deletes"] = {"mode": "sweep", "intervalMinutes": SWEEP_MINUTES}
        return {
            "element": {"key": "maximizer"},
            "providerData": {"code": code},
            "configuration": {
                "oauth.callback.url": OAUTH_CALLBACK,
                "oauth.api.key": "sandbox-client",
                "oauth.api.secret": "sandbox-secret",
                "maximizer.alias": "Demo",
                "event.notification.enabled": True,
                "event.notification.callback.url": f"{self.receiver_url}/callback",
                "event.notification.signature.key": SIGNATURE_KEY,
                "event.poller.refresh_interval": INTERVAL_MINUTES,
                "event.poller.configuration": {
                    **polled,
                    "addressbook-entries": {},
                    "opportunities": {},
                },
            },
            "tags": ["demo"],
            "name": "Maximizer demo",
        }

    async def watch_once(self) -> int:
        """Edit, and wait for one verified notification of each kind; answers the exit status."""
        missing = set(EXPECTED)
        await self.edit()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while missing:
                    for arrival in await self._arrivals():
                        if arrival["problems"]:
                            print(f"not verified: {'; '.join(arrival['problems'])}")
                            return 1
                        missing -= {event["eventType"] for event in _events(arrival)}
                    if "CREATED" not in missing:
                        await self.delete()
        except TimeoutError:
            print(f"nothing came for {', '.join(sorted(missing))} in {PATIENCE_SECONDS:g} seconds")
            return 1
        print(f"\n{', '.join(EXPECTED)} arrived, both signatures verified.")
        return 0

    async def watch(self, stop: asyncio.Event) -> int:
        """Edit a little, then print whatever comes until told to stop."""
        await self.edit()
        record = await self._some_contact()
        print("Edit a record yourself, in another terminal:\n")
        print(
            f"  curl -X PATCH {self.crm_url}/_sandbox/records/contacts/{record['id']} "
            '-d \'{"Position": "Chief Scientist"}\'\n'
        )
        print("Ctrl-C ends the demo.\n")
        waiting = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                looking = asyncio.create_task(self._arrivals())
                await asyncio.wait({looking, waiting}, return_when=asyncio.FIRST_COMPLETED)
                if not looking.done():
                    looking.cancel()
                elif looking.result():
                    await self.delete()
        finally:
            waiting.cancel()
        return 0

    async def edit(self) -> None:
        """One contact made and another one changed, in the sandbox."""
        existing = await self._some_contact()
        created = await self._sandbox("POST", "contacts", {"FirstName": "Ada", "LastName": "Byron"})
        changed = await self._sandbox(
            "PATCH", f"contacts/{existing['id']}", {"Position": "Head of Research"}
        )
        self.created = created["id"]
        print(f"In the CRM: contact {created['id']} was created, contact {changed['id']} edited.\n")

    async def delete(self) -> None:
        """The contact that was made is deleted, once."""
        if self.created is not None:
            await self._sandbox("DELETE", f"contacts/{self.created}", {})
            print(f"\nIn the CRM: contact {self.created} was deleted.\n")
            self.created = None

    async def _some_contact(self) -> Mapping[str, Any]:
        listed = await self._sandbox("GET", "contacts?limit=1", None)
        record: Mapping[str, Any] = listed["records"][0]
        return record

    async def _sandbox(
        self, method: str, path: str, content: Mapping[str, Any] | None
    ) -> Mapping[str, Any]:
        answer = await self._json(method, f"{self.crm_url}/_sandbox/records/{path}", content)
        if content is not None:
            self.edited_at[answer["key"]] = time.time()
        return answer

    async def _arrivals(self) -> list[Mapping[str, Any]]:
        """What has come since the last look, each event printed in a line."""
        query = urlencode({"after": self.seen, "wait_seconds": LOOK_SECONDS})
        answer = await self._json("GET", f"{self.receiver_url}/_receiver/notifications?{query}")
        arrivals: list[Mapping[str, Any]] = answer["notifications"]
        for arrival in arrivals:
            self.seen = arrival["number"]
            for line in self._lines(arrival):
                print(line, flush=True)
        return arrivals

    def _lines(self, arrival: Mapping[str, Any]) -> Iterator[str]:
        at = datetime.fromisoformat(arrival["at"])
        verdict = "not verified" if arrival["problems"] else "verified"
        for event in _events(arrival):
            edited_at = self.edited_at.get(event["objectId"], 0.0)
            stamped_at = datetime.fromisoformat(event["date"]).timestamp()
            deleted = event["eventType"] == "DELETED"  # its date is when it was found gone
            since = at.timestamp() - (edited_at if deleted else max(edited_at, stamped_at))
            changed = ", ".join(event.get("changed") or ()) or "-"
            yield (
                f"{event['eventType']:8} {event['objectType']:20} #{event['sequence']:<4} "
                f"{event['objectId']}  changed: {changed}  "
                f"{since:.1f} s after the edit, {verdict}"
            )

    async def _json(
        self, method: str, url: str, content: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        answer = await self._ask(method, url, content)
        if answer.status >= 300:
            text = answer.body.decode(errors="replace")
            raise PollhookError(f"{method} {urlsplit(url).path} answered {answer.status}: {text}")
        decoded: Mapping[str, Any] = orjson.loads(answer.body)
        return decoded

    async def _ask(self, method: str, url: str, content: Mapping[str, Any] | None = None) -> Answer:
        own = {"Authorization": self.authorization} if url.startswith(self.api_url) else {}
        return await self.outbound.request(
            method,
            url,
            headers={**own, "Content-Type": "application/json"},
            data=None if content is None else orjson.dumps(content),
            deadline_seconds=PATIENCE_SECONDS,
            max_bytes=16_777_216,
            guard=False,
        )


def _events(arrival: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What a notification tells; a person's test of the callback tells nothing."""
    message = orjson.loads(arrival["body"]).get("message")
    return list(message.get("events", ())) if isinstance(message, dict) else []
