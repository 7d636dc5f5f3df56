#!/usr/bin/env python3
"""Recompute the lower bound that a plan's certificate proves, in exact arithmetic.
usage: check_bound.py PROBLEM.json[.gz] ANSWER.json|SCHEDULE.json BUDGET_BYTES [static]

Prices turn the problem into independent parts: the cheapest entry of each kernel, the cheapest path of each
storage, the better choice of each may pair. Their sum, less prices times capacities, is below every plan. The
prices are read under the key `certificate`, knapsack cuts are proved, the bound is printed last, rounded down to 9
decimals. `static`: under `static_certificate`, of plans without moves. Rules from the format, no code of the solver."""
import gzip, itertools, json, math, sys
from fractions import Fraction

INF = None  # no path, no entry: larger than every number


class Bad(Exception):
    pass


def need(ok, why):
    if not ok:
        raise Bad(why)


def load(path):
    with (gzip.open(path, 'rt') if path.endswith('.gz') else open(path)) as f:
        return json.load(f, parse_float=Fraction)


def price(v, what, negative=False):
    need(type(v) in (int, Fraction) and (negative or v >= 0), '%s: %r is no price' % (what, v))
    return Fraction(v)


def least(a, b):
    return b if a is INF else a if b is INF else min(a, b)


class Variant:
    def __init__(self, kernel, v):
        self.ins, self.outs = v.get('ins', kernel['ins']), v.get('outs', kernel['outs'])
        self.ops = self.ins + self.outs
        self.scratch = v.get('scratch', kernel.get('scratch', 0))
        self.n, t, self.list = len(self.ops), v['t'], None
        if isinstance(t, list):
            need(len(t) == 1 << self.n, 'a table of the wrong length')
            self.list = [None if x is None else Fraction(x) for x in t]
            return
        self.base, self.sum = Fraction(t['base']), t['combine'] == 'sum'
        self.slow = [None if x is None else Fraction(x) for x in t['slow']]
        self.latency = [Fraction(x) for x in t.get('latency', [0] * self.n)]

    def at(self, mask):
        if self.list is not None:
            return self.list[mask]
        on = [j for j in range(self.n) if mask >> j & 1]
        if any(self.slow[j] is None for j in on):
            return None
        total = sum(self.slow[j] for j in on)
        total = self.base + total if self.sum else max(self.base, total)
        return total + sum(self.latency[j] for j in on)


class Problem:
    def __init__(self, d, asynchronous=True, still=False):
        self.still = still                      # only plans without moves
        self.cyclic, self.slow_bytes, self.N = d['cyclic'], d.get('slow_bytes'), len(d['kernels'])
        asyn, bw = (d['async'], d['async']) if asynchronous and 'async' in d else (None, d)
        # asynchronous: a move may run at the faster of alone and mixed
        self.faster = [min(Fraction(1), Fraction(asyn[w]) / Fraction(asyn['mixed_' + w])) if asyn else 1 for w in ('read_bw', 'write_bw')]
        self.tensors = d['tensors']
        latency = Fraction(d.get('move_latency', 0))
        self.fetch = [Fraction(t['fetch']) if 'fetch' in t else latency + t['size'] / Fraction(bw['read_bw']) for t in self.tensors]
        self.evict = [Fraction(t['evict']) if 'evict' in t else latency + t['size'] / Fraction(bw['write_bw']) for t in self.tensors]
        self.kernels = []
        for k in d['kernels']:
            k = dict(k)
            k['v'] = [Variant(k, v) for v in k.get('variants', [k])]
            used = [o for v in k['v'] for o in v.ops]
            # the numbering of prices: the kernel's own list, then what variants add, without what none uses
            k['ops'] = [o for o in dict.fromkeys(k['ins'] + k['outs'] + used) if o in set(used)]
            k['pairs'] = [(k['ins'][i], k['outs'][o], kind) for i, o, kind in k.get('inplace', [])]
            self.kernels.append(k)
        self.join_chains()

    def join_chains(self):
        nxt = {a: b for k in self.kernels for a, b, kind in k['pairs'] if kind == 'must'}
        stations, made = [[] for _ in self.tensors], [set() for _ in self.tensors]
        for i, k in enumerate(self.kernels):
            for o in k['ops']:
                stations[o].append(i)
            for o in k['outs']:
                made[o].add(i)
        self.stations, self.storages, self.of = stations, [], {}
        for t, e in enumerate(self.tensors):
            if t in nxt.values():
                continue
            s = dict(chain=[t], size=e['size'], fetch=self.fetch[t], evict=self.evict[t], arg=e.get('arg', 0),
                     fixed=(e.get('fixed') or {}).get('tier'), at={t: 0}, st=list(stations[t]), made=set(made[t]))
            while s['chain'][-1] in nxt:
                u = nxt[s['chain'][-1]]
                s['chain'].append(u)
                s['at'][u] = len(s['st']) - 1
                s['st'] += stations[u][1:]
                s['made'] |= made[u]
            s['circle'] = bool(self.cyclic and s['arg'])
            s['out'] = bool(self.tensors[s['chain'][-1]].get('out') and not s['circle'] and not (s['arg'] and len(s['chain']) == 1))
            for u in s['chain']:
                self.of[u] = len(self.storages)
            self.storages.append(s)


