/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What every kind of training run keeps beside its network. */
#include "train-record.h"

#include <string.h>

#include <fovea/file.h>

#define SETTING "option." /* before its name, in a checkpoint's notes */

/* The learning rate as it is used: its default depends on what is not said again. */
void
train_note_rate (const TrainOptions *options, double rate)
{
    g_hash_table_insert (options->settings, (gpointer) "learning-rate",
                         g_strdup_printf ("%.9g", rate));
}

/* Of the model's file, for it may have moved; NULL: no model. */
static char *
digest_of_model (const TrainOptions *options)
{
    g_autoptr (GMappedFile) file =
        options->model ? g_mapped_file_new (options->model, FALSE, NULL) : NULL;
    g_autoptr (GBytes) bytes = file ? g_mapped_file_get_bytes (file) : NULL;

    if (!options->model)
        return NULL;
    return bytes ? g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, bytes) : g_strdup ("");
}

TrainRecord *
train_record_new (const TrainOptions *options)
{
    TrainRecord *record = g_new0 (TrainRecord, 1);

    record->o = options;
    record->checkpoint = g_strconcat (options->output, ".safetensors", NULL);
    record->curve_path = g_strconcat (options->output, ".csv", NULL);
    record->curve = g_string_new (NULL);
    record->model = digest_of_model (options);
    return record;
}

void
train_record_free (TrainRecord *record)
{
    if (!record)
        return;
    g_free (record->checkpoint);
    g_free (record->curve_path);
    g_free (record->model);
    g_string_free (record->curve, TRUE);
    g_free (record);
}

static char *
digest_of (const GPtrArray *labels)
{
    g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);

    for (guint i = 0; labels && i < labels->len; i++)
        g_checksum_update (sum, labels->pdata[i], (gssize) strlen (labels->pdata[i]) + 1);
    return g_strndup (g_checksum_get_string (sum), 16);
}

static void
take_note (GHashTable *notes, const char *key, char *value)
{
    g_hash_table_insert (notes, g_strdup (key), value);
}

gboolean
train_record_save (TrainRecord *record, FovTrainer *trainer, const TrainPictures *pictures,
                   const char *place, GError **error)
{
    g_autoptr (GHashTable) notes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
    GHashTableIter settings;
    gpointer name, value;

    g_hash_table_iter_init (&settings, record->o->settings);
    while (g_hash_table_iter_next (&settings, &name, &value))
        g_hash_table_insert (notes, g_strconcat (SETTING, name, NULL), g_strdup (value));
    take_note (notes, "epoch", g_strdup_printf ("%d", record->epoch));
    take_note (notes, "pictures", g_strdup_printf ("%u", pictures->n));
    take_note (notes, "classes", digest_of (pictures->labels));
    take_note (notes, "curve", g_strdup (record->curve->str));
    take_note (notes, "place", g_strdup (place));
    if (record->model)
        take_note (notes, "model", g_strdup (record->model));
    return fov_trainer_save (trainer, record->checkpoint, notes, error);
}

gboolean
train_record_write_curve (const TrainRecord *record, GError **error)
{
    return fov_file_write (record->curve_path, record->curve->str, record->curve->len, error);
}

/* Another run's checkpoint would be taken for this one's, and its end for this one's end. */
static gboolean
is_same (const char *what, const char *made_with, const char *now, GError **error)
{
    if (!g_strcmp0 (made_with, now))
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                 "--resume: the checkpoint was made with %s %s, not %s; without --resume the run "
                 "begins anew",
                 what, made_with ? made_with : "left out", now ? now : "left out");
    return FALSE;
}

static gboolean
check_setting (const TrainRecord *record, GHashTable *notes, const char *name, GError **error)
{
    g_autofree char *key = g_strconcat (SETTING, name, NULL);
    g_autofree char *option = g_strconcat ("--", name, NULL);

    return is_same (option, g_hash_table_lookup (notes, key),
                    g_hash_table_lookup (record->o->settings, name), error);
}

/* Those of this run, and those that it lacks. */
static gboolean
check_settings (const TrainRecord *record, GHashTable *notes, GError **error)
{
    g_autoptr (GList) now = g_hash_table_get_keys (record->o->settings);
    g_autoptr (GList) then = g_hash_table_get_keys (notes);
    gboolean ok = TRUE;

    now = g_list_sort (now, (GCompareFunc) strcmp);
    then = g_list_sort (then, (GCompareFunc) strcmp);
    for (const GList *at = now; ok && at; at = at->next)
        ok = check_setting (record, notes, at->data, error);
    for (const GList *at = then; ok && at; at = at->next)
        if (g_str_has_prefix (at->data, SETTING))
            ok = check_setting (record, notes, (const char *) at->data + strlen (SETTING), error);
    return ok;
}

