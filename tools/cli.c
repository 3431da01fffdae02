/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli.h"

#include <stdarg.h>
#include <string.h>

G_DEFINE_QUARK (fovea - cli - error, cli_error)

int
cli_usage_error (GError **error, const char *format, ...)
{
    va_list args;

    va_start (args, format);
    if (error)
        *error = g_error_new_valist (CLI_ERROR, 0, format, args);
    va_end (args);
    return -1;
}

/* ---- suggestions ------------------------------------------------------- */

/* Levenshtein's distance, bytes. */
static guint
distance (const char *a, const char *b)
{
    gsize n = strlen (b);
    g_autofree guint *row = g_new (guint, n + 1);

    for (gsize j = 0; j <= n; j++)
        row[j] = (guint) j;
    for (gsize i = 1; a[i - 1]; i++) {
        guint diagonal = row[0];
        row[0] = (guint) i;
        for (gsize j = 1; j <= n; j++) {
            guint above = row[j];
            row[j] = MIN (MIN (above, row[j - 1]) + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[n];
}

const char *
cli_nearest (const char *text, const char *const *words)
{
    const char *best = NULL;
    guint least = MAX (2, (guint) strlen (text) / 3) + 1;

    for (; *words; words++) {
        guint d = distance (text, *words);
        gboolean begins = strlen (text) >= 3 && g_str_has_prefix (*words, text);
        if (begins || d < least) {
            best = *words;
            least = begins ? 0 : d;
        }
    }
    return best;
}

static int
unknown_option (const CliCommand *command, const char *option, GError **error)
{
    g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
    const char *near;

    g_ptr_array_add (names, g_strdup ("--help"));
    for (const CliOption *o = command->options; o->name; o++)
        g_ptr_array_add (names, g_strconcat ("--", o->name, NULL));
    g_ptr_array_add (names, NULL);
    near = cli_nearest (option, (const char *const *) names->pdata);
    if (near)
        return cli_usage_error (error, "unknown option '%s'; did you mean '%s'?", option, near);
    return cli_usage_error (error, "unknown option '%s'", option);
}

/* ---- parsing ----------------------------------------------------------- */

/* Numbers are parsed beside their place, to tell a given one from a default. */
typedef struct {
    int whole;
    double real;
} Number;

#define NOT_GIVEN G_MININT

static GOptionEntry
entry_of (const CliOption *o, Number *number)
{
    static const GOptionArg args[] = {
        [CLI_FLAG] = G_OPTION_ARG_NONE,
        [CLI_TEXT] = G_OPTION_ARG_STRING,
        [CLI_TEXTS] = G_OPTION_ARG_STRING_ARRAY,
        [CLI_PATH] = G_OPTION_ARG_FILENAME,
        [CLI_PATHS] = G_OPTION_ARG_FILENAME_ARRAY,
        [CLI_INT] = G_OPTION_ARG_INT,
        [CLI_REAL] = G_OPTION_ARG_DOUBLE,
    };
    gpointer value = o->value;

    *number = (Number){ NOT_GIVEN, NOT_GIVEN };
    if (o->type == CLI_INT)
        value = &number->whole;
    else if (o->type == CLI_REAL)
        value = &number->real;
    return (GOptionEntry){ o->name, o->letter, 0, args[o->type], value, NULL, NULL };
}

static gboolean
take_number (const CliOption *o, const Number *number, GError **error)
{
    double value = o->type == CLI_INT ? number->whole : number->real;

    if ((o->type != CLI_INT && o->type != CLI_REAL) || value == NOT_GIVEN)
        return TRUE;
    if (!(value >= o->min && value <= o->max)) {
        cli_usage_error (error, "--%s is %g, expected %g to %g", o->name, value, o->min, o->max);
        return FALSE;
    }
    if (o->type == CLI_INT)
        *(int *) o->value = number->whole;
    else
        *(double *) o->value = number->real;
    return TRUE;
}

/* GOption's message in the words of the others. */
static void
explain_parse_error (const CliCommand *command, const GError *found, GError **error)
{
    static const char unknown[] = "Unknown option ";

    if (g_str_has_prefix (found->message, unknown)) {
        unknown_option (command, found->message + strlen (unknown), error);
    } else {
        g_autofree char *text = g_strdup (found->message);
        text[0] = g_ascii_tolower (text[0]);
        cli_usage_error (error, "%s", text);
    }
}

static gboolean
parse_entries (const CliCommand *command, const GOptionEntry *entries, char **argv, GError **error)
{
    g_autoptr (GOptionContext) context = g_option_context_new (NULL);
    g_autoptr (GError) found = NULL;
    g_auto (GStrv) copy = g_strdupv (argv);

    g_option_context_set_help_enabled (context, FALSE);
    g_option_context_add_main_entries (context, entries, NULL);
    if (g_option_context_parse_strv (context, &copy, &found))
        return TRUE;
    explain_parse_error (command, found, error);
    return FALSE;
}

char **
cli_parse (const CliCommand *command, char **argv, gboolean *help, GError **error)
{
    g_autoptr (GArray) entries = g_array_new (TRUE, TRUE, sizeof (GOptionEntry));
    g_autofree Number *numbers = NULL;
    g_auto (GStrv) rest = NULL;
    GOptionEntry own[] = {
        { "help", 'h', 0, G_OPTION_ARG_NONE, help, NULL, NULL },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &rest, NULL, NULL },
    };
    guint n = 0;

    while (command->options[n].name)
        n++;
    numbers = g_new (Number, n + 1);
    for (guint i = 0; i < n; i++) {
        GOptionEntry entry = entry_of (&command->options[i], &numbers[i]);
        g_array_append_val (entries, entry);
    }
    g_array_append_vals (entries, own, G_N_ELEMENTS (own));
    if (!parse_entries (command, (const GOptionEntry *) (void *) entries->data, argv, error))
        return NULL;
    for (guint i = 0; !*help && i < n; i++)
        if (!take_number (&command->options[i], &numbers[i], error))
            return NULL;
    return rest ? g_steal_pointer (&rest) : g_new0 (char *, 1);
}

gboolean
cli_check_word (const char *option, const char *text, const char *const *words, GError **error)
{
    g_autofree char *all = g_strjoinv (", ", (char **) words);

    if (!text || g_strv_contains (words, text))
        return TRUE;
    cli_usage_error (error, "--%s is '%s', expected one of %s", option, text, all);
    return FALSE;
}

gboolean
cli_parse_size (const char *text, int *width, int *height, GError **error)
{
    g_auto (GStrv) parts = g_strsplit (text, "x", 2);
    guint64 w = 0, h = 0;

    if (g_strv_length (parts) == 2 &&
        g_ascii_string_to_unsigned (parts[0], 10, 1, 32768, &w, NULL) &&
        g_ascii_string_to_unsigned (parts[1], 10, 1, 32768, &h, NULL)) {
        *width = (int) w;
        *height = (int) h;
        return TRUE;
    }
    cli_usage_error (error, "--size is '%s', expected WIDTHxHEIGHT in pixels, such as 640x640",
                     text);
    return FALSE;
}
