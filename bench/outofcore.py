#!/usr/bin/env python3
"""outofcore.py - a plan over a drive against the page cache, in equal memory.

    bench/outofcore.py BUILD [--dir D] [--buffers 96] [--mib 16] [--steps 8]
                       [--ms 12] [--rounds 2] [--patterns act,infer,train]
                       [--swap-steps 1]

Buffers three times as large as a memory cgroup's limit are used in the order
of a network: act (written forward, read in reverse, then dead), infer (weights
read in a circle), train (weights read forward, updated in reverse). `plan`:
autotm's asynchronous plan within the limit, over a file by O_DIRECT. `mmap`:
the same kernels over a mapped file, so the page cache decides. `swap`:
anonymous memory and a swap file made for it, for fewer steps as it is slow.
Each in a cgroup of its own with the same limit, turn by turn; every word that
a kernel reads is checked. Bytes are the kernel's own account (/proc/self/io;
of swap, /proc/vmstat), seconds and bytes are those of a step. Needs root and a
writable memory controller; exit 77 and a reason without. Exits 1 where a plan
moved other bytes than planned, or more than 0.8 of mmap's (act, infer), or
needed more memory than its budget and the stated overhead.
"""
import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import cgroup

# Of the measured bandwidth, what plans count on: drives have slower moments,
# and what is hidden behind compute with no slack shows then.
PLANNED_PART = 0.75
OVERHEAD = 8 << 20  # of the process beside the plan's pool


# ---- the problem, as autotm plan reads it ----

def kernels_of(pattern, n):
    """[(buffer, r|w|u)] of one iteration, and which buffers exist before."""
    forward, back = list(range(n)), list(reversed(range(n)))
    if pattern == "act":
        return [(i, "w") for i in forward] + [(i, "r") for i in back], False
    if pattern == "infer":
        return [(i, "r") for i in forward], True
    return [(i, "r") for i in forward] + [(i, "u") for i in back], True


def problem_of(pattern, n, size, ms, moves):
    kernels, arg = kernels_of(pattern, n)
    s = ms * 1e-3
    updated = pattern == "train"
    tensors = [{"size": size, "arg": int(arg), "out": 0} for _ in range(n)]
    if updated:
        tensors += [{"size": size, "arg": 0, "out": 1} for _ in range(n)]
    out = []
    for i, how in kernels:
        k = {"name": f"{how}{i}", "ins": [i] if how != "w" else [],
             "outs": [i] if how == "w" else [], "t": [s, None]}
        if how == "u":
            k.update(outs=[n + i], t=[s, None, None, None],
                     inplace=[[0, 0, "must"]])
        out.append(k)
    problem = {
        "format": "autotm-problem", "version": 1, "name": pattern, "cyclic": 1,
        "read_bw": moves["read_bw"], "write_bw": moves["write_bw"],
        "move_latency": 1e-4, "align": 4096, "tensors": tensors,
        "kernels": out, "async": moves}
    if updated:
        problem["carry"] = [[n + i, i] for i in range(n)]
    return problem


def plan(autotm, problem, fast, folder):
    path = folder / "problem.json"
    path.write_text(json.dumps(problem))
    out = subprocess.run(
        [autotm, "plan", "--problem", path, "--planner", "async", "--fast",
         str(fast), "--time-limit", "15", "--format", "json", "-q"],
        capture_output=True, text=True)
    if out.returncode != 0:
        raise SystemExit(out.stderr)
    return json.loads(out.stdout)


# ---- from the plan to a list for outofcore_run ----

def covers(r, k):
    return (r["first"] <= k <= r["last"] if r["first"] <= r["last"]
            else k >= r["first"] or k <= r["last"])


class Places:
    def __init__(self, answer):
        self.at = {}
        for r in answer["residences"]:
            self.at.setdefault((r["tensor"], r["tier"]), []).append(r)

    def offset(self, tensor, tier, kernel):
        return next(r["offset"] for r in self.at[tensor, tier]
                    if covers(r, kernel))

    def fast_at_start(self, tensor, last):
        return next((r for r in self.at.get((tensor, "fast"), [])
                     if covers(r, 0) and covers(r, last)), None)


