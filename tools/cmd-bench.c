/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fovea bench: how fast models run on devices. The network alone is timed, with
 * noise as its input, one run after the other.
 */
#include "commands.h"
#include "model-options.h"
#include "network.h"
#include "peak.h"
#include "scratch-dir.h"
#include "steps.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Without --runs: as many as fit in here, within the limits. */
#define MEASURE_SECONDS 3.0
#define LEAST_RUNS 5
#define MOST_RUNS 200

static struct {
    char **models, **devices;
    char *size;
    int batch, runs, warmup;
    gboolean steps, json;
} o = { .warmup = 3 };

static const CliOption options[] = {
    { "model", 'm', CLI_PATHS, &o.models, "MODEL",
      "The network: an .onnx file, or a TensorFlow.js model.json; may be given several times",
      "Model" },
    { "device", 'd', CLI_TEXTS, &o.devices, "DEVICE",
      "Where to run (default auto); may be given several times", "Model", .words = device_words },
    { "size", 0, CLI_TEXT, &o.size, "WxH",
      "Network input in pixels, where the model leaves it free", "Model" },
    { "batch", 'b', CLI_INT, &o.batch, "N",
      "Pictures in one run, where the model leaves their number free, 1 to 64 (default 1)", "Model",
      1, 64 },
    { "runs", 'r', CLI_INT, &o.runs, "N",
      "Timed runs, 1 to 100000 (default: 5 to 200, about three seconds of them)", "Measuring", 1,
      100000 },
    { "warmup", 'w', CLI_INT, &o.warmup, "N", "Runs before those, 0 to 10000 (default 3)",
      "Measuring", 0, 10000 },
    { "steps", 0, CLI_FLAG, &o.steps, NULL,
      "Also times each step (the fastest of the runs), the slowest first", "Output" },
    { "json", 0, CLI_FLAG, &o.json, NULL,
      "Prints a line of JSON for each model and device instead of a table", "Output" },
    CLI_END,
};

static const CliExample examples[] = {
    { "fovea bench -m yolox_nano.onnx", "Times one model on the best device." },
    { "fovea bench -m a.onnx -m b.onnx -d cpu -d gpu --json", "Compares models and devices." },
    { "fovea bench -m yolox_nano.onnx -d cpu --steps", "Shows where the time goes." },
    { NULL, NULL },
};

/* ---- measuring ----------------------------------------------------------- */

typedef struct {
    FovSessionInfo info;
    char *device;
    double cold, warm;         /* seconds from nothing to the first result */
    double median, p95, least; /* seconds a run */
    double processor;          /* least processor seconds of a run, of all threads */
    double gflops;             /* a second */
    double share;              /* of the measured peak, percent; NAN where that is not known */
    guint runs;
    GArray *steps;
} Result;