class Prices:
    """The prices of one leaf, summed per place, and what the splits above it fix."""
    def __init__(self, P, c, budget):
        self.mu, self.pi, self.alpha, self.beta, self.nu = {}, {}, {}, {}, {}
        self.sigma = [Fraction(0)] * (3 * P.N)
        self.constant = Fraction(0)
        for k, mu in c.get('memory', []):
            need(0 <= k < P.N, 'memory: no such kernel')
            self.mu[k] = self.mu.get(k, 0) + price(mu, 'memory')
        for phase, s in c.get('slow_memory', []):
            need(0 <= phase < 3 * P.N and P.slow_bytes is not None, 'slow_memory: no such phase, or no capacity')
            self.sigma[phase] += price(s, 'slow_memory')
        for k, j, pi in c.get('operand', []):
            need(0 <= k < P.N and 0 <= j < len(P.kernels[k]['ops']), 'operand: no such operand')
            key = (k, P.kernels[k]['ops'][j])
            self.pi[key] = self.pi.get(key, 0) + price(pi, 'operand', True)
        for k, p, a, b in c.get('pair', []):
            need(0 <= k < P.N and 0 <= p < len(P.kernels[k]['pairs']) and P.kernels[k]['pairs'][p][2] == 'may', 'pair: no such may pair')
            self.alpha[k, p] = self.alpha.get((k, p), 0) + price(a, 'pair')
            self.beta[k, p] = self.beta.get((k, p), 0) + price(b, 'pair')
        for k, nu, b, terms in c.get('knapsack', []):
            need(0 <= k < P.N, 'knapsack: no such kernel')
            prove_cut(P, k, b, terms, budget)
            nu = price(nu, 'knapsack')
            self.constant -= nu * b
            for t, a in terms:
                key = (k, P.of[t])
                self.nu[key] = self.nu.get(key, 0) + nu * a
        self.constant -= sum(self.mu.values()) * budget
        if P.slow_bytes is not None:
            self.constant -= sum(self.sigma) * P.slow_bytes
        self.weights = [price(w, 'weights') for w in c.get('weights', [1, 1, 1])]
        need(len(self.weights) == 3 and ('weights' not in c or sum(self.weights) == 1), 'weights: not three of sum 1')
        self.asynchronous = 'weights' in c


def prove_cut(P, k, b, terms, budget):
    """No set of the storages that fits beside the least scratch has sum a > b."""
    need(type(b) is int and b >= 0, 'knapsack: b is no integer')
    room = budget - min(v.scratch for v in P.kernels[k]['v'])
    seen, lightest = set(), {0: 0}          # sum of a, at most b + 1 -> least bytes
    for t, a in terms:
        need(type(t) is int and t in P.of and type(a) is int and a > 0, 'knapsack: a term is no tensor or not positive')
        need(P.of[t] not in seen, 'knapsack: a storage twice')
        seen.add(P.of[t])
        size = P.storages[P.of[t]]['size']
        for have, bytes_ in sorted(lightest.items(), reverse=True):
            now = min(have + a, b + 1)
            if bytes_ + size < lightest.get(now, math.inf):
                lightest[now] = bytes_ + size
    for x, y, kind in P.kernels[k]['pairs']:
        need(kind == 'must' or not {P.of[x], P.of[y]} <= seen, 'knapsack: both of a may pair of kernel %d' % k)
    need(lightest.get(b + 1, math.inf) > room, 'knapsack: a set beyond %d fits at kernel %d' % (b, k))


