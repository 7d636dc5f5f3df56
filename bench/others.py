"""others.py - what CBC and HiGHS need for a problem's integer program, as part
of bench/planner.py.

Each solver is a process of its own on the same core; its seconds are those of
its CPU, without reading the file; ours, with reading, end when the plan and its
proof are there. It is killed at the limit: `>` then stands before the limit. HiGHS also gets the program with only the rows that our
linear program ended with.
"""
import re
import resource
import subprocess
import sys
import tempfile

HIGHS = """
import highspy, sys, time
h = highspy.Highs()
for key, v in (("output_flag", False), ("threads", 1), ("mip_rel_gap", %r)):
    h.setOptionValue(key, v)
h.readModel(sys.argv[1])
t = time.process_time()
h.run()
i = h.getInfo()
print(time.process_time() - t, i.mip_gap)
"""


def limited(command, limit):
    """stdout of a command; None: it is not there; "": out of time."""
    def limit_cpu():
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))

    try:
        run = subprocess.run(command, capture_output=True, text=True,
                             check=False, preexec_fn=limit_cpu)
    except FileNotFoundError:
        return None
    if run.returncode < 0:
        return ""
    return run.stdout if run.returncode == 0 else None


def cbc(lp, gap, limit):
    text = limited(["cbc", lp, "-ratioGap", str(gap), "-solve"], limit)
    found = text and re.search(r"^Time \(CPU seconds\): +([0-9.]+)", text,
                               re.MULTILINE)
    return float(found.group(1)) if found else text and None


def highs(lp, gap, limit):
    text = limited([sys.executable, "-c", HIGHS % gap, lp], limit)
    if not text:
        return text
    seconds, reached = map(float, text.split())
    return seconds if reached <= gap * 1.001 else None


def row(name, seconds, ours, limit):
    """A line of the table; false: not ahead of it."""
    if seconds == "":
        print("    %-20s > %7.0f s  > %6.1f times ours" % (
            name, limit, limit / ours), flush=True)
        return limit > ours
    print("    %-20s   %7.2f s    %6.1f times ours%s" % (
        name, seconds, seconds / ours, "" if seconds > ours else "  BEHIND"),
          flush=True)
    return seconds > ours


def against(emit, ours, gap, limit):
    """emit(path, rows) writes the program; the number that are not slower."""
    behind = 0
    with tempfile.TemporaryDirectory() as d:
        for rows, solvers in (("all", {"cbc": cbc, "highs": highs}),
                              ("final", {"highs": highs})):
            lp = "%s/%s.lp" % (d, rows)
            emit(lp, rows)
            for name, solver in solvers.items():
                seconds = solver(lp, gap, limit)
                if seconds is None:
                    print("    %-20s left out" % name, flush=True)
                else:
                    behind += not row("%s, %s rows" % (name, rows), seconds,
                                      ours, limit)
    return behind
