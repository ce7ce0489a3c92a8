"""The service: all the parts of one stand-in, held together."""

from dataclasses import dataclass, field
from datetime import timedelta

from daemon.sandbox.clock import Clock
from daemon.sandbox.editor import Editor
from daemon.sandbox.faults import FAULTS
from daemon.sandbox.gate import Gate
from daemon.sandbox.grants import Client, Grants
from daemon.sandbox.journal import Journal
from daemon.sandbox.profile import Profile
from daemon.sandbox.rate_window import RateWindows
from daemon.sandbox.seed import Seeds
from daemon.sandbox.sessions import Sessions, personal_access_token
from daemon.sandbox.store import Store
from daemon.sandbox.switchboard import Switchboard


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One Maximizer: its records, its users' sessions, its moods."""

    clock: Clock
    switches: Switchboard[Profile]
    store: Store
    editor: Editor
    sessions: Sessions
    grants: Grants
    rates: RateWindows
    journal: Journal
    gate: Gate
    aliases: tuple[str, ...]
    personal_access_token: str

    @property
    def home(self) -> str:
        """The tenant of addresses that name none, and of the personal access token."""
        return _home(self.aliases)

    def has_tenant(self, alias: str) -> bool:
        """Whether there is such a tenant; without a list, every name is one."""
        return not self.aliases or alias.lower() in (each.lower() for each in self.aliases)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a stand-in is started with; `seed` None leaves it without records."""

    seed: int | None = 1
    client: Client = field(
        default_factory=lambda: Client(id="sandbox-client", secret="sandbox-secret")  # noqa: S106  # the demo's own
    )
    aliases: tuple[str, ...] = ()
    personal_access_token: str | None = None
    faults: dict[str, object] = field(default_factory=dict)


def make_service(options: Options, clock: Clock) -> Service:
    """A service with its records; the same seed and clock give the same ones."""
    switches = Switchboard(FAULTS, Profile())
    store = Store()
    sessions = Sessions(switches, clock)
    token = options.personal_access_token or personal_access_token(
        "MASTER", clock.now() + timedelta(days=365)
    )
    sessions.open(_home(options.aliases), token)
    service = Service(
        clock=clock,
        switches=switches,
        store=store,
        editor=Editor(store, switches, clock),
        sessions=sessions,
        grants=Grants(options.client, sessions, switches, clock),
        rates=RateWindows(),
        journal=Journal(),
        gate=Gate(),
        aliases=options.aliases,
        personal_access_token=token,
    )
    if options.seed is not None:
        earlier = Clock(frozen_at=clock.now() - timedelta(hours=1))
        Seeds(Editor(store, switches, earlier), clock.now(), options.seed).plant()
    switches.put(options.faults)
    return service


def _home(aliases: tuple[str, ...]) -> str:
    return aliases[0] if aliases else "demo"
