"""Pitfalls of trouble: crashes, saved configurations, stalls, error bodies, tokens, poison."""

from __future__ import annotations

from bench.pitfalls.catalogue import pitfall
from bench.pitfalls.scene import Scene

TOKEN_GRACE_SECONDS = 60
POISON = ("nul", "lone_surrogate", "nan", "huge_integer", "no_date", "not_an_object")


@pitfall(17, "a crash between telling and saving", apart=True)
async def crash_while_telling(scene: Scene) -> None:
    """The process is killed when the callback has got a change, before and after it answers."""
    await scene.watch()
    for when in ("before_answer", "after_answer"):
        pid = scene.contender.pid(scene.task)
        scene.receiver.patch({"kill": {"pid": pid, "when": when, "times": 1}})
        scene.edit_many(3)
        await scene.contender.revive(scene.task)
        await scene.told()


@pitfall(18, "a saved configuration resets the mark")
async def saved_configuration(scene: Scene) -> None:
    """Somebody saves the configuration while a change has not been read yet."""
    await scene.watch()
    scene.switch(status={"status": 503, "object": ["abentry"]})
    scene.edit(1)
    await scene.until_our_clock_is_past_it()
    await scene.contender.reconfigure(scene.task)
    scene.switch(status=None)
    scene.later(5)
    scene.edit(2)
    await scene.told()


@pitfall(
    19,
    "two pollers for one resource",
    apart=True,
    note="a second process on the same folder; daemons that share a database hold leases",
)
async def two_pollers(scene: Scene) -> None:
    """A second process is started on the same state."""
    await scene.watch()
    await scene.polls(2)
    await scene.contender.double(scene.task)
    for number in (1, 2, 3):
        scene.edit(number)
        await scene.told()
        scene.later(5)
    await scene.polls(6)


@pitfall(20, "a poll that hangs")
async def hung_poll(scene: Scene) -> None:
    """An answer never comes."""
    await scene.watch()
    scene.switch(hold={"times": 1})
    await scene.until(lambda: scene.service.gate.held > 0, "a read to be held")
    scene.edit(1)
    await scene.told()


@pitfall(26, "errors in answers of status 200")
async def error_bodies(scene: Scene) -> None:
    """For a while answers have status 200 and an error in the body."""
    await scene.watch()
    await _go_through_errors(scene)


@pitfall(26, "errors taken for an empty list", deletes=True, page_size=100)
async def error_bodies_for_a_list(scene: Scene) -> None:
    """The same where deletions are looked for."""
    await scene.watch()
    await scene.polls(20)
    await _go_through_errors(scene)


async def _go_through_errors(scene: Scene) -> None:
    scene.edit(1)
    scene.switch(error_answer={"object": ["abentry"]})
    await scene.complains()
    await scene.polls(3)
    scene.switch(error_answer=None)
    scene.later(5)
    scene.edit(2)
    await scene.told()


@pitfall(27, "refusals that rotate the token", apart=True)
async def refused_scope(scene: Scene) -> None:
    """A good token is refused once; later reading is forbidden for a while. One renewal is due."""
    await scene.watch()
    await scene.polls(2)
    before = _renewals(scene)
    scene.switch(bad_token={"form": "http_401", "times": 1})
    scene.edit(1)
    await scene.told()
    scene.later(5)
    scene.switch(status={"status": 403, "times": 3, "object": ["abentry"]})
    scene.edit(2)
    await scene.told()
    renewals = _renewals(scene) - before
    if renewals != 1:
        scene.findings.add("wrong", f"tokens were renewed {renewals} times instead of once")


@pitfall(
    28,
    "a refresh cut off by a crash",
    apart=True,
    profile={"refresh_reuse_grace_seconds": TOKEN_GRACE_SECONDS},
    note="within the provider's grace; without one, consent is asked for",
)
async def cut_off_refresh(scene: Scene) -> None:
    """The process dies when its refresh token was used, and the new one has not come."""
    await scene.watch()
    await scene.polls(1)
    pid = scene.contender.pid(scene.task)
    kill = {"pid": pid, "call": ["token.refresh"], "when": "before_answer", "times": 1}
    scene.switch(kill=kill)
    scene.service.sessions.revoke(permanent=False)
    await scene.contender.revive(scene.task)
    scene.edit(1)
    await scene.told()


@pitfall(29, "credentials that are dead", apart=True)
async def dead_credentials(scene: Scene) -> None:
    """All tokens are withdrawn; what changes until there are new ones is told then."""
    await scene.watch()
    await scene.polls(1)
    scene.service.sessions.revoke(permanent=False)
    scene.service.grants.revoke()
    scene.edit(1)
    await scene.complains()
    code = scene.service.grants.give_code(scene.task.redirect_uri, "demo")
    await scene.contender.consent(scene.task, code)
    scene.later(5)
    scene.edit(2)
    await scene.told()


@pitfall(30, "poison records")
async def poison_records(scene: Scene) -> None:
    """A record that cannot be carried whole stays among others that can."""
    await scene.watch()
    for number, what in enumerate(POISON, start=2):
        scene.switch(poison={"what": what, "record": "contacts/1", "field": "FirstName"})
        scene.edit(1)
        scene.edit(number)
        scene.later(5)
        await scene.polls(3)
    scene.switch(poison={"what": "duplicate", "record": "contacts/1"})
    scene.edit(1)
    await scene.told()


def _renewals(scene: Scene) -> int:
    return sum("token.refresh" in each["call"] for each in scene.service.journal.after(0))
