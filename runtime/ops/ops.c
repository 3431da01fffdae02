/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ops/ops.h"

static const FovOpDef *const *const families[] = {
#define FAMILY(f) fov_ops_##f,
    FOV_OP_FAMILIES (FAMILY)
#undef FAMILY
};

typedef struct {
    GPtrArray *list; /* NULL-terminated */
    GHashTable *by_name;
} OpTable;

static gpointer
make_table (gpointer unused)
{
    OpTable *table = g_new0 (OpTable, 1);

    table->list = g_ptr_array_new ();
    table->by_name = g_hash_table_new (g_str_hash, g_str_equal);
    for (guint f = 0; f < G_N_ELEMENTS (families); f++) {
        for (const FovOpDef *const *op = families[f]; *op; op++) {
            g_ptr_array_add (table->list, (gpointer) *op);
            g_hash_table_insert (table->by_name, (gpointer) (*op)->name, (gpointer) *op);
        }
    }
    g_ptr_array_add (table->list, NULL);
    return table;
}

static const OpTable *
op_table (void)
{
    static GOnce once = G_ONCE_INIT;

    return g_once (&once, make_table, NULL);
}

const FovOpDef *
fov_op_find (const char *name)
{
    return g_hash_table_lookup (op_table ()->by_name, name);
}

const FovOpDef *const *
fov_op_list (void)
{
    return (const FovOpDef *const *) op_table ()->list->pdata;
}
