#!/usr/bin/env python3
"""Random small planning problems over every rule of the format, by seed.
usage: random_problem.py SEED [MAX_KERNELS]

Rules are drawn per problem, so that each meets each other: args (unused, fixed, output), feeds, several outs, several
producers with readers between them, accumulation chains, carried state with uses on both sides, may pairs (of args,
of chains, several an operand), variants with operands and scratch of their own, entries that only allow fast memory,
tensors of no bytes, many operands, equal and zero times, move latency, costs of their own, alignment, little slow
memory, a key `async`. What the format forbids is not drawn; the rest is left to the reader's checker."""
import json
import random
import sys


class Maker:
    def __init__(self, seed, most):
        self.r = random.Random(seed)
        self.name = 'random %d' % seed
        self.N = self.r.randint(1, most)
        self.cyclic = int(self.chance(0.6))
        self.tensors, self.kernels, self.carry = [], [], []
        self.open, self.made, self.after = [], {}, {}   # readable; producers left: tensor -> kernels; kernel -> tensors
        self.may, self.must, self.variants = (self.chance(0.5) for _ in range(3))
        self.wide = self.chance(0.1)            # one kernel of many operands
        self.grain = self.r.choice([0.01, 0.01, 0.5, 1])
        self.zeros = self.chance(0.25)          # kernels of no time, tensors of no bytes
        self.fast_only = self.r.choice([0, 0.1, 0.1, 0.5])

    def chance(self, p):
        return self.r.random() < p

    def seconds(self, top):
        return 0 if self.zeros and self.chance(0.3) else round(round(self.r.uniform(0, top) / self.grain) * self.grain, 6)

    def tensor(self, like=None, **more):
        if like is None:
            size = 0 if self.zeros and self.chance(0.2) else self.r.randint(1, 9)
            t = {'size': size}
            if self.chance(0.15):
                t[self.r.choice(['fetch', 'evict'])] = round(self.r.uniform(0, 3), 1)
        else:                                   # of an in-place pair: one storage, one cost
            t = {key: self.tensors[like][key] for key in ('size', 'fetch', 'evict') if key in self.tensors[like]}
        self.tensors.append({**t, **more})
        return len(self.tensors) - 1

    def table(self, n, outs):
        """Seconds that grow with what is slow, with noise; sometimes the additive form."""
        base = self.seconds(4)
        slow = [self.seconds(4 if j >= n - outs else 2) for j in range(n)]
        if n > 8 or self.chance(0.3):
            t = {'base': base, 'slow': [None if self.chance(self.fast_only) else s for s in slow],
                 'combine': self.r.choice(['max', 'sum'])}
            if self.chance(0.3):
                t['latency'] = [round(self.r.uniform(0, 0.4), 2) for _ in range(n)]
            return t
        if self.chance(0.1):                    # operands must be fetched
            return [base] + [None] * ((1 << n) - 1)
        t = [base + sum(s for j, s in enumerate(slow) if mask >> j & 1) + self.seconds(0.6) for mask in range(1 << n)]
        if self.chance(0.1):
            t = [base] * (1 << n)               # wherever the operands are
        return [None if mask and self.chance(self.fast_only) else round(x, 6) for mask, x in enumerate(t)]

    def args(self):
        for _ in range(self.r.choice([0, 1, 1, 2, 3])):
            more = {'arg': 1}
            if self.chance(0.1):
                more['fixed'] = {'tier': self.r.choice(['fast', 'slow']), 'offset': 12 * len(self.tensors)}
            self.open.append(self.tensor(**more, **({'out': 1} if self.chance(0.1) else {})))

    def pairs(self, k, ins, outs):
        """Makes the outs of kernel k, some of them in the place of an in."""
        pairs, gone = [], set()
        for i, a in enumerate(ins):
            arg, produced = self.tensors[a].get('arg'), a in self.made
            carried = any(new == a for new, _ in self.carry)
            later = produced and self.made[a][-1] > k
            if self.must and not (self.tensors[a].get('out') or carried or later) and self.chance(0.4) and (
                    not self.tensors[a].get('fixed') or self.cyclic):
                outs.append(self.tensor(like=a))
                pairs.append([i, len(outs) - 1, 'must'])
                gone.add(a)
                if arg and self.cyclic:
                    self.carry.append([outs[-1], a])
            elif self.may and self.chance(0.5):
                if outs and self.chance(0.2) and self.tensors[outs[0]]['size'] == self.tensors[a]['size']:
                    o = 0                       # two ins for one out
                else:
                    outs.append(self.tensor(like=a))
                    o = len(outs) - 1
                pairs.append([i, o, 'may'])
            if len(outs) > 2:
                break
        self.open = [t for t in self.open if t not in gone]
        return pairs, gone

    def several(self, k, out):
        """A tensor whose further producers are kernels to come."""
        later = sorted(self.r.sample(range(k + 1, self.N), min(self.N - 1 - k, self.r.choice([1, 1, 2]))))
        if not later or any(len(self.after.get(q, [])) > 1 for q in later):
            return
        self.made[out] = [k] + later
        size = self.tensors[out]['size']
        self.tensors[out]['producers'] = [[q, size // (len(later) + 1)] for q in self.made[out]]
        for q in later:
            self.after.setdefault(q, []).append(out)

    def kernel(self, k):
        writes = self.after.get(k, [])
        many = 7 if self.wide and k == self.N - 1 else 3
        ins = [t for t in self.open if t not in writes]
        ins = self.r.sample(ins, min(len(ins), self.r.randint(0, many) if many == 3 else many))
        outs, pairs, gone = [], [], set()
        if k and not ins and self.chance(0.5) and self.open and not writes:
            ins = [self.r.choice(self.open)]
        pairs, gone = self.pairs(k, ins, outs)
        if not outs and not writes or self.chance(0.15):
            outs.append(self.tensor())
        for o in list(outs):
            if not any(p[1] == outs.index(o) for p in pairs) and self.chance(0.2):
                self.several(k, o)
        outs += writes
        q = {'name': 'k%d' % k, 'ins': ins, 'outs': outs}
        if pairs:
            q['inplace'] = pairs
        if self.variants and self.chance(0.5):
            q['variants'] = [self.variant(ins, outs, pairs, gone, writes) for _ in range(self.r.choice([1, 2, 2, 3]))]
        else:
            q['t'] = self.table(len(ins) + len(outs), len(outs))
        if self.chance(0.4):
            q['scratch'] = self.r.randint(0, 6)
        if k and self.chance(0.1) and not q.get('variants'):    # the same cost as another
            for other in self.kernels:
                if 't' in other and len(other['ins']) == len(ins) and len(other['outs']) == len(outs):
                    q['t'] = other['t']
        self.kernels.append(q)
        self.open += [o for o in outs if o not in self.open]

    def variant(self, ins, outs, pairs, gone, writes):
        v, own = {}, ins
        if self.chance(0.5):                    # reads less, or something else, in an order of its own
            keep = {ins[p[0]] for p in pairs if p[2] == 'must'}
            own = [t for t in ins if t in keep or self.chance(0.6)]
            spare = [t for t in self.open if t not in own and t not in writes and t not in gone]
            if spare and self.chance(0.4):
                own = own + [self.r.choice(spare)]
            v['ins'] = own
        if self.chance(0.2):
            v['outs'] = self.r.sample(outs, len(outs))
        v['t'] = self.table(len(own) + len(outs), len(outs))
        if self.chance(0.6):
            v['scratch'] = self.r.randint(0, 8)
        return v

    def problem(self):
        self.args()
        for k in range(self.N):
            if len(self.open) > 3 and self.chance(0.4):     # let some die
                self.open.pop(self.r.randrange(len(self.open)))
            self.kernel(k)
        used = {t for k in self.kernels for p in k.get('inplace', []) if p[2] == 'must' for t in [k['ins'][p[0]]]}
        for i, t in enumerate(self.tensors):
            if 'arg' not in t and i not in used and self.chance(0.15):
                t['out'] = 1
        d = {'format': 'autotm-problem', 'version': 1, 'name': self.name, 'cyclic': self.cyclic,
             'read_bw': self.r.randint(2, 9), 'write_bw': self.r.randint(2, 9),
             'tensors': self.tensors, 'kernels': self.kernels}
        if self.carry:
            d['carry'] = self.carry
        if self.chance(0.2):
            d['move_latency'] = 0.1
        if self.chance(0.15):
            d['align'] = self.r.choice([2, 4])
        if self.chance(0.25):
            total = sum(t['size'] for t in self.tensors)
            d['slow_bytes'] = self.r.randint(0, total)
        if self.chance(0.2):
            d['async'] = {'read_bw': 5, 'write_bw': 3, 'mixed_read_bw': 4, 'mixed_write_bw': self.r.choice([2, 3.5]),
                          'copy_slowdown': 1.1, 'kernel_slowdown': self.r.choice([1, 1.05])}
        return d


def problem(seed, most=8):
    return Maker(seed, most).problem()


if __name__ == '__main__':
    print(json.dumps(problem(int(sys.argv[1]), int((sys.argv[2:] or [8])[0]))))
