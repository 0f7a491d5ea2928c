# SPDX-License-Identifier: Apache-2.0
"""Whether runsc can start sandboxes here at all: in a chroot and in most containers it cannot, since there are no user
namespaces. What tests of sandboxes share; sysfold has no part in it."""

import os
import subprocess
import tempfile

PATIENCE = float(os.environ.get("PATIENCE", 60))


def why_no_sandbox(runsc, user=None):
    """What runsc says against a sandbox, of that user's where we are root; None: it starts one."""
    mode = [] if os.geteuid() == 0 and user is None else ["--rootless"]
    other = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    with tempfile.TemporaryDirectory(prefix="sysfold-usable-") as state:
        if user is not None:
            os.chown(state, user, user)
        done = subprocess.run([runsc, "--root", state, *mode, "--network=none", "do", "true"], cwd="/", check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE,
                              **other)
    if done.returncode == 0:
        return None
    lines = done.stdout.decode(errors="replace").strip().splitlines() or [f"exit status {done.returncode}"]
    return f"runsc starts no sandboxes here: {lines[-1]}"