static void
result_clear (Result *r)
{
    g_clear_pointer (&r->device, g_free);
    g_clear_pointer (&r->steps, g_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Result, result_clear)

/* From nothing to the first result. */
static Network *
start (const char *model_path, const char *spec, FovDevice **device, double *seconds,
       GError **error)
{
    gint64 begin = g_get_monotonic_time ();
    g_autoptr (FovModel) model = fov_model_load (model_path, error);
    g_autoptr (Network) network = NULL;

    if (!model)
        return NULL;
    *device = fov_device_open (spec, error);
    if (!*device)
        return NULL;
    network = network_new (*device, model, o.size, o.batch, FALSE, error);
    if (!network || !network_run (network, NULL, error))
        return NULL;
    *seconds = (double) (g_get_monotonic_time () - begin) / G_USEC_PER_SEC;
    return g_steal_pointer (&network);
}

/* Of all threads of this process, so far; unlike the clock on the wall it stands still while other
 * programs run. */
static double
processor_seconds (void)
{
    struct timespec t;

    clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

static gboolean
time_runs (Network *network, Result *r, GError **error)
{
    g_autoptr (GArray) times = g_array_new (FALSE, FALSE, sizeof (double));
    guint least = o.runs ? (guint) o.runs : LEAST_RUNS;
    guint most = o.runs ? (guint) o.runs : MOST_RUNS;
    double seconds, sum = 0;

    r->processor = INFINITY;
    for (int i = 0; i < o.warmup; i++)
        if (!network_run (network, NULL, error))
            return FALSE;
    while (times->len < least || (times->len < most && sum < MEASURE_SECONDS)) {
        double before = processor_seconds ();
        if (!network_run (network, &seconds, error))
            return FALSE;
        r->processor = MIN (r->processor, processor_seconds () - before);
        sum += seconds;
        g_array_append_val (times, seconds);
    }
    r->runs = times->len;
    r->median = quantile (times, 0.5);
    r->p95 = quantile (times, 0.95);
    r->least = g_array_index (times, double, 0);
    r->gflops = r->info.flops * 1e-9 / r->median;
    return TRUE;
}

/* How many threads "cpu:N" names; 0 for all. */
static guint
threads_of (const char *spec)
{
    guint64 n = 0;

    if (spec && g_str_has_prefix (spec, "cpu:"))
        g_ascii_string_to_unsigned (spec + 4, 10, 1, 1024, &n, NULL);
    return (guint) n;
}

/* Whether the processor does the work: always but on a real GPU. */
static gboolean
runs_on_processor (FovDevice *device)
{
    g_autoptr (GArray) devices = NULL;

    if (fov_device_kind (device) != FOV_DEVICE_VULKAN)
        return TRUE;
    devices = fov_device_list ();
    for (guint i = 0; i < devices->len; i++) {
        const FovDeviceInfo *d = &g_array_index (devices, FovDeviceInfo, i);
        if (d->real_gpu && g_str_has_prefix (fov_device_name (device), d->name))
            return FALSE;
    }
    return TRUE;
}

static void
find_share (Result *r, FovDevice *device, const char *spec)
{
    guint threads = fov_device_kind (device) == FOV_DEVICE_REFERENCE ? 1 : threads_of (spec);

    r->share = NAN;
    if (runs_on_processor (device))
        r->share = r->gflops * 1e9 / host_peak (threads) * 100;
}

static void
keep_fastest (GArray *steps, const GArray *others)
{
    for (guint i = 0; i < steps->len; i++) {
        FovStepTime *step = &g_array_index (steps, FovStepTime, i);
        step->seconds = MIN (step->seconds, g_array_index (others, FovStepTime, i).seconds);
    }
}

static gboolean
profile_steps (const char *model_path, FovDevice *device, Result *r, GError **error)
{
    g_autoptr (FovModel) model = fov_model_load (model_path, error);
    g_autoptr (Network) network = NULL;

    if (model)
        network = network_new (device, model, o.size, o.batch, TRUE, error);
    if (!network)
        return FALSE;
    for (guint i = 0; i < 3; i++)
        if (!network_run (network, NULL, error))
            return FALSE;
    r->steps = fov_session_profile (network->session);
    for (guint run = 0; run < r->runs; run++) {
        g_autoptr (GArray) again = NULL;
        if (!network_run (network, NULL, error))
            return FALSE;
        again = fov_session_profile (network->session);
        keep_fastest (r->steps, again);
    }
    for (guint i = 0; i < r->steps->len; i++) {
        /* The names belong to the session, which ends here. */
        FovStepTime *step = &g_array_index (r->steps, FovStepTime, i);
        step->op = g_intern_string (step->op);
        step->name = g_intern_string (step->name);
    }
    return TRUE;
}

static gboolean
measure (const char *model_path, const char *spec, const char *cache, Result *r, GError **error)
{
    g_autoptr (FovDevice) device = NULL, again = NULL;
    g_autoptr (Network) network = NULL;

    scratch_dir_empty (cache);
    network = start (model_path, spec, &device, &r->cold, error);
    if (!network)
        return FALSE;
    g_clear_pointer (&network, network_free);
    g_clear_pointer (&device, fov_device_unref);
    network = start (model_path, spec, &again, &r->warm, error);
    if (!network)
        return FALSE;
    r->device = g_strdup (fov_device_name (again));
    fov_session_info (network->session, &r->info);
    if (!time_runs (network, r, error))
        return FALSE;
    find_share (r, again, spec);
    return !o.steps || profile_steps (model_path, again, r, error);
}

/* ---- printing ------------------------------------------------------------ */

static void
add_row (Table *table, const char *model, const Result *r)
{
    g_autofree char *name = g_path_get_basename (model);

    table_cell (table, "%s", name);
    table_cell (table, "%s", r->device);
    table_cell (table, "%s", r->info.precision);
    table_cell (table, "%.0f", r->cold * 1e3);
    table_cell (table, "%.0f", r->warm * 1e3);
    table_cell (table, "%.2f", r->median * 1e3);
    table_cell (table, "%.2f", r->p95 * 1e3);
    table_cell (table, "%.2f", r->processor * 1e3);
    table_cell (table, "%.3f", r->info.flops * 1e-9);
    table_cell (table, "%.1f", r->gflops);
    if (isnan (r->share))
        table_cell (table, "-");
    else
        table_cell (table, "%.1f%%", r->share);
}

static void
print_json (const char *model, const char *spec, const Result *r)
{
    g_autoptr (JsonBuilder) b = json_builder_new ();
    g_autofree char *line = NULL;

    json_builder_begin_object (b);
    json_add_text (b, "model", model);
    json_add_text (b, "device", spec ? spec : "auto");
    json_add_text (b, "device_name", r->device);
    json_add_text (b, "precision", r->info.precision);
    json_add_number (b, "cold_start_ms", r->cold * 1e3);
    json_add_number (b, "warm_start_ms", r->warm * 1e3);
    json_add_number (b, "median_ms", r->median * 1e3);
    json_add_number (b, "p95_ms", r->p95 * 1e3);
    json_add_number (b, "min_ms", r->least * 1e3);
    json_add_number (b, "processor_ms", r->processor * 1e3);
    json_add_int (b, "runs", r->runs);
    json_add_number (b, "gflop", r->info.flops * 1e-9);
    json_add_number (b, "gflops", r->gflops);
    json_add_number (b, "peak_percent", r->share);
    json_add_int (b, "weight_bytes", (gint64) r->info.weight_bytes);
    json_add_int (b, "planned_bytes", (gint64) r->info.planned_bytes);
    if (r->steps)
        json_add_steps (b, "steps", r->steps);
    json_builder_end_object (b);
    line = json_line (b);
    printf ("%s\n", line);
    fflush (stdout);
}

/* Returns FALSE on the first pair that cannot be measured. */
static gboolean
measure_all (char **models, char **devices, const char *cache, Table *table, GError **error)
{
    for (char **m = models; *m; m++) {
        for (char **d = devices; *d; d++) {
            g_auto (Result) r = { 0 };
            if (!measure (*m, *d, cache, &r, error))
                return FALSE;
            if (o.json) {
                print_json (*m, *d, &r);
                continue;
            }
            add_row (table, *m, &r);
            if (r.steps) {
                printf ("%s on %s:\n", *m, r.device);
                print_steps (r.steps, TRUE, stdout);
                printf ("\n");
            }
        }
    }
    return TRUE;
}

static int
run (char **args, GError **error)
{
    static char *automatic[] = { (char *) "auto", NULL };
    g_autoptr (Table) table = table_new ("lllrrrrrrrr", 0);
    g_autofree char *cache = NULL;
    gboolean ok;

    if (args[0])
        return cli_usage_error (error, "'%s' is too much: expected options only, such as --model",
                                args[0]);
    if (!o.models)
        return cli_usage_error (error, MODEL_MISSING);
    cache = scratch_dir_new (error);
    if (!cache)
        return -1;
    /* A cold start is one without anything prepared: the caches of the library and of drivers
     * that keep theirs beside it. */
    g_setenv ("XDG_CACHE_HOME", cache, TRUE);
    table_add (table, "model", "device", "precision", "cold start ms", "warm start ms", "median ms",
               "p95 ms", "processor ms", "GFLOP", "GFLOP/s", "of peak");
    ok = measure_all (o.models, o.devices ? o.devices : automatic, cache, table, error);
    scratch_dir_remove (cache);
    if (!ok)
        return -1;
    if (!o.json)
        table_print (table, stdout);
    return CLI_OK;
}

const CliCommand command_bench = {
    .name = "bench",
    .args = "",
    .summary = "Measures how fast models run on devices.",
    .text = "Times the network alone (no decoding of pictures, no drawing), one run after the "
            "other. Cold start: from nothing to the first result, with no prepared programs kept; "
            "warm start: the same once more. Processor: the least processor time of a run, of all "
            "threads together, which other programs disturb least. The peak is measured with "
            "multiply-adds in registers on as many threads as the device has. Precision: fp32 on "
            "every device as yet, whatever the tiers are that fovea info lists.",
    .examples = examples,
    .options = options,
    .run = run,
};
