/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "train-loop.h"

#include "interrupt.h"
#include "print.h"
#include "train-curve.h"
#include "train-record.h"

#include <math.h>
#include <stdio.h>

#include <fovea/file.h>

#define MOST_PARTS 4

typedef struct {
    const TrainPlan *plan;
    TrainRecord *record;
    guint n_parts;
    const char *part_names[MOST_PARTS];
    double loss, parts[MOST_PARTS]; /* means of the epoch */
    double figures[TRAIN_MOST_FIGURES];
} Loop;

/* ---- steps ------------------------------------------------------------------- */

/* A step's error says which picture of the batch it means by its number. */
static void
name_pictures (const TrainPlan *p, const FovBatch *batch, GError **error)
{
    const gint64 n = batch->pictures.shape.dim[0];
    g_autoptr (GString) text = g_string_new (NULL);
    GError *named;

    for (gint64 i = 0; i < n; i++)
        g_string_append_printf (text, "%s%" G_GINT64_FORMAT " %s", i ? ", " : "", i,
                                fov_data_sample (p->data, batch->samples[i])->name);
    named = g_error_new ((*error)->domain, (*error)->code, "%s (pictures of this step: %s)",
                         (*error)->message, text->str);
    g_clear_error (error);
    g_propagate_error (error, named);
}

/* One change of the parameters. */
static gboolean
run_step (Loop *l, GError **error)
{
    const TrainPlan *p = l->plan;
    const double share = 1.0 / ((double) p->steps * p->batches);
    g_autoptr (GError) why = NULL;

    for (guint k = 0; k < p->batches; k++) {
        FovBatch batch;
        FovView target;
        double loss, part;
        const char *name;
        if (!fov_loader_next (p->loader, &batch, error))
            return FALSE;
        target = p->kind->target (p->run, &batch);
        if (!fov_trainer_step (p->trainer, &batch.pictures, &target, &loss, &why)) {
            name_pictures (p, &batch, &why);
            g_propagate_error (error, g_steal_pointer (&why));
            return FALSE;
        }
        l->loss += loss * share;
        for (guint i = 0; i < l->n_parts && fov_trainer_part (p->trainer, i, &name, &part); i++)
            l->parts[i] += part * share;
    }
    return TRUE;
}

static gboolean
run_epoch (Loop *l, Progress *progress, GError **error)
{
    const TrainPlan *p = l->plan;

    l->loss = 0;
    for (guint i = 0; i < l->n_parts; i++)
        l->parts[i] = 0;
    for (guint i = 0; i < p->steps && !interrupted (); i++) {
        if (!run_step (l, error))
            return FALSE;
        progress_set (progress, (gint64) l->record->epoch * p->steps + i + 1);
    }
    return TRUE;
}

/* ---- what is told -------------------------------------------------------------- */

static void
begin_curve (Loop *l)
{
    const TrainPlan *p = l->plan;
    GString *curve = l->record->curve;
    double value;

    while (l->n_parts < MOST_PARTS &&
           fov_trainer_part (p->trainer, l->n_parts, &l->part_names[l->n_parts], &value))
        l->n_parts++;
    g_string_append (curve, "epoch,step,loss");
    for (guint i = 0; i < l->n_parts; i++)
        g_string_append_printf (curve, ",%s", l->part_names[i]);
    g_string_append (curve, ",learning_rate");
    for (guint i = 0; i < p->n_figures; i++)
        g_string_append_printf (curve, ",%s", p->figures[i].column);
    g_string_append_c (curve, '\n');
}

static void
add_to_curve (Loop *l, const char *rate)
{
    const TrainPlan *p = l->plan;
    GString *curve = l->record->curve;
    FovTrainerInfo info;

    fov_trainer_info (p->trainer, &info);
    g_string_append_printf (curve, "%d,%" G_GUINT64_FORMAT ",%.6f", l->record->epoch, info.step,
                            l->loss);
    for (guint i = 0; i < l->n_parts; i++)
        g_string_append_printf (curve, ",%.6f", l->parts[i]);
    g_string_append_printf (curve, ",%s", rate);
    for (guint i = 0; i < p->n_figures; i++) {
        const double v = l->figures[i];
        if (p->figures[i].share)
            g_string_append_printf (curve, ",%.4f", isnan (v) ? -1 : v);
        else
            g_string_append_printf (curve, ",%.2f", v);
    }
    g_string_append_c (curve, '\n');
}

