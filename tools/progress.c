/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "print.h"

#include <sys/ioctl.h>
#include <unistd.h>

#define BAR_CELLS 20
#define BAR_EVERY (G_USEC_PER_SEC / 10)
#define LINE_EVERY (5 * G_USEC_PER_SEC)

struct _Progress {
    GMutex lock;
    const char *what, *unit;
    gint64 total, done;
    gint64 start, last; /* monotonic us */
    gboolean quiet, terminal, drawn;
};

Progress *
progress_new (const char *what, const char *unit, gint64 total, gboolean quiet)
{
    Progress *p = g_new0 (Progress, 1);

    g_mutex_init (&p->lock);
    p->what = what;
    p->unit = unit;
    p->total = total;
    p->quiet = quiet;
    p->terminal = isatty (STDERR_FILENO);
    p->last = g_get_monotonic_time ();
    return p;
}

static void
clear_locked (Progress *p)
{
    if (!p->drawn)
        return;
    fputs ("\r\033[K", stderr);
    fflush (stderr);
    p->drawn = FALSE;
}

void
progress_free (Progress *p)
{
    if (!p)
        return;
    clear_locked (p);
    g_mutex_clear (&p->lock);
    g_free (p);
}

void
progress_clear (Progress *p)
{
    g_mutex_lock (&p->lock);
    clear_locked (p);
    g_mutex_unlock (&p->lock);
}

void
progress_set_total (Progress *p, gint64 total)
{
    g_mutex_lock (&p->lock);
    p->total = total;
    g_mutex_unlock (&p->lock);
}

static int
terminal_width (void)
{
    struct winsize size;

    return ioctl (STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static void
draw_bar (Progress *p, double fraction, const char *text)
{
    g_autofree char *line = NULL;
    char bar[BAR_CELLS + 1];
    int width = terminal_width () - 1;

    for (int i = 0; i < BAR_CELLS; i++)
        bar[i] = i < fraction * BAR_CELLS ? '#' : '.';
    bar[BAR_CELLS] = '\0';
    if (fraction >= 0)
        line = g_strdup_printf ("%s [%s] %3.0f%% %s", p->what, bar, fraction * 100, text);
    else
        line = g_strdup_printf ("%s %s", p->what, text);
    fprintf (stderr, "\r%.*s\033[K", width, line);
    fflush (stderr);
    p->drawn = TRUE;
}

/* True where it is time to say something again. */
static gboolean
due (Progress *p)
{
    gint64 now = g_get_monotonic_time ();

    if (p->quiet || now - p->last < (p->terminal ? BAR_EVERY : LINE_EVERY))
        return FALSE;
    p->last = now;
    return TRUE;
}

static char *
eta_text (double seconds)
{
    int s = (int) MIN (seconds + 0.5, 359999);

    if (s >= 3600)
        return g_strdup_printf (", %d:%02d:%02d left", s / 3600, s / 60 % 60, s % 60);
    return g_strdup_printf (", %d:%02d left", s / 60, s % 60);
}

static void
show (Progress *p)
{
    double seconds = (double) (p->last - p->start) / G_USEC_PER_SEC;
    double rate = seconds > 0 ? (double) p->done / seconds : 0;
    gboolean known = p->total > 0 && p->done <= p->total;
    g_autofree char *text = NULL, *eta = NULL;

    if (known && rate > 0)
        eta = eta_text ((double) (p->total - p->done) / rate);
    if (known)
        text = g_strdup_printf ("%" G_GINT64_FORMAT "/%" G_GINT64_FORMAT " %s, %.1f/s%s", p->done,
                                p->total, p->unit, rate, eta ? eta : "");
    else
        text = g_strdup_printf ("%" G_GINT64_FORMAT " %s, %.1f/s", p->done, p->unit, rate);
    if (p->terminal)
        draw_bar (p, known ? (double) p->done / (double) p->total : -1, text);
    else
        fprintf (stderr, "%s: %s\n", p->what, text);
}

void
progress_set (Progress *p, gint64 done)
{
    g_mutex_lock (&p->lock);
    if (!p->start)
        p->start = g_get_monotonic_time ();
    p->done = done;
    if (due (p))
        show (p);
    g_mutex_unlock (&p->lock);
}

void
progress_note (const char *what, double fraction, gpointer user_data)
{
    Progress *p = user_data;

    g_mutex_lock (&p->lock);
    if (due (p)) {
        if (p->terminal)
            draw_bar (p, CLAMP (fraction, 0, 1), what);
        else
            fprintf (stderr, "%s: %s, %.0f%%\n", p->what, what, CLAMP (fraction, 0, 1) * 100);
    }
    g_mutex_unlock (&p->lock);
}