def planned_list(pattern, n, ms, answer, iterations):
    kernels, arg = kernels_of(pattern, n)
    last = len(kernels) - 1
    places, lines, begun = Places(answer), [], {"F": 0, "E": 0}

    def begin(kind, fast, slow, written=0):
        begun[kind] += 1
        lines.append(f"{kind} {fast} {slow} {written}")
        return begun[kind]

    def wait(kind, number):
        lines.append(f"{'R' if kind == 'F' else 'W'} {number}")

    # first what only passes through fast memory, then what stays in it
    for stays in (False, True) if arg else ():
        for t in range(n):
            home = places.fast_at_start(t, last)
            if (home is not None) != stays:
                continue
            fast = home["offset"] if home else 0
            lines.append(f"K {t} w {fast} 0")
            if (t, "slow") in places.at:
                wait("E", begin("E", fast, places.at[t, "slow"][0]["offset"]))

    moves = []
    for m in answer.get("moves", []):
        kind = "F" if m["to"] == "fast" else "E"
        use = m["wait_before"] if kind == "F" else max(m["start_after"], 0)
        moves.append({
            "kind": kind, "start": m["start_after"], "wait": m["wait_before"],
            "fast": places.offset(m["tensor"], "fast", use),
            "slow": places.at[m["tensor"], "slow"][0]["offset"], "number": 0})
    after, before, written = {}, {}, {}
    for m in moves:
        after.setdefault((m["kind"], m["start"]), []).append(m)
        before.setdefault((m["kind"], m["wait"]), []).append(m)

    def start_all(kind, k):
        for m in after.get((kind, k), []):
            m["number"] = begin(kind, m["fast"], m["slow"],
                                written.get(m["slow"], 0))
            if kind == "E":
                written[m["slow"]] = m["number"]

    def wait_all(kind, k):
        for m in before.get((kind, k), []):
            if m["number"]:
                wait(kind, m["number"])

    def between(ended, begins):
        """An eviction holds its place until the kernel that waits for it
        begins, a fetch takes its place from the next kernel on: so evictions
        end before fetches begin."""
        start_all("E", ended)
        wait_all("E", begins)
        start_all("F", ended)
        wait_all("F", begins)

    for m in moves:  # as if an iteration had gone before
        if m["kind"] == "F" and m["wait"] <= m["start"]:
            m["number"] = begin("F", m["fast"], m["slow"])
    for iteration in range(iterations):
        if iteration == 1:
            lines.append("T")
        between(-1, 0)
        for k, (buffer, how) in enumerate(kernels):
            fast = places.offset(buffer, "fast", k)
            lines.append(f"K {buffer} {how} {fast} {ms}")
            between(k, k + 1)
    return "\n".join(lines) + "\n"


def plain_list(pattern, n, ms, iterations):
    kernels, arg = kernels_of(pattern, n)
    lines = [f"K {t} w 0 0" for t in range(n)] if arg else []
    for iteration in range(iterations):
        if iteration == 1:
            lines.append("T")
        lines += [f"K {b} {how} 0 {ms}" for b, how in kernels]
    return "\n".join(lines) + "\n"


def moves_model(runner, spec, size, ms):
    """What a problem's "async" says, measured: bandwidths of the file alone
    and both ways at once, and how much slower moves are beside a kernel."""
    n = 24
    write = [f"E 0 {i * size} 0" for i in range(n)]
    read = [f"F 0 {i * size} 0" for i in range(n)]

    def seconds(lines):
        text = "\n".join(write + [f"W {n}", "T"] + lines) + "\n"
        out = subprocess.run([runner, "plan", spec, str(size), str(2 * size),
                              str(n * size)], input=text, text=True,
                             capture_output=True, check=True)
        return json.loads(out.stdout)["seconds"]

    rd = seconds(read + [f"R {n}"])
    wr = seconds(write + [f"W {2 * n}"])
    both = seconds(read + write + [f"R {n}", f"W {2 * n}"])
    kernels = [f"K 0 w {size} {ms}"] * max(1, int(rd / (ms * 1e-3)))
    beside = seconds(read + kernels + [f"R {n}"])
    part, slowdown = min(1.0, max(rd, wr) / both), max(1.0, beside / rd)
    rd, wr = rd / PLANNED_PART, wr / PLANNED_PART
    return {"read_bw": n * size / rd, "write_bw": n * size / wr,
            "mixed_read_bw": part * n * size / rd,
            "mixed_write_bw": part * n * size / wr,
            "copy_slowdown": slowdown, "kernel_slowdown": 1.0}


@contextlib.contextmanager
def swap_file(folder, size):
    """Swap for the duration; yields why there is none, or nothing."""
    if len(open("/proc/swaps").readlines()) > 1:
        yield ""
        return
    path = folder / "swap"
    with open(path, "wb") as f:
        os.posix_fallocate(f.fileno(), 0, size)
    path.chmod(0o600)
    for command in (["mkswap", path], ["swapon", path]):
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except OSError as e:
            yield f"{command[0]}: {e.strerror}"
            return
        if done.returncode != 0:
            yield f"{command[0]}: {done.stderr.strip()}"
            return
    try:
        yield ""
    finally:
        subprocess.run(["swapoff", path], check=True)


def swapped():
    """Bytes swapped in and out on this machine so far."""
    rows = dict(line.split() for line in open("/proc/vmstat"))
    page = os.sysconf("SC_PAGE_SIZE")
    return int(rows["pswpin"]) * page, int(rows["pswpout"]) * page


def one_run(command, limit, text, steps):
    """Seconds and bytes of a step, and the peak."""
    before = swapped()
    out, peak = cgroup.run(command, limit, text)
    after = swapped()
    x = json.loads(out)
    if command[1] == "swap":
        x["read_bytes"], x["write_bytes"] = (
            a - b for a, b in zip(after, before))
    return {"s": x["seconds"] / steps, "in": x["read_bytes"] / steps,
            "out": x["write_bytes"] / steps, "peak": peak,
            "moved": (x["fetched_bytes"] + x["evicted_bytes"]) / steps}


