/* clock.c - real time, and modelled time of emulated tiers: the one function
 * that profile, planner input and run share. A kernel hides slow traffic behind
 * its compute (roofline: max), a latency is paid once an operand. */
#include "clock.h"

#include "autotm/tier.h"

#include <sys/resource.h>
#include <time.h>

double atm_now_s(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

long atm_preemptions(void)
{
    struct rusage u;

    return getrusage(RUSAGE_SELF, &u) == 0 ? u.ru_nivcsw : 0;
}

double atm_clock_kernel(double fast_s, uint32_t n, const double *slow_s,
                        const double *latency_s)
{
    double traffic = 0, latency = 0;
    uint32_t i;

    for (i = 0; i < n; i++) {
        traffic += slow_s[i];
        latency += latency_s[i];
    }
    return (fast_s > traffic ? fast_s : traffic) + latency;
}

double atm_clock_move(const struct atm_tier_info *slow, uint64_t bytes,
                      bool write)
{
    return (double)bytes / (write ? slow->write_bw : slow->read_bw) +
           slow->latency_s;
}