static void
report (Loop *l, Progress *progress)
{
    const TrainPlan *p = l->plan;
    const double left = train_record_left (l->record);
    char rate[G_ASCII_DTOSTR_BUF_SIZE];
    FovTrainerInfo info;

    fov_trainer_info (p->trainer, &info);
    g_ascii_formatd (rate, sizeof rate, "%.6g", info.learning_rate);
    add_to_curve (l, rate);
    if (p->o->quiet)
        return;
    progress_clear (progress);
    printf ("epoch %d/%d  loss %.4f", l->record->epoch, p->o->epochs, l->loss);
    for (guint i = 0; i < l->n_parts; i++)
        printf ("%s%s %.3f%s", i ? ", " : " (", l->part_names[i], l->parts[i],
                i + 1 < l->n_parts ? "" : ")");
    printf ("  rate %s", rate);
    for (guint i = 0; i < p->n_figures; i++)
        if (!isnan (l->figures[i]))
            printf ("  %s %.1f %%", p->figures[i].name,
                    p->figures[i].share ? 100 * l->figures[i] : l->figures[i]);
    printf ("  left %.0f s\n", left);
    fflush (stdout);
}

/* ---- what is kept ---------------------------------------------------------------- */

static gboolean
write_labels (const TrainPlan *p, GError **error)
{
    g_autofree char *beside = g_strconcat (p->o->output, ".labels", NULL);
    g_autoptr (GString) text = g_string_new (NULL);

    for (guint i = 0; p->labels && i < p->labels->len; i++)
        g_string_append_printf (text, "%s\n", (char *) p->labels->pdata[i]);
    return !p->labels ||
           fov_file_write (p->labels_path ? p->labels_path : beside, text->str, text->len, error);
}

static gboolean
write_model (const TrainPlan *p, GError **error)
{
    return fov_trainer_write_onnx (p->trainer, p->o->output, FOV_WEIGHTS_AVERAGED, error) &&
           write_labels (p, error);
}

static gboolean
draw_curve (const Loop *l, GError **error)
{
    const TrainPlan *p = l->plan;
    g_autofree char *path = g_strconcat (p->o->output, ".png", NULL);
    g_autofree char *name = g_path_get_basename (p->o->output);
    g_autofree char *title =
        g_strdup_printf ("%s, epoch %d of %d", name, l->record->epoch, p->o->epochs);

    return train_curve_draw (l->record->curve->str, title, p->figures, p->n_figures, path, error);
}

static gboolean
save (Loop *l, GError **error)
{
    const TrainPlan *p = l->plan;
    g_autofree char *place = fov_loader_place (p->loader);

    return train_record_save (l->record, p->trainer,
                              &(TrainPictures){ fov_data_length (p->data), p->labels }, place,
                              error) &&
           train_record_write_curve (l->record, error) && draw_curve (l, error);
}

/* A kill or a full disk may have come between the checkpoint and the files beside it. */
static gboolean
resume (Loop *l, GError **error)
{
    const TrainPlan *p = l->plan;

    return train_record_resume (l->record, p->trainer,
                                &(TrainPictures){ fov_data_length (p->data), p->labels }, p->loader,
                                error) &&
           write_model (p, error) && train_record_write_curve (l->record, error) &&
           draw_curve (l, error);
}

/* ---- epochs ---------------------------------------------------------------------- */

/* An interruption leaves the last whole epoch: it is what --resume goes on from. */
static gboolean
run_epochs (Loop *l, GError **error)
{
    const TrainPlan *p = l->plan;
    g_autoptr (Progress) progress =
        progress_new ("training", "steps", (gint64) p->o->epochs * p->steps, p->o->quiet);

    train_record_start (l->record);
    while (l->record->epoch < p->o->epochs) {
        if (!run_epoch (l, progress, error))
            return FALSE;
        if (interrupted ())
            return TRUE;
        if (!write_model (p, error) || !p->kind->measure (p->run, l->figures, error))
            return FALSE;
        if (interrupted ()) /* what was measured is not of all pictures */
            return TRUE;
        l->record->epoch++;
        report (l, progress);
        if (!save (l, error))
            return FALSE;
    }
    return TRUE;
}

/* Not in the checkpoint: a run that goes on from its end does it again. */
static gboolean
finish (Loop *l, GError **error)
{
    const TrainPlan *p = l->plan;

    if (interrupted () || !p->kind->finish)
        return TRUE;
    return p->kind->finish (p->run, error) && write_model (p, error);
}

gboolean
train_loop (const TrainPlan *plan, GError **error)
{
    Loop l = { .plan = plan, .record = train_record_new (plan->o) };
    gboolean ok;

    begin_curve (&l);
    train_tidy (plan->o, plan->labels_path);
    ok = (!plan->o->resume || resume (&l, error)) &&
         train_try_output (plan->o, plan->trainer, error) && train_keep_model (plan->o, error) &&
         run_epochs (&l, error) && finish (&l, error);
    train_record_free (l.record);
    return ok;
}
