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
    &command_detect, &command_info, &command_doctor, &command_bench, &command_eval, NULL,
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

static int
unknown_command (const char *text)
{
    static const char *const options[] = { "--help", "--version", "--man", "--bash-completion" };
    const char *words[32] = { NULL };
    g_autoptr (GError) error = NULL;
    const char *near;
    guint n = 0;

    for (const CliCommand *const *c = cli_commands; *c && text[0] != '-'; c++)
        words[n++] = (*c)->name;
    for (guint i = 0; i < G_N_ELEMENTS (options) && text[0] == '-'; i++)
        words[n++] = options[i];
    near = cli_nearest (text, words);
    cli_usage_error (&error, "unknown %s '%s'%s%s%s", text[0] == '-' ? "option" : "command", text,
                     near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return fail (NULL, error);
}

static const CliCommand *
find_command (const char *name)
{
    for (const CliCommand *const *c = cli_commands; *c; c++)
        if (!strcmp ((*c)->name, name))
            return *c;
    return NULL;
}

/* What comes before any subcommand: TRUE if it was one of these. */
static gboolean
run_global (const char *word, const char *next)
{
    const CliCommand *command = next ? find_command (next) : NULL;

    if (!strcmp (word, "help") && command)
        cli_print_command_help (command);
    else if (!strcmp (word, "--help") || !strcmp (word, "-h") || (!strcmp (word, "help") && !next))
        cli_print_help ();
    else if (!strcmp (word, "--version"))
        printf ("fovea %s\n", FOVEA_VERSION);
    else if (!strcmp (word, "--man"))
        cli_print_man ();
    else if (!strcmp (word, "--bash-completion"))
        cli_print_bash ();
    else
        return FALSE;
    return TRUE;
}

int
main (int argc, char **argv)
{
    const CliCommand *command;

    /* Text in the user's encoding, numbers with a point: the output is read by programs too. */
    setlocale (LC_CTYPE, "");
    if (argc < 2) {
        cli_print_help ();
        return CLI_USAGE;
    }
    if (run_global (argv[1], argv[2]))
        return CLI_OK;
    command = find_command (argv[1]);
    return command ? run_command (command, argv + 1) : unknown_command (argv[1]);
}
