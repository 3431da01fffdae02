/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_CLI_H
#define FOVEA_TOOLS_CLI_H

/*
 * What every subcommand shares: one table of options per subcommand, from
 * which the parser, --help, the manual page and the shell completion are made.
 */
#include <glib.h>

G_BEGIN_DECLS

/** What main returns. */
enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_INTERRUPTED = 130 };

/** A mistake on the command line; the process then exits with CLI_USAGE. */
#define CLI_ERROR (cli_error_quark ())
GQuark cli_error_quark (void);

typedef enum {
    CLI_FLAG,  /**< gboolean */
    CLI_TEXT,  /**< char * */
    CLI_TEXTS, /**< char **, may be given several times */
    CLI_PATH,  /**< char *, a file name */
    CLI_PATHS, /**< char **, file names */
    CLI_INT,   /**< int in min..max */
    CLI_REAL,  /**< double in min..max */
} CliType;

typedef struct {
    const char *name;
    char letter; /**< 0: no short form */
    CliType type;
    gpointer value;   /**< of the type above; holds the default, which parsing replaces */
    const char *arg;  /**< the value's name in help */
    const char *help; /**< one sentence, no full stop */
    const char *group;
    double min, max;                    /**< INT, REAL */
    const char *const *(*words) (void); /**< what completion offers, or NULL */
} CliOption;

typedef struct {
    const char *command, *what;
} CliExample;

typedef struct {
    const char *name;    /**< one word, or two: "eval coco" */
    const char *args;    /**< the positional arguments in help, e.g. "INPUT..." */
    const char *summary; /**< one line */
    const char *text;    /**< paragraphs, separated by empty lines */
    const CliExample *examples;
    const CliOption *options; /**< ends with a NULL name */
    /** args: the positional arguments. Returns an exit status, or -1 with error. */
    int (*run) (char **args, GError **error);
} CliCommand;

/** All of them; ends with NULL. */
extern const CliCommand *const cli_commands[];

/**
 * Parses argv (its first entry is skipped) with the command's table. Returns
 * the positional arguments (g_strfreev), or NULL with a CLI_ERROR. help is set
 * where --help was among them; nothing else is then checked.
 */
char **cli_parse (const CliCommand *command, char **argv, gboolean *help, GError **error);

/** Sets a CLI_ERROR; always returns -1. */
int cli_usage_error (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

/** Whether text, of --OPTION, is one of words or NULL. */
gboolean cli_check_word (const char *option, const char *text, const char *const *words,
                         GError **error);

/** "WIDTHxHEIGHT" in pixels, 1..32768 each. */
gboolean cli_parse_size (const char *text, int *width, int *height, GError **error);

/** The nearest of words to text, or NULL where none is near. */
const char *cli_nearest (const char *text, const char *const *words);

/* What each command's table begins or ends with. */
#define CLI_END                                                                                    \
    {                                                                                              \
        NULL                                                                                       \
    }

/* ---- help, manual page, completion (docs.c) ---------------------------- */

void cli_print_help (void);
void cli_print_command_help (const CliCommand *command);
/** The commands whose first word this is; FALSE where there are none. */
gboolean cli_print_group_help (const char *first);
/** The manual page, troff -man. */
void cli_print_man (void);
/** A bash completion. */
void cli_print_bash (void);

G_END_DECLS

#endif
