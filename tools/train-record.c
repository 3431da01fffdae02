/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What every kind of training run keeps beside its network. */
#include "train-record.h"

#include <stdlib.h>

TrainRecord *
train_record_new (const TrainOptions *options)
{
    TrainRecord *record = g_new0 (TrainRecord, 1);

    record->o = options;
    record->checkpoint = g_strconcat (options->output, ".safetensors", NULL);
    record->curve_path = g_strconcat (options->output, ".csv", NULL);
    record->curve = g_string_new (NULL);
    return record;
}

void
train_record_free (TrainRecord *record)
{
    if (!record)
        return;
    g_free (record->checkpoint);
    g_free (record->curve_path);
    g_string_free (record->curve, TRUE);
    g_free (record);
}

static void
add_note (GHashTable *notes, const char *key, gint64 value)
{
    g_hash_table_insert (notes, (gpointer) key, g_strdup_printf ("%" G_GINT64_FORMAT, value));
}

gboolean
train_record_save (TrainRecord *record, FovTrainer *trainer, guint n_pictures, const char *place,
                   GError **error)
{
    const TrainOptions *o = record->o;
    g_autoptr (GHashTable) notes = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);

    add_note (notes, "epoch", record->epoch);
    add_note (notes, "epochs", o->epochs);
    add_note (notes, "seed", o->seed);
    add_note (notes, "batch", o->batch);
    add_note (notes, "pictures", n_pictures);
    g_hash_table_insert (notes, (gpointer) "curve", g_strdup (record->curve->str));
    if (place)
        g_hash_table_insert (notes, (gpointer) "place", g_strdup (place));
    return fov_trainer_save (trainer, record->checkpoint, notes, error);
}

gboolean
train_record_write_curve (const TrainRecord *record, GError **error)
{
    return g_file_set_contents (record->curve_path, record->curve->str, (gssize) record->curve->len,
                                error);
}

static gboolean
note_is (GHashTable *notes, const char *key, gint64 value, GError **error)
{
    const char *text = g_hash_table_lookup (notes, key);

    if (text && g_ascii_strtoll (text, NULL, 10) == value)
        return TRUE;
    g_set_error (error, FOV_ERROR, FOV_ERROR_ARGUMENT,
                 "--resume: the checkpoint was made with %s %s, not %" G_GINT64_FORMAT, key,
                 text ? text : "nothing", value);
    return FALSE;
}

gboolean
train_record_resume (TrainRecord *record, FovTrainer *trainer, guint n_pictures, char **place,
                     GError **error)
{
    const TrainOptions *o = record->o;
    g_autoptr (GHashTable) notes = NULL;
    const char *epoch, *curve;

    if (!fov_trainer_load (trainer, record->checkpoint, &notes, error) ||
        !note_is (notes, "seed", o->seed, error) || !note_is (notes, "batch", o->batch, error) ||
        !note_is (notes, "epochs", o->epochs, error) ||
        !note_is (notes, "pictures", n_pictures, error))
        return FALSE;
    epoch = g_hash_table_lookup (notes, "epoch");
    curve = g_hash_table_lookup (notes, "curve");
    record->epoch = epoch ? atoi (epoch) : 0;
    g_string_assign (record->curve, curve ? curve : "");
    if (place)
        *place = g_strdup (g_hash_table_lookup (notes, "place"));
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
