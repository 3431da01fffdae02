/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check.h"

#include "host/team.h"

#include <stdatomic.h>

#define STEPS 40

typedef struct {
    guint n_tasks[STEPS];
    _Atomic guint ran[STEPS][64];
    _Atomic guint finished[STEPS];
    _Atomic guint early; /* tasks that ran before the step in front was done */
    guint n_threads;
    _Atomic gboolean busy[8]; /* by thread */
    _Atomic guint strange;    /* tasks on a thread that there is not, or that had one already */
} Log;

static void
log_task (gpointer data, guint step, guint task, guint thread)
{
    Log *log = data;

    if (thread >= log->n_threads || atomic_exchange (&log->busy[thread], TRUE))
        log->strange++;

    if (step > 0 && log->finished[step - 1] != log->n_tasks[step - 1])
        log->early++;
    log->ran[step][task]++;
    log->finished[step]++;
    log->busy[thread] = FALSE;
}

static void
run_team (guint n_threads)
{
    g_autoptr (GRand) rand = g_rand_new_with_seed (7);
    g_autofree Log *log = g_new0 (Log, 1);
    double seconds[STEPS];
    FovTeam *team;

    for (guint i = 0; i < STEPS; i++)
        log->n_tasks[i] = i % 7 == 3 ? 0 : (guint) g_rand_int_range (rand, 1, 64);
    log->n_threads = n_threads;
    team = fov_team_new (n_threads, STEPS, log->n_tasks, log_task, log);
    for (guint frame = 1; frame <= 300; frame++) {
        for (guint i = 0; i < STEPS; i++)
            log->finished[i] = 0;
        fov_team_run (team, frame % 2 ? seconds : NULL);
        for (guint i = 0; i < STEPS; i++)
            for (guint task = 0; task < log->n_tasks[i]; task++)
                if (log->ran[i][task] != frame)
                    fail_msg ("%u threads, frame %u: task %u of step %u ran %u times", n_threads,
                              frame, task, i, log->ran[i][task]);
    }
    assert_int_equal (log->early, 0);
    assert_int_equal (log->strange, 0);
    fov_team_free (team);
}

static void
test_every_task_once_in_order (void **state)
{
    run_team (1);
    run_team (2);
    run_team (5);
}

static void
test_no_steps (void **state)
{
    guint none = 0;
    FovTeam *team = fov_team_new (2, 0, &none, log_task, NULL);

    fov_team_run (team, NULL);
    fov_team_free (team);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (test_every_task_once_in_order),
        cmocka_unit_test (test_no_steps),
    };

    return RUN ("team", tests);
}
