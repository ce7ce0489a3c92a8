"""A small program that becomes PostgreSQL: it leaves root, ties its life to the daemon's and execs.

`python postgres_launcher.py PARENT UID GID COMMAND...`; UID and GID are `-` to stay who one is. A
program of its own, because code between fork and exec is not safe in a process with threads.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: str, uid: str, gid: str, *command: str) -> None:
    """Replace this process by `command`; exits with a sentence on stderr if that fails."""
    if uid != "-":
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    if sys.platform == "linux":
        _end_with(int(parent))
    for ignored_by_python in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored_by_python, signal.SIG_DFL)
    try:
        os.execv(command[0], command)
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


def _end_with(parent: int) -> None:
    """Have the kernel send SIGINT, a fast shutdown, when the daemon dies, however it dies."""
    # Only now: a change of user clears it.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
    if os.getppid() != parent:
        sys.exit("The daemon ended before its PostgreSQL began.")


if __name__ == "__main__":
    main(*sys.argv[1:])
