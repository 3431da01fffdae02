/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One list of classes against another. */
#include "train/data/data-private.h"

/* For each class its label in the other list, -1 where it has none. */
static int *
map_classes (const FovData *data, const FovLabels *classes)
{
    const guint n = fov_data_n_classes (data);
    int *map = g_new (int, n + 1);

    for (guint i = 0; i < n; i++)
        map[i] = fov_labels_find (classes, fov_data_class (data, i));
    return map;
}

static guint
add_mapped (FovData *to, const FovSample *s, const int *map, GArray *objects, GArray *classes)
{
    FovSample sample = *s;

    g_array_set_size (objects, 0);
    g_array_set_size (classes, 0);
    for (guint i = 0; i < s->n_objects; i++) {
        FovDataObject o = s->objects[i];
        o.label = o.label >= 0 ? map[o.label] : -1;
        if (o.label >= 0 || s->objects[i].label < 0)
            g_array_append_val (objects, o);
    }
    for (guint i = 0; i < s->n_classes; i++)
        if (map[s->classes[i]] >= 0)
            g_array_append_val (classes, map[s->classes[i]]);
    sample.objects = (const FovDataObject *) (void *) objects->data;
    sample.n_objects = objects->len;
    sample.classes = (const int *) (void *) classes->data;
    sample.n_classes = classes->len;
    fov_data_add (to, &sample, NULL); /* what was in a list is right in another */
    return s->n_objects - objects->len + s->n_classes - classes->len;
}

FovData *
fov_data_relabel (const FovData *data, const FovLabels *classes, guint *n_left_out)
{
    FovData *to = fov_data_new_with (&(FovDataParams){ .classes = (FovLabels *) classes });
    g_autofree int *map = map_classes (data, classes);
    g_autoptr (GArray) objects = fov_objects_new ();
    g_autoptr (GArray) labels = g_array_new (FALSE, FALSE, sizeof (int));
    guint left_out = 0;

    fov_data_share_points (to, data);
    for (guint i = 0; i < fov_data_length (data); i++)
        left_out += add_mapped (to, fov_data_sample (data, i), map, objects, labels);
    if (n_left_out)
        *n_left_out = left_out;
    return to;
}
