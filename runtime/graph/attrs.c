/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Attributes as readers hand them over, into the params struct that the op's table describes. */
#include "graph/op.h"

#include <string.h>

static void
params_set_fallbacks (const FovOpDef *op, gpointer params)
{
    for (const FovParam *p = op->params; p && p->name; p++) {
        void *field = (guint8 *) params + p->offset;
        if (p->type == FOV_PARAM_INT)
            *(gint64 *) field = (gint64) p->fallback;
        else if (p->type == FOV_PARAM_FLOAT)
            *(float *) field = (float) p->fallback;
        else if (p->type == FOV_PARAM_ENUM)
            *(int *) field = (int) p->fallback;
    }
}

static gboolean
param_set_enum (const FovParam *p, const FovAttr *attr, int *field)
{
    if (attr->type != FOV_ATTR_STRING)
        return FALSE;
    for (int i = 0; p->names[i]; i++) {
        if (g_str_equal (p->names[i], attr->s)) {
            *field = i;
            return TRUE;
        }
    }
    return FALSE;
}

static gboolean
param_set (const FovParam *p, const FovAttr *attr, void *field)
{
    switch (p->type) {
    case FOV_PARAM_INT:
        if (attr->type != FOV_ATTR_INT)
            return FALSE;
        *(gint64 *) field = attr->i;
        return TRUE;
    case FOV_PARAM_FLOAT:
        if (attr->type != FOV_ATTR_FLOAT)
            return FALSE;
        *(float *) field = (float) attr->f;
        return TRUE;
    case FOV_PARAM_INTS: {
        FovInts *list = field;
        if (attr->type != FOV_ATTR_INTS || attr->n > G_N_ELEMENTS (list->v))
            return FALSE;
        list->n = (int) attr->n;
        if (attr->n)
            memcpy (list->v, attr->ints, attr->n * sizeof *list->v);
        return TRUE;
    }
    case FOV_PARAM_FLOATS: {
        FovFloats *list = field;
        if (attr->type != FOV_ATTR_FLOATS || attr->n > G_N_ELEMENTS (list->v))
            return FALSE;
        list->n = (int) attr->n;
        if (attr->n)
            memcpy (list->v, attr->floats, attr->n * sizeof *list->v);
        return TRUE;
    }
    case FOV_PARAM_ENUM:
        return param_set_enum (p, attr, field);
    }
    return FALSE;
}

static char *
param_expected (const FovParam *p)
{
    static const char *const types[] = { "an integer", "a float", "at most 16 integers",
                                         "at most 16 floats" };
    if (p->type == FOV_PARAM_ENUM) {
        g_autofree char *all = g_strjoinv (", ", (char **) p->names);
        return g_strdup_printf ("one of %s", all);
    }
    return g_strdup (types[p->type]);
}

static char *
attr_found (const FovAttr *attr)
{
    switch (attr->type) {
    case FOV_ATTR_INT:
        return g_strdup_printf ("integer %" G_GINT64_FORMAT, attr->i);
    case FOV_ATTR_FLOAT:
        return g_strdup_printf ("float %g", attr->f);
    case FOV_ATTR_STRING:
        return g_strdup_printf ("'%s'", attr->s);
    case FOV_ATTR_INTS:
        return g_strdup_printf ("%" G_GSIZE_FORMAT " integers", attr->n);
    default:
        return g_strdup_printf ("%" G_GSIZE_FORMAT " floats", attr->n);
    }
}

gboolean
fov_node_parse_attrs (FovNode *node, const FovAttr *attrs, guint n_attrs, GError **error)
{
    params_set_fallbacks (node->op, node->params);
    for (guint i = 0; i < n_attrs; i++) {
        const FovParam *p = node->op->params;
        while (p && p->name && !g_str_equal (p->name, attrs[i].name))
            p++;
        if (!p || !p->name)
            return fov_node_error (node, error, "attribute '%s' is not known to this op",
                                   attrs[i].name);
        if (!param_set (p, &attrs[i], (guint8 *) node->params + p->offset)) {
            g_autofree char *found = attr_found (&attrs[i]);
            g_autofree char *expected = param_expected (p);
            return fov_node_error (node, error, "attribute '%s' is %s, expected %s", p->name, found,
                                   expected);
        }
    }
    return TRUE;
}
