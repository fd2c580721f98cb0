/* What bench_client and bench_server measure, and the rows that they print.
 *
 *     bench_server ADDR                                     prints READY pid=PID when it listens
 *     bench_client ADDR SERVER_PID MODE COUNT [WINDOW]      prints rows: metric TAB value TAB unit
 *
 * ADDR is tcp:PORT (on 127.0.0.1), unix:PATH or shm:PATH (raw sockets take it for unix:PATH). SERVER_PID 0: the server's
 * share is not known and left out.
 * MODE is lat, pipe, bulk, into (the answers of bulk in a buffer), size (WINDOW is the bytes of a message), cb or idle.
 * With BENCH_NO_WARM set, lat and cb start cold.
 */
#ifndef BENCH_H
#define BENCH_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define BENCH_BULK ((size_t)1 << 20) /* bytes of one bulk operation */

static inline void bench_die(const char *why)
{
    fprintf(stderr, "bench: %s\n", why);
    exit(1);
}

static inline void *bench_alloc(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);

    if (!memory)
        bench_die("out of memory");
    return memory;
}

/* As many connections as the system allows. */
static inline void bench_many_files(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* ---------------------------------------------------------------- command lines */

struct bench_args {
    const char *addr;
    pid_t srv;
    const char *mode;
    long n;
    int window;
};

static inline struct bench_args bench_parse(int argc, char **argv)
{
    struct bench_args args = {.window = 1};

    if (argc != 5 && argc != 6)
        bench_die("usage: bench_client ADDR SERVER_PID MODE COUNT [WINDOW]");
    args.addr = argv[1];
    args.srv = (pid_t)strtol(argv[2], NULL, 10);
    args.mode = argv[3];
    args.n = strtol(argv[4], NULL, 10);
    if (argc == 6)
        args.window = (int)strtol(argv[5], NULL, 10);
    if (args.n < 1 || args.window < (strcmp(args.mode, "size") != 0))
        bench_die("COUNT and WINDOW must be at least 1");
    return args;
}

static inline int bench_is_tcp(const char *addr, int *port)
{
    if (strncmp(addr, "tcp:", 4) != 0)
        return 0;
    *port = (int)strtol(addr + 4, NULL, 10);
    return 1;
}

static inline int bench_is_shared(const char *addr)
{
    return strncmp(addr, "shm:", 4) == 0;
}

/* The path in unix:PATH or shm:PATH. */
static inline const char *bench_path(const char *addr)
{
    if (bench_is_shared(addr))
        return addr + 4;
    if (strncmp(addr, "unix:", 5) != 0)
        bench_die("ADDR must be tcp:PORT, unix:PATH or shm:PATH");
    return addr + 5;
}

/* Says that the server listens; ref is what clients need instead of ADDR, or NULL. */
static inline void bench_ready(const char *ref)
{
    printf("READY pid=%ld", (long)getpid());
    if (ref)
        printf(" ref=%s", ref);
    putchar('\n');
    fflush(stdout);
}

/* ---------------------------------------------------------------- rows */

static inline void bench_emit(const char *metric, double value, const char *unit)
{
    printf("%s\t%.7g\t%s\n", metric, value, unit);
    fflush(stdout);
}

/* The metric is "group.part". */
static inline void bench_emit2(const char *group, const char *part, double value, const char *unit)
{
    char metric[96];

    snprintf(metric, sizeof metric, "%s.%s", group, part);
    bench_emit(metric, value, unit);
}

static inline const char *bench_pipe_name(int window)
{
    static char name[24];

    snprintf(name, sizeof name, "pipe%d", window);
    return name;
}

/* ---------------------------------------------------------------- clocks and counters */

static inline uint64_t bench_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline void bench_sleep_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&time, NULL);
}

/* User and system time that a process has used so far, all its threads, dead ones too; 0 is this process. */
static inline double bench_cpu_us(pid_t pid)
{
    clockid_t clock = CLOCK_PROCESS_CPUTIME_ID;
    struct timespec used;

    if ((pid != 0 && clock_getcpuclockid(pid, &clock) != 0) || clock_gettime(clock, &used) != 0)
        return 0;
    return (double)used.tv_sec * 1e6 + (double)used.tv_nsec * 1e-3;
}

