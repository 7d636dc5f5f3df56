/* clock.c - real time, and modelled time of emulated tiers: the one function
 * that profile, planner input and run share. A kernel hides slow traffic behind
 * its compute (roofline: max), a latency is paid once an operand. */
#include "clock.h"

#include "autotm/tier.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

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

/* Second number of a thread's schedstat: ns that it was ready and not run. */
double atm_waited_s(void)
{
    DIR *tasks = opendir("/proc/self/task");
    const struct dirent *e;
    double sum = 0;

    while (tasks && (e = readdir(tasks))) {
        unsigned long long ran, waited;
        char path[64];
        FILE *f;

        (void)snprintf(path, sizeof(path), "/proc/self/task/%.20s/schedstat",
                       e->d_name);
        f = e->d_name[0] == '.' ? NULL : fopen(path, "re");
        if (f && fscanf(f, "%llu %llu", &ran, &waited) == 2)
            sum += 1e-9 * (double)waited;
        if (f)
            (void)fclose(f);
    }
    if (tasks)
        (void)closedir(tasks);
    return sum;
}

double atm_stolen_s(void)
{
    FILE *f = fopen("/proc/stat", "re");
    unsigned long long ticks = 0;

    /* user nice system idle iowait irq softirq steal */
    if (f && fscanf(f, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &ticks) != 1)
        ticks = 0;
    if (f)
        (void)fclose(f);
    return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

void atm_back_off(uint32_t *times)
{
    struct timespec t = {0, 1000000L << (*times < 7 ? *times : 7)};

    (void)nanosleep(&t, NULL);
    ++*times;
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
