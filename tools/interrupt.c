/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "interrupt.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static GMutex lock;
static void (*hooked) (gpointer);
static gpointer hooked_data;
static gint flag;

static void
signals_of (sigset_t *set)
{
    sigemptyset (set);
    sigaddset (set, SIGINT);
    sigaddset (set, SIGTERM);
}

static gpointer
wait_for_signals (gpointer data)
{
    sigset_t set;
    int number;

    signals_of (&set);
    while (sigwait (&set, &number) == 0) {
        if (g_atomic_int_add (&flag, 1) > 0)
            _exit (128 + number);
        g_mutex_lock (&lock);
        if (hooked)
            hooked (hooked_data);
        g_mutex_unlock (&lock);
    }
    return NULL;
}

void
interrupt_catch (void)
{
    sigset_t set;

    /* Blocked here, and so in every thread made later: only the waiting thread gets them. */
    signals_of (&set);
    pthread_sigmask (SIG_BLOCK, &set, NULL);
    g_thread_unref (g_thread_new ("interrupt", wait_for_signals, NULL));
}

gboolean
interrupted (void)
{
    return g_atomic_int_get (&flag) > 0;
}

void
interrupt_hook (void (*hook) (gpointer), gpointer data)
{
    g_mutex_lock (&lock);
    hooked = hook;
    hooked_data = data;
    if (hook && interrupted ())
        hook (data);
    g_mutex_unlock (&lock);
}
