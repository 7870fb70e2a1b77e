"""Become a command that ends with the process that started it, as another user if asked.

Run as a script by `andon.embedded.children.spawn`: `python -I -S tether.py PARENT SIGNAL ACCOUNT COMMAND...`. PARENT is
the pid of the process that starts it, SIGNAL is the one the command gets when PARENT is gone (Linux only:
elsewhere the next start ends what was left), ACCOUNT is `-` or `uid:gid:reach`. With `reach` = 1 the command
keeps the right to pass folders that are closed to its user: a checkout under /root is closed to everybody else.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
CAPABILITY_VERSION_3 = 0x20080522


def main(arguments: list[str]) -> None:
    """Drop to the account, tie the life to the parent's, become the command."""
    parent, signal_number, account, *command = arguments
    if account != "-":
        uid, gid, reach = map(int, account.split(":"))
        drop_to(uid, gid, reach=bool(reach))
    # After the change of user, which clears it.
    end_with_parent(int(parent), int(signal_number))
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # one that comes before the command listens to it does no harm
    os.execv(command[0], command)


def drop_to(uid: int, gid: int, *, reach: bool) -> None:
    """Give up root for good."""
    os.setgroups([])
    os.setgid(gid)
    if reach:
        libc().prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setuid(uid)
    if reach:
        keep_reach()


def keep_reach() -> None:
    """Hand the rights to open and pass any folder through the exec, and no others."""
    rights = (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    held = (ctypes.c_uint32 * 6)()
    libc().capget(header, held)
    wanted = held[1] & sum(1 << right for right in rights)
    libc().capset(header, (ctypes.c_uint32 * 6)(wanted, wanted, wanted, 0, 0, 0))
    for right in rights:
        if wanted & (1 << right):
            libc().prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, right, 0, 0)


def end_with_parent(parent: int, signal_number: int) -> None:
    """Ask the kernel for the signal; a parent that has gone already can't be asked about any more."""
    if sys.platform == "linux":
        libc().prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
        if os.getppid() != parent:
            raise SystemExit(f"the process {parent} that started this has ended")


def libc() -> ctypes.CDLL:
    """The C library this interpreter runs on."""
    return ctypes.CDLL(None, use_errno=True)


if __name__ == "__main__":
    main(sys.argv[1:])
