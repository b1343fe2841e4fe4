#!/usr/bin/env python3
"""Runs a program as a careful cluster runs a container, as far as that goes without a container runtime.

    unshare --mount --propagation private container.py ROOT PROGRAM ARGUMENTS...

The root file system is read-only, with the few mounts that every runtime makes and an empty /tmp; user and
group are 65532, without capabilities and without a way to new ones. Network and processes are the machine's.
"""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

NOBODY = 65532
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
LAST_CAPABILITY = Path("/proc/sys/kernel/cap_last_cap")
GIVEN = ("/etc/hosts", "/etc/resolv.conf", "/dev/null", "/dev/urandom")


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def main() -> None:
    root, *command = sys.argv[1:]
    mount("--bind", root, root)
    for path in GIVEN:
        inside = Path(root + path)
        inside.parent.mkdir(exist_ok=True)
        inside.touch()
        mount("--bind", path, str(inside))
    Path(root, "proc").mkdir(exist_ok=True)
    mount("--bind", "/proc", f"{root}/proc")
    mount("-t", "tmpfs", "-o", "mode=1777,size=64m", "tmpfs", f"{root}/tmp")
    mount("-o", "remount,bind,ro", root)
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(int(LAST_CAPABILITY.read_text()) + 1):
        # Of those that follow; this process keeps its own until it changes the user.
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.chroot(root)
    os.chdir("/")
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    os.execve(command[0], command, dict(os.environ))


if __name__ == "__main__":
    main()