/* What stays as it is while a model learns is not in the checkpoint. */
static gboolean
check_model (const TrainRecord *record, GHashTable *notes, GError **error)
{
    const char *then = g_hash_table_lookup (notes, "model"), *now = record->model;
    g_autofree char *why = NULL;

    if (!g_strcmp0 (then, now))
        return TRUE;
    why = !now    ? g_strdup ("began with a --model, which is left out now")
          : !then ? g_strdup ("began without a --model")
                  : g_strdup_printf ("began with another --model than %s", record->o->model);
    g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                 "--resume: the checkpoint's run %s; without --resume the run begins anew", why);
    return FALSE;
}

static gboolean
check_pictures (GHashTable *notes, const TrainPictures *pictures, GError **error)
{
    g_autofree char *n = g_strdup_printf ("%u", pictures->n);
    g_autofree char *classes = digest_of (pictures->labels);

    return is_same ("as many pictures as", g_hash_table_lookup (notes, "pictures"), n, error) &&
           is_same ("classes whose digest is", g_hash_table_lookup (notes, "classes"), classes,
                    error);
}

static gboolean
damaged (const char *note, const char *why, GError **error)
{
    g_set_error (error, FOV_ERROR, FOV_ERROR_FORMAT, "its note '%s' is damaged: %s", note, why);
    return FALSE;
}

/* Of the run's epochs; 0: none of them. */
static guint
read_epoch (const TrainRecord *record, GHashTable *notes)
{
    const char *text = g_hash_table_lookup (notes, "epoch");
    guint64 epoch = 0;

    if (text)
        g_ascii_string_to_unsigned (text, 10, 1, (guint64) record->o->epochs, &epoch, NULL);
    return (guint) epoch;
}

static guint
count_columns (const char *line)
{
    guint n = 1;

    while ((line = strchr (line, ',')))
        n++, line++;
    return n;
}

/* The columns' names as this run has them, and a line for each epoch. */
static gboolean
is_curve (const char *curve, const char *names, guint epochs)
{
    g_auto (GStrv) lines = NULL;

    if (!curve || !g_str_has_prefix (curve, names))
        return FALSE;
    lines = g_strsplit (curve + strlen (names), "\n", -1);
    if (g_strv_length (lines) != epochs + 1 || *lines[epochs])
        return FALSE;
    for (guint i = 0; i < epochs; i++) {
        g_autofree char *begin = g_strdup_printf ("%u,", i + 1);
        if (!g_str_has_prefix (lines[i], begin) ||
            count_columns (lines[i]) != count_columns (names))
            return FALSE;
    }
    return TRUE;
}

typedef struct {
    const TrainRecord *record;
    const TrainPictures *pictures;
    FovLoader *loader;
} Resume;

/* A FovNotesCheck. A digest that fits does not say who made it. */
static gboolean
check_notes (GHashTable *notes, gpointer user_data, GError **error)
{
    const Resume *r = user_data;
    const char *place = g_hash_table_lookup (notes, "place");
    g_autofree char *epochs = g_strdup_printf ("expected 1 to %d", r->record->o->epochs);
    const guint epoch = read_epoch (r->record, notes);
    g_autoptr (GError) why = NULL;

    if (!check_model (r->record, notes, error) || !check_settings (r->record, notes, error) ||
        !check_pictures (notes, r->pictures, error))
        return FALSE;
    if (!epoch)
        return damaged ("epoch", epochs, error);
    if (!is_curve (g_hash_table_lookup (notes, "curve"), r->record->curve->str, epoch))
        return damaged ("curve", "expected a line for each epoch", error);
    return fov_loader_seek (r->loader, place ? place : "", &why) ||
           damaged ("place", why->message, error);
}

gboolean
train_record_resume (TrainRecord *record, FovTrainer *trainer, const TrainPictures *pictures,
                     FovLoader *loader, GError **error)
{
    Resume resume = { record, pictures, loader };
    g_autoptr (GHashTable) notes = NULL;

    if (!fov_trainer_load_checked (trainer, record->checkpoint, check_notes, &resume, &notes,
                                   error))
        return FALSE;
    record->epoch = (int) read_epoch (record, notes);
    g_string_assign (record->curve, g_hash_table_lookup (notes, "curve"));
    return TRUE;
}

void
train_record_start (TrainRecord *record)
{
    record->first = record->epoch;
    record->started = g_get_monotonic_time ();
}

double
train_record_left (const TrainRecord *record)
{
    const double done = (double) (g_get_monotonic_time () - record->started) * 1e-6;

    return done / (record->epoch - record->first) * (record->o->epochs - record->epoch);
}
