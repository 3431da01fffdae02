/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/team.h"

#include <stdatomic.h>

#define SPINS 4000 /* looks at a counter before giving the core away, some 50 us */

/*
 * Counters carry the run's number in their upper half, so that a thread that
 * slept through the end of a run can not take tasks of the next by mistake.
 */
typedef struct {
    _Alignas(64) _Atomic guint64 claimed; /* run << 32 | next task */
    _Atomic guint done;
    guint n_tasks;
} Step;

struct _FovTeam {
    _Alignas(64) _Atomic guint64 position; /* run << 32 | step */
    _Alignas(64) FovTeamFunc func;
    gpointer data;
    Step *steps;
    guint n_steps;
    guint64 run;
    double *seconds;
    gint64 last; /* when the current step began */
    GThread **threads;
    guint n_helpers;
    _Atomic guint n_started; /* helpers that have their number */
    GMutex lock;
    GCond wake;
    guint64 wanted; /* the run that helpers are called for; guarded by lock */
    _Atomic gboolean stop;
};

static inline void
relax (guint spins)
{
    if (spins > SPINS)
        g_thread_yield ();
#if defined(__x86_64__)
    __builtin_ia32_pause ();
#endif
}

/* Opens the next step that has tasks, or the end. */
static void
advance (FovTeam *team, guint64 run, guint step)
{
    if (team->seconds) {
        const gint64 now = g_get_monotonic_time ();
        if (step > 0)
            team->seconds[step - 1] = (double) (now - team->last) * 1e-6;
        team->last = now;
    }
    while (step < team->n_steps && team->steps[step].n_tasks == 0) {
        if (team->seconds)
            team->seconds[step] = 0;
        step++;
    }
    atomic_store_explicit (&team->position, run << 32 | step, memory_order_release);
}

/* FALSE if the step has no task left (or is one of another run). */
static gboolean
claim (Step *step, guint64 run, guint *task)
{
    guint64 at = atomic_load_explicit (&step->claimed, memory_order_acquire);

    do {
        if (at >> 32 != run || (guint) at >= step->n_tasks)
            return FALSE;
    } while (!atomic_compare_exchange_weak (&step->claimed, &at, at + 1));
    *task = (guint) at;
    return TRUE;
}

/* Takes part in a run until its end. */
static void
work (FovTeam *team, guint64 run, guint thread)
{
    guint spins = 0;

    for (;;) {
        const guint64 position = atomic_load_explicit (&team->position, memory_order_acquire);
        const guint at = (guint) position;
        guint task;
        if (position >> 32 != run || at >= team->n_steps)
            return;
        if (!claim (&team->steps[at], run, &task)) {
            relax (++spins);
            continue;
        }
        spins = 0;
        do {
            team->func (team->data, at, task, thread);
            if (atomic_fetch_add (&team->steps[at].done, 1) + 1 == team->steps[at].n_tasks)
                advance (team, run, at + 1);
        } while (claim (&team->steps[at], run, &task));
    }
}

static gpointer
helper_main (gpointer data)
{
    FovTeam *team = data;
    const guint thread = atomic_fetch_add (&team->n_started, 1) + 1;
    guint64 seen = 0;

    for (;;) {
        g_mutex_lock (&team->lock);
        while (team->wanted == seen && !team->stop)
            g_cond_wait (&team->wake, &team->lock);
        seen = team->wanted;
        g_mutex_unlock (&team->lock);
        if (team->stop)
            return NULL;
        work (team, seen, thread);
    }
}

FovTeam *
fov_team_new (guint n_threads, guint n_steps, const guint *n_tasks, FovTeamFunc func, gpointer data)
{
    FovTeam *team = g_aligned_alloc0 (1, sizeof *team, 64);

    team->func = func;
    team->data = data;
    team->n_steps = n_steps;
    team->steps = g_aligned_alloc0 (n_steps + 1, sizeof (Step), 64);
    for (guint i = 0; i < n_steps; i++)
        team->steps[i].n_tasks = n_tasks[i];
    g_mutex_init (&team->lock);
    g_cond_init (&team->wake);
    team->n_helpers = MAX (n_threads, 1) - 1;
    team->threads = g_new0 (GThread *, team->n_helpers + 1);
    for (guint i = 0; i < team->n_helpers; i++)
        team->threads[i] = g_thread_new ("fovea-team", helper_main, team);
    return team;
}

void
fov_team_run (FovTeam *team, double *seconds)
{
    const guint64 run = ++team->run & G_MAXUINT32;
    guint spins = 0;

    team->seconds = seconds;
    for (guint i = 0; i < team->n_steps; i++) {
        atomic_store_explicit (&team->steps[i].done, 0, memory_order_relaxed);
        atomic_store_explicit (&team->steps[i].claimed, run << 32, memory_order_release);
    }
    advance (team, run, 0);
    if (team->n_helpers) {
        g_mutex_lock (&team->lock);
        team->wanted = run;
        g_cond_broadcast (&team->wake);
        g_mutex_unlock (&team->lock);
    }
    work (team, run, 0);
    while ((guint) atomic_load_explicit (&team->position, memory_order_acquire) < team->n_steps)
        relax (++spins);
}

void
fov_team_free (FovTeam *team)
{
    if (!team)
        return;
    g_mutex_lock (&team->lock);
    team->stop = TRUE;
    g_cond_broadcast (&team->wake);
    g_mutex_unlock (&team->lock);
    for (guint i = 0; i < team->n_helpers; i++)
        g_thread_join (team->threads[i]);
    g_free (team->threads);
    g_mutex_clear (&team->lock);
    g_cond_clear (&team->wake);
    g_aligned_free (team->steps);
    g_aligned_free (team);
}