class Leaf:
    """All numbers as integers over one denominator, so that sums are fast."""
    def __init__(self, P, prices, budget, fixed):
        self.P, self.p, self.budget, self.fixed = P, prices, budget, fixed
        aK, aR, aW = prices.weights
        if prices.asynchronous:
            aR, aW = aR * P.faster[0], aW * P.faster[1]
        values = [prices.constant, *prices.sigma, *(x * aR for x in P.fetch), *(x * aW for x in P.evict)]
        for group in (prices.mu, prices.pi, prices.alpha, prices.beta, prices.nu):
            values += group.values()
        for v in (v for k in P.kernels for v in k['v']):
            rows = [v.base] + v.slow + v.latency if v.list is None else v.list
            values += [x * aK for x in rows if x is not None]
        self.unit = math.lcm(*{x.denominator for x in values})
        self.aK, self.aR, self.aW = aK, aR, aW

    def i(self, x):
        return int(x * self.unit)

    def bound(self):
        total = self.i(self.p.constant)
        self.prefix_sums()
        terms = [self.kernel(k) for k in range(self.P.N)] + [self.storage(n) for n in range(len(self.P.storages))]
        for k in range(self.P.N):
            for n, (a, _, kind) in enumerate(self.P.kernels[k]['pairs']):
                gain = self.p.alpha.get((k, n), 0) + self.p.beta.get((k, n), 0) - self.P.tensors[a]['size'] * self.p.mu.get(k, 0)
                total += min(0, self.i(gain)) if kind == 'may' else 0
        return INF if INF in terms else Fraction(total + sum(terms), self.unit)

    def kernel(self, k):
        K, best = self.P.kernels[k], INF
        pi = {o: self.i(self.p.pi.get((k, o), 0)) for o in K['ops']}
        fast = {o: self.fixed_at(k, o) for o in K['ops']}
        for v in (v for n, v in enumerate(K['v']) if self.may_choose(k, n)):
            rest = self.i(self.p.mu.get(k, 0) * v.scratch)
            for o in K['ops']:
                if o not in v.ops:          # fast or slow, whichever is less
                    rest -= pi[o] if fast[o] is False else max(0, pi[o]) if fast[o] is None else 0
            if v.list is None and v.n > 12:
                best = least(best, rest + self.mixture(v, pi, fast))
                continue
            for mask in range(1 << v.n):
                if any(fast[o] is not None and fast[o] == bool(mask >> j & 1) for j, o in enumerate(v.ops)):
                    continue
                t = v.at(mask)
                if t is not None and self.fits(K, v, mask):
                    best = least(best, rest + self.i(t * self.aK) - sum(pi[o] for j, o in enumerate(v.ops) if mask >> j & 1))
        return best

    def mixture(self, v, pi, fast):
        """Below max(base, sum) of any set: (1 - x) base + x sum, the best x of those where a term changes sign."""
        pi, best = {o: Fraction(x, self.unit) for o, x in pi.items()}, INF
        xs = [Fraction(1)] if v.sum else {Fraction(0), Fraction(1)} | {
            (pi[o] - self.aK * v.latency[j]) / (self.aK * v.slow[j]) for j, o in enumerate(v.ops) if self.aK and v.slow[j]}
        for x in (x for x in xs if 0 <= x <= 1):
            f = self.aK * v.base * (1 if v.sum else 1 - x)
            for j, o in enumerate(v.ops):
                if v.slow[j] is not None and fast[o] is not True:
                    d = self.aK * (x * v.slow[j] + v.latency[j]) - pi[o]
                    f += d if fast[o] is False else min(0, d)
            best = f if best is INF else max(best, f)
        return math.floor(best * self.unit)

    def fits(self, K, v, mask):
        """Fast operands, pairs that can share once, and scratch within the budget."""
        there = {o for j, o in enumerate(v.ops) if not mask >> j & 1}
        if any(kind == 'must' and (a in there) != (b in there) for a, b, kind in K['pairs']):
            return False
        used = sum(self.P.storages[s]['size'] for s in {self.P.of[o] for o in there}) + v.scratch
        return used - self.saved(K, there) <= self.budget

    def saved(self, K, there):
        tied = {o for a, b, kind in K['pairs'] if kind == 'must' for o in (a, b)}
        pairs = [(a, b) for a, b, kind in K['pairs'] if kind == 'may' and {a, b} <= there and not {a, b} & tied]

        def most(n, taken):
            if n == len(pairs):
                return 0
            without = most(n + 1, taken)
            if set(pairs[n]) & taken:
                return without
            return max(without, self.P.tensors[pairs[n][0]]['size'] + most(n + 1, taken | set(pairs[n])))
        return most(0, frozenset())

    def fixed_at(self, k, t):
        """What the splits above the leaf say of an operand."""
        if not self.fixed:
            return None
        if self.fixed.get(('resident', self.P.storages[self.P.of[t]]['chain'][0])):
            return True
        return self.fixed.get(('station', t, self.P.stations[t].index(k)))

    def may_choose(self, k, n):
        if any(key[0] == 'variant' and key[1] == k and yes and key[2] != n for key, yes in self.fixed.items()):
            return False
        return self.fixed.get(('variant', k, n)) is not False

    def prefix_sums(self):
        self.mu = list(itertools.accumulate((self.i(self.p.mu.get(k, 0)) for k in range(self.P.N)), initial=0))
        self.sigma = list(itertools.accumulate(map(self.i, self.p.sigma), initial=0))
        self.cuts = [{} for _ in self.P.storages]
        for (k, s), nu in self.p.nu.items():
            self.cuts[s][k] = self.i(nu)

    def held(self, n, a, b):
        """Price of fast memory at kernels a..b."""
        s = self.P.storages[n]
        return 0 if b < a else s['size'] * (self.mu[b + 1] - self.mu[a]) + sum(c for k, c in self.cuts[n].items() if a <= k <= b)

    def lying(self, s, a, b):
        """Price of the slow place over phases a..b."""
        return 0 if b < a else s['size'] * (self.sigma[b + 1] - self.sigma[a])

    def storage(self, n):
        s, N = self.P.storages[n], self.P.N
        fixed_resident = self.fixed.get(('resident', s['chain'][0]))
        xs, ys = self.restrictions(s)
        best = INF
        if s['arg'] and s['fixed'] != 'slow' and fixed_resident is not False and set(xs + ys) <= {None, True}:
            best = self.held(n, 0, N - 1)
        if s['fixed'] == 'fast' or fixed_resident:
            return best
        if not s['st']:
            return least(best, self.lying(s, 0, 3 * N - 1) if s['arg'] else 0)
        if s['circle']:
            for fast, valid in ((0, 1), (1, 1), (1, 0)):
                start = {(fast, valid, 2, 0): self.held(n, 0, s['st'][0] - 1) if fast else 0}
                end = self.walk(n, start, xs, ys)
                best = least(best, end.get((fast, valid, 2, 1), INF))
            return best
        start = {(0, 1, 2, 0) if s['arg'] else (0, 0, 0, 0): 0}
        for (fast, valid, slow, _), cost in self.walk(n, start, xs, ys).items():
            if s['out'] and not fast and not valid:
                continue
            to_end = s['out'] and not fast          # its slow place is held to the end
            if s['arg'] or to_end == (slow == 1):
                best = least(best, cost + (self.lying(s, 3 * s['st'][-1] + 3, 3 * N - 1) if to_end and not s['arg'] else 0))
        return best

    def restrictions(self, s):
        xs, ys = [None] * len(s['st']), [None] * len(s['st'])
        for key, yes in self.fixed.items():
            if key[0] in ('station', 'gap') and key[1] in s['at']:
                row, i = xs if key[0] == 'station' else ys, s['at'][key[1]] + key[2]
                row[i] = yes if row[i] in (None, yes) else 'neither'
        return xs, ys

    def walk(self, n, states, xs, ys):
        """State after a station: fast and kept, slow copy valid, slow place (0 not yet, 1 touched again later, 2 done), some gap not kept."""
        P, s = self.P, self.P.storages[n]
        fetch, evict = self.i(s['fetch'] * self.aR), self.i(s['evict'] * self.aW)
        m, place, need_later = len(s['st']), not s['arg'], s['circle'] or s['out']
        states = {k: c + (0 if place else self.lying(s, 0, 3 * P.N - 1)) for k, c in states.items()}
        for i, k in enumerate(s['st']):
            K, after = P.kernels[k], {}
            open_ = [v for j, v in enumerate(K['v']) if self.may_choose(k, j)]
            uses = [not set(s['chain']).isdisjoint(v.ops) for v in open_]
            pi = sum(self.i(self.p.pi.get((k, o), 0)) for o in s['chain'] if o in K['ops'])
            here = self.held(n, k, k)
            give = take = 0
            for j, (a, b, kind) in enumerate(K['pairs']):
                if kind == 'may':
                    give += self.i(self.p.alpha.get((k, j), 0)) if P.of[a] == n else 0
                    take += self.i(self.p.beta.get((k, j), 0)) if P.of[b] == n else 0
            made, last = k in s['made'], i + 1 == m
            has_gap = not last or need_later        # to the next station, to the end, or round to the boundary
            gap = self.held(n, k + 1, P.N - 1 if last else s['st'][i + 1] - 1)
            since = 3 * s['st'][i - 1] + 3 if i else 0
            def put(fast, valid, slow, dropped, cost, touched):
                """Account for the slow place: touched phases of this station."""
                begin = since if slow == 1 else touched[0] if touched else 3 * k + 3
                options = [(slow, self.lying(s, begin, 3 * k + 2) if place else 0)]
                if place and touched:
                    options = [] if slow == 2 else [(1, options[0][1]), (2, self.lying(s, begin, touched[-1]))]
                for state, more in options:
                    key = (fast, valid, state, dropped)
                    after[key] = least(after.get(key, INF), cost + more)
            for (fast, valid, slow, dropped), cost in states.items():
                exists = i > 0 or s['arg']
                if not fast and xs[i] in (None, False) and ys[i] in (None, False):
                    if any(uses) and (valid or not exists):
                        put(0, 1 if made or valid else 0, slow, 1, cost + pi, [3 * k + 1])
                    if not all(uses):
                        put(0, valid, slow, 1, cost + pi, [])
                if xs[i] not in (None, True) or not fast and (not any(uses) or exists and (P.still or not valid)):
                    continue
                c, touched = cost + here - take, []
                if not fast and exists:
                    c, touched = c + fetch, [3 * k]
                now = 0 if made else valid
                if has_gap and ys[i] in (None, True):
                    put(1, now, slow, dropped, c + gap, touched)
                if ys[i] not in (None, False):
                    continue
                if now:                                     # leaves for nothing
                    put(0, 1, slow, 1, c - (give if valid else 0), touched)
                    continue
                # is written; or nothing reads it any more
                if not P.still:
                    put(0, 1, slow, 1, c + evict - (give if valid else 0), touched + [3 * k + 2])
                if not need_later:
                    put(0, 0, slow, 1, c - give, touched)
            states = after
        return states


