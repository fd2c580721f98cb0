/* Work that is done in a thread of its own, after a while, and is cancelled when the server ends. */
#define _POSIX_C_SOURCE 200809L
#include "interop_server.h"

#include <stdlib.h>
#include <time.h>

struct job {
    struct job *next;
    pthread_t thread;
    struct timespec due;
    later_fn work;
    void *data;
    bool done;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t stop_called = PTHREAD_COND_INITIALIZER;
static struct job *jobs;
static bool stopping;

static void *run_job(void *argument)
{
    struct job *job = argument;
    pthread_mutex_lock(&lock);
    while (!stopping && pthread_cond_timedwait(&stop_called, &lock, &job->due) == 0)
        ;
    bool cancelled = stopping;
    pthread_mutex_unlock(&lock);
    job->work(job->data, cancelled);
    pthread_mutex_lock(&lock);
    job->done = true;
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* Joins the threads that are done, or all. */
static void reap(bool all)
{
    struct job *reaped = NULL;
    pthread_mutex_lock(&lock);
    for (struct job **link = &jobs; *link != NULL;) {
        struct job *job = *link;
        if (all || job->done) {
            *link = job->next;
            job->next = reaped;
            reaped = job;
        } else {
            link = &job->next;
        }
    }
    pthread_mutex_unlock(&lock);
    while (reaped != NULL) {
        struct job *job = reaped;
        reaped = job->next;
        pthread_join(job->thread, NULL);
        free(job);
    }
}

static struct timespec time_after(double seconds)
{
    struct timespec due;
    clock_gettime(CLOCK_REALTIME, &due); /* the clock of a plain condition variable */
    if (!(seconds > 0))
        return due;
    if (seconds > 1e6)
        seconds = 1e6;
    due.tv_sec += (time_t)seconds;
    due.tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
    if (due.tv_nsec >= 1000000000L) {
        due.tv_sec++;
        due.tv_nsec -= 1000000000L;
    }
    return due;
}

bool later(double delay, later_fn work, void *data)
{
    reap(false);
    struct job *job = malloc(sizeof *job);
    if (job == NULL)
        return false;
    *job = (struct job){.due = time_after(delay), .work = work, .data = data};
    pthread_mutex_lock(&lock);
    bool started = !stopping && pthread_create(&job->thread, NULL, run_job, job) == 0;
    if (started) {
        job->next = jobs;
        jobs = job;
    }
    pthread_mutex_unlock(&lock);
    if (!started)
        free(job);
    return started;
}

void later_stop(void)
{
    pthread_mutex_lock(&lock);
    stopping = true;
    pthread_cond_broadcast(&stop_called);
    pthread_mutex_unlock(&lock);
    reap(true);
}