def measure(o, pattern, folder, runner, moves, no_swap):
    """The plan, its limit, and the runs of each mode."""
    size, n = o.mib << 20, o.buffers
    limit = n * size // 3
    answer = plan(o.build / "autotm",
                  problem_of(pattern, n, size, o.ms, moves),
                  limit - OVERHEAD, folder)
    slow = max([r["offset"] for r in answer["residences"]
                if r["tier"] == "slow"], default=0) + size
    mapped = folder / "mapped"
    modes = {
        "plan": ([runner, "plan", f"file:{folder}", size,
                  answer["fast_peak_bytes"], slow], o.steps,
                 planned_list(pattern, n, o.ms, answer, o.steps + 1)),
        "mmap": ([runner, "mmap", mapped, size, n * size, "-"], o.steps,
                 plain_list(pattern, n, o.ms, o.steps + 1))}
    if o.swap_steps > 0 and not no_swap:
        modes["swap"] = ([runner, "swap", "-", size, n * size, "-"],
                         o.swap_steps,
                         plain_list(pattern, n, o.ms, o.swap_steps + 1))
    results = {m: [] for m in modes}
    for turn in range(o.rounds):
        for mode, (command, steps, text) in modes.items():
            if mode == "swap" and turn > 0:
                continue
            if mode == "mmap":
                with open(mapped, "wb") as f:
                    os.posix_fallocate(f.fileno(), 0, n * size)
            results[mode].append(one_run(command, limit, text, steps))
            mapped.unlink(missing_ok=True)
    return answer, limit - OVERHEAD, results


def show(o, pattern, answer, budget, results):
    """Prints the rows of a pattern; whether it is as it should be."""
    row = {m: {key: statistics.median(x[key] for x in runs)
               for key in ("s", "in", "out", "moved")}
           for m, runs in results.items()}
    for mode, x in row.items():
        peak = max(r["peak"] for r in results[mode])
        print(f"{pattern:6} {mode:5} {x['s']:8.2f} s  in "
              f"{x['in'] / 1e9:6.2f} GB  out {x['out'] / 1e9:6.2f} GB  "
              f"{cgroup.over(peak, budget)}")
    exact = all(x["moved"] == answer["moved_bytes"] for x in results["plan"])
    a, b = row["plan"], row["mmap"]
    ratio = (a["in"] + a["out"]) / (b["in"] + b["out"])
    swap = row.get("swap")
    print(f"{pattern:6} bytes {ratio:.2f} of mmap's, "
          f"{b['s'] / a['s']:.2f}x as fast"
          + (f" (swap: {swap['s'] / a['s']:.1f}x as slow)" if swap else "")
          + f"; moved as planned: {'yes' if exact else 'NO'}; predicted "
          f"{answer['objective']:.2f} s, compute alone "
          f"{len(kernels_of(pattern, o.buffers)[0]) * o.ms * 1e-3:.2f} s",
          flush=True)
    fits = all(x["peak"] <= budget + cgroup.STATED for x in results["plan"])
    return exact and fits and (pattern == "train" or ratio <= 0.8)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("build", type=pathlib.Path)
    p.add_argument("--dir", default="/var/tmp")
    p.add_argument("--buffers", type=int, default=96)
    p.add_argument("--mib", type=int, default=16)
    p.add_argument("--steps", type=int, default=8)
    p.add_argument("--ms", type=float, default=12)
    p.add_argument("--rounds", type=int, default=2)
    p.add_argument("--patterns", default="act,infer,train")
    p.add_argument("--swap-steps", type=int, default=1)
    o = p.parse_args()
    o.build = o.build.resolve()
    runner = o.build / "bench" / "outofcore_run"
    cgroup.root()
    size = o.mib << 20
    good = True
    with tempfile.TemporaryDirectory(dir=o.dir) as name, \
            swap_file(pathlib.Path(name), o.buffers * size) as no_swap:
        folder = pathlib.Path(name)
        moves = moves_model(runner, f"file:{folder}", size, o.ms)
        print(f"{o.buffers} buffers of {o.mib} MiB, limit a third, {o.ms} ms "
              f"of compute a kernel, {o.steps} steps, {o.rounds} rounds; "
              f"counted on of file: {moves['read_bw'] / 1e9:.2f} GB/s read, "
              f"{moves['write_bw'] / 1e9:.2f} written, both at once "
              f"{moves['mixed_read_bw'] / 1e9:.2f} and "
              f"{moves['mixed_write_bw'] / 1e9:.2f}, "
              f"{moves['copy_slowdown']:.2f}x as slow beside kernels" + (f"; no swap: {no_swap}" if no_swap else ""))
        for pattern in o.patterns.split(","):
            good &= show(o, pattern, *measure(o, pattern, folder, runner,
                                              moves, no_swap))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
