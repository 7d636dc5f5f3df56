"""cgroup.py - a command under a hard limit of memory, and its peak there.

Version 1 or 2, whichever has a memory controller that this process may write.
"""
import os
import pathlib
import subprocess
import sys

STATED = 160 << 20  # bytes that a process may need beside its budget


def root():
    """(folder, name of the limit); exits with 77 and a reason without."""
    for path, limit in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
                        ("/sys/fs/cgroup", "memory.max")):
        try:
            group = pathlib.Path(path) / f"autotm-{os.getpid()}"
            group.mkdir()
            exists = (group / limit).exists()
            group.rmdir()
            if exists:
                return pathlib.Path(path), limit
        except OSError:
            pass
    print("skipped: no writable memory cgroup (root is wanted)",
          file=sys.stderr)
    sys.exit(77)


def run(command, limit_bytes, text=None):
    """(what it printed, peak bytes of the group); exits where it failed."""
    where, limit = root()
    group = where / f"autotm-{os.getpid()}"
    group.mkdir()
    try:
        (group / limit).write_text(str(limit_bytes))
        child = subprocess.run(
            [str(x) for x in command], input=text, capture_output=True,
            text=True, preexec_fn=lambda: (group / "cgroup.procs").write_text(
                str(os.getpid())))
        if child.returncode != 0:
            raise SystemExit(f"{' '.join(map(str, command[:3]))}: status "
                             f"{child.returncode}: {child.stderr.strip()}")
        peak = group / ("memory.max_usage_in_bytes"
                        if "limit_in_bytes" in limit else "memory.peak")
        return child.stdout, int(peak.read_text()) if peak.exists() else 0
    finally:
        group.rmdir()


def over(peak, budget):
    """How far a peak lies above a budget, for people."""
    return f"peak {peak / 2**20:.1f} MiB, budget {budget / 2**20:.1f} MiB " \
           f"{(peak - budget) / 2**20:+.1f}"
