/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_INTERRUPT_H
#define FOVEA_TOOLS_INTERRUPT_H

#include <glib.h>

G_BEGIN_DECLS

/**
 * From here on Ctrl-C (and SIGTERM) only sets a flag and calls what was hooked,
 * so that files can be finished; a second one ends the process. Call it before
 * any thread is made.
 */
void interrupt_catch (void);
gboolean interrupted (void);

/**
 * What an interrupt calls, from a thread of its own; NULL: nothing. Once this
 * returned, the former hook is neither running nor called again.
 */
void interrupt_hook (void (*hook) (gpointer), gpointer data);

G_END_DECLS

#endif
