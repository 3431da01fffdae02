/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Help, the manual page and the bash completion, all from the commands' tables.
 */
#include "cli.h"

#include <stdio.h>
#include <string.h>

#define HELP_COLUMN 28
#define HELP_WIDTH 80

static const char about[] =
    "Finds and follows objects in video, pictures and cameras, on a GPU or without one.";

static const char statuses[] =
    "0: done. 1: something failed, one line on the standard error says what. 2: a mistake on the "
    "command line. 130: interrupted; what was written until then is complete.";

static const CliOption help_option = { .name = "help", .letter = 'h', .help = "Shows this text" };

/* ---- text -------------------------------------------------------------- */

/* Prints words from the current column on, broken before HELP_WIDTH, then a line's end. */
static void
print_wrapped (const char *text, int column, int indent)
{
    g_auto (GStrv) words = g_strsplit_set (text, " \n", -1);
    int at = column;

    for (char **word = words; *word; word++) {
        int length = (int) g_utf8_strlen (*word, -1);
        if (!length)
            continue;
        if (at > indent && at + 1 + length > HELP_WIDTH) {
            printf ("\n%*s", indent, "");
            at = indent;
        } else if (at > indent) {
            printf (" ");
            at++;
        }
        printf ("%s", *word);
        at += length;
    }
    printf ("\n");
}

static void
print_paragraphs (const char *text)
{
    g_auto (GStrv) paragraphs = g_strsplit (text, "\n\n", -1);

    for (char **p = paragraphs; *p; p++) {
        printf ("\n");
        print_wrapped (*p, 0, 0);
    }
}

static void
print_option (const CliOption *o)
{
    g_autofree char *value = o->arg ? g_strconcat (" ", o->arg, NULL) : g_strdup ("");
    g_autofree char *left = NULL;
    int length;

    if (o->letter)
        left = g_strdup_printf ("  -%c, --%s%s", o->letter, o->name, value);
    else
        left = g_strdup_printf ("      --%s%s", o->name, value);
    length = (int) strlen (left);
    printf ("%s", left);
    if (length + 2 > HELP_COLUMN)
        printf ("\n%*s", HELP_COLUMN, "");
    else
        printf ("%*s", HELP_COLUMN - length, "");
    print_wrapped (o->help, HELP_COLUMN, HELP_COLUMN);
}

static const char *
group_of (const CliOption *o)
{
    return o->group ? o->group : "Other";
}

void
cli_print_command_help (const CliCommand *command)
{
    const char *group = NULL;

    printf ("Usage: fovea %s %s[OPTION...]\n", command->name, command->args);
    print_paragraphs (command->summary);
    if (command->text)
        print_paragraphs (command->text);
    for (const CliOption *o = command->options; o->name; o++) {
        if (!group || strcmp (group, group_of (o))) {
            group = group_of (o);
            printf ("\n%s:\n", group);
        }
        print_option (o);
    }
    print_option (&help_option);
    printf ("\nExamples:\n");
    for (const CliExample *e = command->examples; e->command; e++)
        printf ("  %s\n      %s\n", e->command, e->what);
}

gboolean
cli_print_group_help (const char *first)
{
    g_autofree char *prefix = g_strconcat (first, " ", NULL);
    gboolean any = FALSE;

    for (const CliCommand *const *c = cli_commands; *c; c++) {
        if (!g_str_has_prefix ((*c)->name, prefix))
            continue;
        if (!any)
            printf ("Usage: fovea %s KIND [ARGUMENT...]\n\n", first);
        printf ("  %-12s", (*c)->name);
        print_wrapped ((*c)->summary, 14, 14);
        any = TRUE;
    }
    if (any)
        printf ("\nfovea %s KIND --help shows the options of one, with examples.\n", first);
    return any;
}

void
cli_print_help (void)
{
    printf ("Usage: fovea COMMAND [ARGUMENT...]\n\n%s\n\nCommands:\n", about);
    for (const CliCommand *const *c = cli_commands; *c; c++) {
        printf ("  %-12s", (*c)->name);
        print_wrapped ((*c)->summary, 14, 14);
    }
    printf ("\nOptions:\n"
            "  -h, --help            Shows this text\n"
            "      --version         Shows the version\n"
            "      --man             Prints the manual page (fovea --man | man -l -)\n"
            "      --bash-completion Prints the completion for bash (source it)\n"
            "\nfovea COMMAND --help shows a command's options, with examples. For a first try:\n"
            "  fovea detect street.mp4 --model yolox_nano.onnx -o boxes.mp4\n");
}

/* ---- the manual page ----------------------------------------------------- */

/* Text with what troff would take for its own made plain. */
static void
print_roff (const char *text)
{
    for (const char *c = text; *c; c++) {
        if (*c == '\\')
            printf ("\\e");
        else if (*c == '-')
            printf ("\\-");
        else if (*c == '\n' && c[1] == '\n')
            printf ("\n.PP");
        else if ((c == text || c[-1] == '\n') && (*c == '.' || *c == '\''))
            printf ("\\&%c", *c);
        else
            putchar (*c);
    }
}