/* The number behind a key of a /proc status file, 0 if there is none. */
static inline long bench_status_field(const char *path, const char *key)
{
    char line[256];
    size_t length = strlen(key);
    long number = 0;
    FILE *file = fopen(path, "r");

    if (!file)
        return 0;
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, key, length) == 0) {
            number = strtol(line + length, NULL, 10);
            break;
        }
    }
    fclose(file);
    return number;
}

/* Voluntary context switches of the threads that a process has now; 0 is this process. */
static inline long bench_csw(pid_t pid)
{
    char folder[64], path[64 + sizeof(((struct dirent *)0)->d_name) + 8];
    struct dirent *entry;
    long switches = 0;
    DIR *tasks;

    snprintf(folder, sizeof folder, "/proc/%ld/task", (long)(pid ? pid : getpid()));
    tasks = opendir(folder);
    if (!tasks)
        return 0;
    while ((entry = readdir(tasks))) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s/status", folder, entry->d_name);
        switches += bench_status_field(path, "voluntary_ctxt_switches:");
    }
    closedir(tasks);
    return switches;
}

/* What both processes have used up to now. */
struct bench_mark {
    uint64_t ns;
    double client_us, server_us;
    long switches;
};

static inline struct bench_mark bench_begin(pid_t srv)
{
    struct bench_mark mark;

    mark.switches = bench_csw(0) + (srv ? bench_csw(srv) : 0);
    mark.client_us = bench_cpu_us(0);
    mark.server_us = srv ? bench_cpu_us(srv) : 0;
    mark.ns = bench_ns();
    return mark;
}

/* The rows .rate, .cpu, .cpu_client, .cpu_server and .csw of n operations since the mark. */
static inline void bench_end(struct bench_mark mark, const char *group, long n, pid_t srv)
{
    double ns = (double)(bench_ns() - mark.ns);
    double client = bench_cpu_us(0) - mark.client_us;
    double server = srv ? bench_cpu_us(srv) - mark.server_us : 0;
    long switches = bench_csw(0) + (srv ? bench_csw(srv) : 0) - mark.switches;
    double count = (double)n;

    bench_emit2(group, "rate", count * 1e9 / ns, "calls/s");
    bench_emit2(group, "cpu", (client + server) / count, "us/call");
    bench_emit2(group, "cpu_client", client / count, "us/call");
    bench_emit2(group, "cpu_server", server / count, "us/call");
    bench_emit2(group, "csw", (double)switches / count, "switches/call");
}

/* ---------------------------------------------------------------- measurements */

/* One operation, whose answer the measurement checks. */
typedef int64_t (*bench_call)(void *ctx, int64_t x);

static inline void bench_expect(bench_call call, void *ctx, int64_t x, int64_t answer)
{
    if (call(ctx, x) != answer)
        bench_die("wrong answer");
}

static inline int bench_compare(const void *left, const void *right)
{
    const uint64_t *a = left, *b = right;

    return (*a > *b) - (*a < *b);
}

/* n synchronous calls, each timed, that answer their argument; before them a tenth as many, at least 500, to warm up.
 * Beside the rows of bench_end: .mean, .p50 and .p99. */
