"""hostile.py AUTOTM [--sanitized] [PART]... - bad input of every class that
has hurt others, made from a fixed seed: models, plans, profile stores and
tensor files. Each is given to the program in a process of its own and must be
refused with the exit code that the documentation gives it, or be harmless:
under 1 s of processor time and 256 MiB of memory, no signal, no report of a
sanitizer, a sentence on stderr. Prints a line a group and each case that
fails. PART: models, plans, stores, tensors."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SECONDS, MEBIBYTES, WALL = 1.0, 256, 60


class Bench:
    def __init__(self, autotm, sanitized):
        self.autotm, self.sanitized = os.path.abspath(autotm), sanitized
        self.failures, self.groups, self.total = [], {}, 0
        self.env = dict(os.environ, OMP_NUM_THREADS='1',
                        ASAN_OPTIONS='allocator_may_return_null=1:exitcode=99',
                        UBSAN_OPTIONS='halt_on_error=1:exitcode=99')

    def limits(self):
        """A net below the test: what goes wrong must not take the machine."""
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 28, 1 << 28))
        if not self.sanitized:
            resource.setrlimit(resource.RLIMIT_AS, (1 << 42, 1 << 42))
            resource.setrlimit(resource.RLIMIT_DATA, (4 << 30, 4 << 30))

    def start(self, args, folder):
        """Exit status (negative: signal), stderr, seconds, MiB."""
        err = os.path.join(folder, 'stderr')
        with open(err, 'wb') as e:
            p = subprocess.Popen([self.autotm] + args, cwd=folder, stderr=e,
                                 stdout=subprocess.DEVNULL,
                                 stdin=subprocess.DEVNULL, env=self.env,
                                 preexec_fn=self.limits)
            deadline = time.monotonic() + WALL
            while True:
                pid, status, used = os.wait4(p.pid, os.WNOHANG)
                if pid:
                    break
                if time.monotonic() > deadline:
                    p.send_signal(signal.SIGKILL)
                    deadline += WALL
                time.sleep(0.002)
            p.returncode = os.waitstatus_to_exitcode(status)
        with open(err, encoding='utf-8', errors='replace') as e:
            text = e.read()
        return (p.returncode, text, used.ru_utime + used.ru_stime,
                used.ru_maxrss / 1024)

    def judge(self, group, name, codes, result, why=None, base=(0, 0)):
        """base: seconds and MiB of what the case does besides, if taken."""
        code, text, seconds, mebibytes = result
        if code == 0:
            seconds -= base[0]
            mebibytes -= base[1]
        g = self.groups.setdefault(group, [0, 0, 0.0, 0.0])
        g[0] += 1
        g[2], g[3] = max(g[2], seconds), max(g[3], mebibytes)
        limit = SECONDS * (20 if self.sanitized else 1)
        bad = []
        if code not in codes:
            bad.append('exit %d, not %s' % (code, ' or '.join(map(str, codes))))
        if seconds > limit:
            bad.append('%.2f s' % seconds)
        if mebibytes > MEBIBYTES and not self.sanitized:
            bad.append('%.0f MiB' % mebibytes)
        if code not in (0, 99) and 'autotm' not in text and 'rror' not in text:
            bad.append('no sentence on stderr')
        if '\x1b' in text:
            bad.append('escape sequences on stderr')
        if why:
            bad.append(why)
        if bad:
            g[1] += 1
            self.failures.append('%s, %s: %s: %s' % (
                group, name, '; '.join(bad), text.strip()[:300]))

    def table(self):
        print('%-28s %6s %6s %9s %9s' % ('group', 'cases', 'failed', 'most s',
                                        'most MiB'))
        rows = list(self.groups.items())
        rows.append(('together', [sum(g[0] for _, g in rows),
                                  sum(g[1] for _, g in rows),
                                  max(g[2] for _, g in rows),
                                  max(g[3] for _, g in rows)]))
        for name, g in rows:
            print('%-28s %6d %6d %9.2f %9.0f' % (name, *g))
        for f in self.failures:
            print('FAILED ' + f)


def models(b, folder, store):
    from hostile_models import CASES
    for group, name, codes, data, extra, says in CASES:
        at = tempfile.mkdtemp(dir=folder)
        made = data(at) if callable(data) else data
        if made is not None:
            with open(at + '/model.onnx', 'wb') as f:
                f.write(made)
        common = ['model.onnx', '--threads', '1'] + list(extra)
        result = b.start(['run', '-n', '1', '--warmup', '0', '--planner',
                          'greedy', '--store', store] + common, at)
        b.judge('model: ' + group, name, codes, result,
                None if says in result[1] else 'does not say: ' + says)
        # what cannot run is still described, or refused by the same code
        result = b.start(['inspect'] + common, at)
        b.judge('inspect: ' + group, name, codes + (0,), result)
        shutil.rmtree(at)


def main():
    args = sys.argv[1:]
    b = Bench(args.pop(0), '--sanitized' in args)
    parts = [a for a in args if a[0] != '-'] or ['models', 'plans', 'stores',
                                                 'tensors']
    import hostile_data
    folder = tempfile.mkdtemp(prefix='hostile-')
    try:
        store = hostile_data.first_run(b, folder)
        for part in parts:
            if part == 'models':
                models(b, folder, store)
            else:
                getattr(hostile_data, part)(b, folder, store)
    finally:
        shutil.rmtree(folder)
    b.table()
    return 1 if b.failures else 0


if __name__ == '__main__':
    sys.exit(main())
