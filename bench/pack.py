#!/usr/bin/env python3
"""pack.py - the packer on sets of buffers: how far above the bound, how soon.

    bench/pack.py [SET.csv[.gz]...] [--make FAMILY:BUFFERS:SEEDS...]

Without arguments: MiniMalloc's sets at their capacity and the large ones of
tests/data. --make packs sets of bench/pack_sets.py, seeds 1 to SEEDS. A
capacity is read from a name like A.1048576.csv; without one the least height
is asked for. A line a set: buffers, bound, height, gap, CPU seconds, and
"optimal" where height and bound are one. Every packing is checked here.
"""
import argparse
import bisect
import gzip
import pathlib
import re
import resource
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench"))
import pack_sets  # noqa: E402


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("sets", nargs="*")
    p.add_argument("--make", nargs="*", default=[], metavar="FAMILY:N:SEEDS")
    p.add_argument("--autotm", default="build/autotm")
    return p.parse_args()


def read(path):
    text = (gzip.decompress(path.read_bytes()).decode()
            if path.suffix == ".gz" else path.read_text())
    return [tuple(map(int, line.split(",")))[1:]
            for line in text.split("\n")[1:] if line]


def bound_of(rows):
    """The most bytes live at once, or the largest buffer."""
    change = {}
    for lower, upper, size in rows:
        change[lower] = change.get(lower, 0) + size
        change[upper] = change.get(upper, 0) - size
    live = most = 0
    for t in sorted(change):
        live += change[t]
        most = max(most, live)
    return max([most] + [size for *_, size in rows])


def height_of(rows):
    """Height of a packing; exits where two buffers that live at once overlap.
    Those that live are kept by offset, so a new one is held against two."""
    events = sorted([(upper, 0, off, off + size)
                     for lower, upper, size, off in rows if lower < upper]
                    + [(lower, 1, off, off + size)
                       for lower, upper, size, off in rows if lower < upper])
    live = []
    for t, begins, low, high in events:
        if low == high:
            continue
        at = bisect.bisect_left(live, (low, high))
        if not begins:
            del live[at]
        elif (at and live[at - 1][1] > low) or (
                at < len(live) and live[at][0] < high):
            sys.exit("pack.py: two buffers overlap at %d" % t)
        else:
            live.insert(at, (low, high))
    return max(off + size for *_, size, off in rows)


def pack(a, name, rows, capacity):
    with tempfile.TemporaryDirectory() as d:
        path, out = pathlib.Path(d) / "in.csv", pathlib.Path(d) / "out.csv"
        pack_sets.write(path, rows)
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        run = subprocess.run(
            [a.autotm, "pack", path, "-o", out]
            + (["--capacity", str(capacity)] if capacity else []),
            capture_output=True, text=True, check=False)
        seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
        bound = bound_of(rows)
        if run.returncode:
            print("%-24s %6d  %s" % (name, len(rows), run.stderr.strip()))
            return 1
        packed = read(out)
    if [r[:3] for r in packed] != [tuple(r) for r in rows]:
        sys.exit("pack.py: %s: the buffers are not those that went in" % name)
    height = height_of(packed)
    print("%-24s %6d  bound %12d  height %12d  gap %7.3f %%  %6.2f s%s" % (
        name, len(rows), bound, height, 100 * (height / bound - 1), seconds,
        "  optimal" if height == bound else ""), flush=True)
    return 0


def main():
    a = arguments()
    a.autotm = str(pathlib.Path(a.autotm).resolve())
    data = ROOT / "tests/data"
    missed = 0
    paths = list(map(pathlib.Path, a.sets)) or (
        [] if a.make else sorted((data / "minimalloc").glob("*.csv"))
        + sorted((data / "pack").iterdir()))
    for path in paths:
        capacity = re.search(r"\.(\d+)\.csv", path.name)
        missed += pack(a, path.name.split(".csv")[0], read(path),
                       int(capacity[1]) if capacity else 0)
    for made in a.make:
        family, n, seeds = made.split(":")
        for seed in range(1, int(seeds) + 1):
            missed += pack(a, "%s:%s:%d" % (family, n, seed),
                           pack_sets.make(family, int(n), seed), 0)
    sys.exit(missed > 0)


if __name__ == "__main__":
    main()