static inline void bench_latency(const char *group, bench_call call, void *ctx, long n, pid_t srv)
{
    uint64_t *times = bench_alloc((size_t)n, sizeof *times);
    long warm = n / 10 > 500 ? n / 10 : 500, i;
    struct bench_mark mark;
    uint64_t last, now;
    double total = 0;

    memset(times, 0xff, (size_t)n * sizeof *times); /* the pages are there before the clock runs */
    for (i = 0; i < (getenv("BENCH_NO_WARM") ? 0 : warm); i++)
        bench_expect(call, ctx, i, i);

    mark = bench_begin(srv);
    last = bench_ns();
    for (i = 0; i < n; i++) {
        bench_expect(call, ctx, i, i);
        now = bench_ns();
        times[i] = now - last;
        last = now;
    }
    bench_end(mark, group, n, srv);

    for (i = 0; i < n; i++)
        total += (double)times[i];
    qsort(times, (size_t)n, sizeof *times, bench_compare);
    bench_emit2(group, "mean", total / (double)n * 1e-3, "us");
    bench_emit2(group, "p50", (double)times[n / 2] * 1e-3, "us");
    bench_emit2(group, "p99", (double)times[(size_t)n * 99 / 100] * 1e-3, "us");
    free(times);
}

/* n operations that answer BENCH_BULK: .rate, the payload counted once for each, and .cpu. */
static inline void bench_bulk(const char *group, bench_call call, void *ctx, long n, pid_t srv)
{
    double cpu;
    uint64_t start;
    long i;

    for (i = 0; i < n / 10 + 3; i++)
        bench_expect(call, ctx, i, (int64_t)BENCH_BULK);
    cpu = bench_cpu_us(0) + (srv ? bench_cpu_us(srv) : 0);
    start = bench_ns();
    for (i = 0; i < n; i++)
        bench_expect(call, ctx, i, (int64_t)BENCH_BULK);
    bench_emit2(group, "rate", (double)n * 1e9 / (double)(bench_ns() - start), "MiB/s");
    cpu = bench_cpu_us(0) + (srv ? bench_cpu_us(srv) : 0) - cpu;
    bench_emit2(group, "cpu", cpu / (double)n, "us/MiB");
}

/* What the server grows by when n more connections are open and idle. open_one(ctx, i) opens the i-th and answers i. */
static inline void bench_idle(bench_call open_one, void *ctx, long n, pid_t srv)
{
    char path[64];
    long rss, threads, i;

    snprintf(path, sizeof path, "/proc/%ld/status", (long)srv);
    bench_expect(open_one, ctx, 0, 0); /* the first one settles the server */
    bench_sleep_ms(300);
    rss = bench_status_field(path, "VmRSS:");
    threads = bench_status_field(path, "Threads:");
    for (i = 1; i <= n; i++)
        bench_expect(open_one, ctx, i, i);
    bench_sleep_ms(500);
    bench_emit2("idle", "rss", (double)(bench_status_field(path, "VmRSS:") - rss) / (double)n, "KiB/conn");
    bench_emit2("idle", "base_rss", (double)rss, "KiB");
    bench_emit2("idle", "threads", (double)(bench_status_field(path, "Threads:") - threads) / (double)n,
                "threads/conn");
}

/* n operations on a message of this size, after a few to warm up: .time of one. */
static inline void bench_sized(bench_call call, void *ctx, size_t size, long n)
{
    uint64_t start;
    long i;

    for (i = 0; i < n / 10 + 2; i++)
        bench_expect(call, ctx, i, (int64_t)size);
    start = bench_ns();
    for (i = 0; i < n; i++)
        bench_expect(call, ctx, i, (int64_t)size);
    bench_emit2("size", "time", (double)(bench_ns() - start) * 1e-3 / (double)n, "us");
}

/* Fills room with bytes that do not compress, always the same. */
static inline void bench_fill(unsigned char *bytes, size_t size)
{
    uint64_t state = 0x9e3779b97f4a7c15u, word;
    size_t i, part;

    for (i = 0; i < size; i += sizeof word) { /* splitmix64 */
        state += 0x9e3779b97f4a7c15u;
        word = (state ^ state >> 30) * 0xbf58476d1ce4e5b9u;
        word = (word ^ word >> 27) * 0x94d049bb133111ebu;
        word ^= word >> 31;
        part = size - i < sizeof word ? size - i : sizeof word;
        memcpy(bytes + i, &word, part);
    }
}

static inline unsigned char *bench_random_bytes(size_t size)
{
    unsigned char *bytes = bench_alloc(size, 1);

    bench_fill(bytes, size);
    return bytes;
}

#endif