static void
man_option (const CliOption *o)
{
    printf (".TP\n");
    if (o->letter)
        printf ("\\fB\\-%c\\fR, ", o->letter);
    printf ("\\fB\\-\\-");
    print_roff (o->name);
    printf ("\\fR");
    if (o->arg)
        printf (" \\fI%s\\fR", o->arg);
    printf ("\n");
    print_roff (o->help);
    printf (".\n");
}

static void
man_command (const CliCommand *c)
{
    printf (".SS \"fovea %s %s[OPTION...]\"\n", c->name, c->args);
    print_roff (c->summary);
    printf ("\n");
    if (c->text) {
        printf (".PP\n");
        print_roff (c->text);
        printf ("\n");
    }
    for (const CliOption *o = c->options; o->name; o++)
        man_option (o);
    printf (".PP\nExamples:\n");
    for (const CliExample *e = c->examples; e->command; e++) {
        printf (".TP\n\\fB");
        print_roff (e->command);
        printf ("\\fR\n");
        print_roff (e->what);
        printf ("\n");
    }
}

void
cli_print_man (void)
{
    printf (".TH FOVEA 1 \"\" \"fovea %s\" \"User Commands\"\n", FOVEA_VERSION);
    printf (".SH NAME\nfovea \\- finds objects in video, pictures and cameras\n");
    printf (".SH SYNOPSIS\n.B fovea\n.I COMMAND\n[\\fIARGUMENT\\fR...]\n");
    printf (".SH DESCRIPTION\n");
    print_roff (about);
    printf (" Networks are ONNX files or TensorFlow.js graph models; Vulkan runs them on any GPU, "
            "vectorised code on any processor.\n.SH COMMANDS\n");
    for (const CliCommand *const *c = cli_commands; *c; c++)
        man_command (*c);
    printf (".SH EXIT STATUS\n");
    print_roff (statuses);
    printf ("\n.SH ENVIRONMENT\n.TP\n.B XDG_CACHE_HOME\nPrepared GPU programs are kept under its "
            "folder fovea; losing them costs time only.\n.TP\n.B G_MESSAGES_DEBUG\nSet to Fovea, "
            "details are printed for finding faults.\n.SH SEE ALSO\n.BR gst\\-launch\\-1.0 (1),\n"
            ".BR gst\\-inspect\\-1.0 (1)\n");
}

/* ---- completion ---------------------------------------------------------- */

static void
bash_words (const CliCommand *c)
{
    gboolean two = strchr (c->name, ' ') != NULL;

    printf ("    \"%s\"%s)\n        case $prev in\n", c->name, two ? "" : "\\ *");
    for (const CliOption *o = c->options; o->name; o++) {
        if (o->type == CLI_FLAG)
            continue;
        printf ("        --%s", o->name);
        if (o->letter)
            printf (" | -%c", o->letter);
        if (o->words) {
            g_autofree char *words = g_strjoinv (" ", (char **) o->words ());
            printf (") COMPREPLY=($(compgen -W '%s' -- \"$cur\")); return ;;\n", words);
        } else if (o->type == CLI_PATH || o->type == CLI_PATHS) {
            printf (") COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n");
        } else {
            printf (") return ;;\n");
        }
    }
    printf ("        esac\n        words='--help");
    for (const CliOption *o = c->options; o->name; o++)
        printf (" --%s", o->name);
    printf ("' ;;\n");
}

/* Completes the second word of the commands that have one. */
static void
bash_second_words (void)
{
    for (const CliCommand *const *c = cli_commands; *c; c++) {
        const char *name = (*c)->name, *second = strchr (name, ' ');
        if (!second)
            continue;
        printf ("    [ \"$COMP_CWORD ${COMP_WORDS[1]}\" = '2 %.*s' ] && "
                "words=\"$words %s\"\n",
                (int) (second - name), name, second + 1);
    }
    printf (
        "    [ -n \"$words\" ] && { COMPREPLY=($(compgen -W \"$words\" -- \"$cur\")); return; }\n");
}

void
cli_print_bash (void)
{
    printf ("# bash completion for fovea %s\n"
            "_fovea () {\n"
            "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words=\n"
            "    compopt -o filenames 2>/dev/null\n"
            "    if [ \"$COMP_CWORD\" = 1 ]; then\n"
            "        COMPREPLY=($(compgen -W '",
            FOVEA_VERSION);
    for (const CliCommand *const *c = cli_commands; *c; c++) {
        gsize length = strcspn ((*c)->name, " ");
        if (c == cli_commands || strncmp ((*c)->name, c[-1]->name, length + 1))
            printf ("%.*s ", (int) length, (*c)->name);
    }
    printf ("--help --version --man --bash-completion' -- \"$cur\"))\n"
            "        return\n    fi\n");
    bash_second_words ();
    printf ("    case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n");
    for (const CliCommand *const *c = cli_commands; *c; c++)
        bash_words (*c);
    printf ("    esac\n"
            "    case $cur in\n"
            "    -*) COMPREPLY=($(compgen -W \"$words\" -- \"$cur\")) ;;\n"
            "    *) COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n"
            "    esac\n"
            "}\n"
            "complete -F _fovea fovea\n");
}
