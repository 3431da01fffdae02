/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOV_HOST_TEAM_H
#define FOV_HOST_TEAM_H

/*
 * A few threads that run the same list of steps over and over, each step's
 * tasks shared out as threads become free. A step ends when its tasks are
 * done, not when all threads have come by: a thread that the system has taken
 * off its core holds nobody up, unless in the middle of a task.
 */
#include <glib.h>

typedef struct _FovTeam FovTeam;
/** thread: 0 is the caller of fov_team_run, its helpers count from 1. */
typedef void (*FovTeamFunc) (gpointer data, guint step, guint task, guint thread);

/** n_threads with the caller of fov_team_run; n_tasks[n_steps] is copied. Never fails. */
FovTeam *fov_team_new (guint n_threads, guint n_steps, const guint *n_tasks, FovTeamFunc func,
                       gpointer data);
/**
 * Runs all steps in order and returns when the last is done; one caller at a
 * time. seconds: NULL, or one entry per step for the time it took.
 */
void fov_team_run (FovTeam *team, double *seconds);
void fov_team_free (FovTeam *team);

#endif
