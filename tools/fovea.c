/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The fovea command: finds the subcommand, parses its options and says in one
 * line what went wrong.
 */
#include "cli.h"
#include "commands.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

const CliCommand *const cli_commands[] = {
    &command_detect,
    &command_track,
    &command_info,
    &command_doctor,
    &command_bench,
    &command_eval_coco,
    &command_eval_mot,
    &command_eval_sot,
    &command_train,
    &command_recalibrate,
    NULL,
};

static int
fail (const char *command, const GError *error)
{
    gboolean usage = error->domain == CLI_ERROR;

    fflush (stdout);
    if (usage)
        fprintf (stderr, "fovea%s%s: %s (see fovea%s%s --help)\n", command ? " " : "",
                 command ? command : "", error->message, command ? " " : "",
                 command ? command : "");
    else
        fprintf (stderr, "fovea: %s\n", error->message);
    return usage ? CLI_USAGE : CLI_FAILED;
}

static int
run_command (const CliCommand *command, char **argv)
{
    g_autoptr (GError) error = NULL;
    g_auto (GStrv) args = NULL;
    gboolean help = FALSE;
    int status = -1;

    args = cli_parse (command, argv, &help, &error);
    if (args && help) {
        cli_print_command_help (command);
        status = CLI_OK;
    } else if (args) {
        status = command->run (args, &error);
    }
    return status < 0 ? fail (command->name, error) : status;
}

/* The names of the commands that begin with "FIRST ", or all first words where it is NULL. */
static void
list_words (const char *first, GPtrArray *words)
{
    g_autofree char *prefix = first ? g_strconcat (first, " ", NULL) : NULL;

    for (const CliCommand *const *c = cli_commands; *c; c++) {
        const char *name = (*c)->name;
        if (prefix && g_str_has_prefix (name, prefix))
            g_ptr_array_add (words, g_strdup (name + strlen (prefix)));
        else if (!prefix)
            g_ptr_array_add (words, g_strndup (name, strcspn (name, " ")));
    }
}

/* text is not known among words, which ends with NULL. */
static int
unknown_word (const char *what, const char *text, GPtrArray *words)
{
    g_autoptr (GError) error = NULL;
    const char *near;

    g_ptr_array_add (words, NULL);
    near = cli_nearest (text, (const char *const *) words->pdata);
    cli_usage_error (&error, "unknown %s '%s'%s%s%s", what, text, near ? "; did you mean '" : "",
                     near ? near : "", near ? "'?" : "");
    return fail (NULL, error);
}

/* first alone is no command, nor with second; words are the second ones that there are. */
static int
unknown_second (const char *first, const char *second, GPtrArray *words)
{
    g_autoptr (GError) error = NULL;
    g_autofree char *all = NULL;

    g_ptr_array_add (words, NULL);
    all = g_strjoinv (", ", (char **) words->pdata);
    cli_usage_error (&error, "%s%s%s, expected one of %s", second ? "'" : "",
                     second ? second : "nothing given", second ? "' is not known" : "", all);
    return fail (first, error);
}

static int
unknown_command (const char *text, const char *next)
{
    static const char *const options[] = { "--help", "--version", "--man", "--bash-completion" };
    g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);

    list_words (text, words);
    if (words->len > 0)
        return unknown_second (text, next, words);
    if (text[0] != '-')
        list_words (NULL, words);
    for (guint i = 0; i < G_N_ELEMENTS (options) && text[0] == '-'; i++)
        g_ptr_array_add (words, g_strdup (options[i]));
    return unknown_word (text[0] == '-' ? "option" : "command", text, words);
}

/* A command of one word, or of two: "eval coco". */
static const CliCommand *
find_command (const char *first, const char *second, int *n_words)
{
    g_autofree char *both = g_strconcat (first, " ", second, NULL);

    for (const CliCommand *const *c = cli_commands; *c; c++) {
        *n_words = !strcmp ((*c)->name, first) ? 1 : 2;
        if (*n_words == 1 || !strcmp ((*c)->name, both))
            return *c;
    }
    return NULL;
}

static gboolean
is_help (const char *word)
{
    return word && (!strcmp (word, "--help") || !strcmp (word, "-h"));
}

/* What comes before any subcommand: TRUE if it was one of these. */
static gboolean
run_global (const char *word, const char *next, const char *after)
{
    int n_words;
    const CliCommand *command =
        next && !strcmp (word, "help") ? find_command (next, after, &n_words) : NULL;

    if (command)
        cli_print_command_help (command);
    else if (!strcmp (word, "help") && next)
        return cli_print_group_help (next);
    else if (is_help (word) || !strcmp (word, "help"))
        cli_print_help ();
    else if (!strcmp (word, "--version"))
        printf ("fovea %s\n", FOVEA_VERSION);
    else if (!strcmp (word, "--man"))
        cli_print_man ();
    else if (!strcmp (word, "--bash-completion"))
        cli_print_bash ();
    else
        return is_help (next) && cli_print_group_help (word);
    return TRUE;
}

int
main (int argc, char **argv)
{
    const CliCommand *command;
    int n_words;

    /* Text in the user's encoding, numbers with a point: the output is read by programs too. */
    setlocale (LC_CTYPE, "");
    if (argc < 2) {
        cli_print_help ();
        return CLI_USAGE;
    }
    if (run_global (argv[1], argv[2], argv[2] ? argv[3] : NULL))
        return CLI_OK;
    command = find_command (argv[1], argv[2], &n_words);
    return command ? run_command (command, argv + n_words) : unknown_command (argv[1], argv[2]);
}
