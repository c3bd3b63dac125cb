"""A child that is started through this script dies with its parent, and never runs as root where a program refuses to.

It is run as a script by a bare interpreter (`python -I -S leash.py`, 10 ms) and replaces itself by the program, so the
child keeps its process id. A script rather than a `preexec_fn`: code between fork and exec of a process that has
threads can wait for ever on a lock that one of them held. Its imports stay few, because every start pays for them, and
pathlib is not among them.
"""

import ctypes
import os
import pwd
import sys

SELF = "self"
MAPPED = "mapped"
NOBODY_ID = 65534
NO_NAMESPACE_STATUS = 71  # EX_OSERR: this kernel or container gives us no user namespace
UNREACHABLE_STATUS = 72  # EX_OSFILE: the other user cannot reach the program or its folder

_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000


def command(argv: tuple[str, ...], orphan_signal: int, identity: str) -> tuple[str, ...]:
    """Return the command line that runs `argv` on a leash held by this process.

    `orphan_signal` is what the child gets when we die; `identity` is SELF, MAPPED, or a user id in decimals.
    """
    script = os.path.abspath(__file__)  # noqa: PTH100
    return (sys.executable, "-I", "-S", script, str(os.getpid()), str(int(orphan_signal)), identity, *argv)


def _become_mapped() -> None:
    """Seem to be `nobody` from inside a new user namespace, while files still belong to us outside of it."""
    user_id, group_id = os.geteuid(), os.getegid()
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWUSER) != 0:
        _refuse_namespace()
    maps = (
        ("setgroups", "deny"),
        ("gid_map", f"{NOBODY_ID} {group_id} 1"),
        ("uid_map", f"{NOBODY_ID} {user_id} 1"),
    )
    for name, text in maps:
        try:
            with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123
                file.write(text)
        except OSError:
            _refuse_namespace()


def _refuse_namespace() -> None:
    """End with a status of its own, and with words for whoever reads the log."""
    sys.stderr.write(f"no user namespace here, and not for root to run: chown -R nobody {os.getcwd()}\n")  # noqa: PTH109
    sys.exit(NO_NAMESPACE_STATUS)


def _become_user(user_id: int) -> None:
    """Give up root for good in favour of another user."""
    try:
        group_id = pwd.getpwuid(user_id).pw_gid
    except KeyError:
        group_id = user_id
    os.setgroups([])
    os.setgid(group_id)
    os.setuid(user_id)


def _hold(parent_id: int, orphan_signal: int) -> None:
    """Ask the kernel for `orphan_signal` at the parent's death; elsewhere than on Linux there is nothing to ask."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, orphan_signal, 0, 0, 0)
    if os.getppid() != parent_id:  # it died before we asked
        sys.exit(1)


def main() -> None:
    """Take the identity, then the leash (a change of user would drop it), then become the program."""
    parent_id, orphan_signal, identity, *argv = sys.argv[1:]
    if identity == MAPPED:
        _become_mapped()
    elif identity != SELF:
        _become_user(int(identity))
    _hold(int(parent_id), int(orphan_signal))
    try:
        os.chdir(os.getcwd())  # noqa: PTH109  says now, and by name, that the new user may not come this far
        os.execv(argv[0], argv)  # noqa: S606
    except PermissionError as error:
        sys.stderr.write(f"user {os.geteuid()} cannot reach {error.filename}: {error.strerror}\n")
        sys.exit(UNREACHABLE_STATUS)


if __name__ == "__main__":
    main()