def tree(P, node, root, budget, fixed):
    if 'split' not in node:
        return Leaf(P, Prices(P, {**node, 'weights': root['weights']} if 'weights' in root else node, budget), budget, fixed).bound()
    key = tuple(node['split'])
    need(key[0] in ('station', 'gap', 'variant', 'resident'), 'tree: unknown split')
    return least(tree(P, node['yes'], root, budget, {**fixed, key: True}),
                 tree(P, node['no'], root, budget, {**fixed, key: False}))


def main(argv):
    still = argv[4:] == ['static']
    if len(argv) != 4 + still:
        sys.exit(__doc__.split('\n')[1])
    sys.setrecursionlimit(100000)
    try:
        d, c, budget = load(argv[1]), load(argv[2]).get('static_certificate' if still else 'certificate'), int(argv[3])
        need(isinstance(c, dict), 'no certificate')
        need('async' in d or 'weights' not in c, 'weights: the problem is not asynchronous')
        P = Problem(d, 'weights' in c, still)      # without weights: as if the key `async` were absent
        bound = tree(P, c, c, budget, {})
    except (Bad, OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, ZeroDivisionError) as e:
        sys.exit('check_bound.py: %s: %s' % (type(e).__name__, e))
    units = math.floor(bound * 10**9) if bound is not INF else None
    print('inf' if bound is INF else '%s%d.%09d' % ('-' * (units < 0), abs(units) // 10**9, abs(units) % 10**9))


if __name__ == '__main__':
    main(sys.argv)
