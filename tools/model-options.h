/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_MODEL_OPTIONS_H
#define FOVEA_TOOLS_MODEL_OPTIONS_H

/*
 * The options of the commands that run a detector.
 */
#include "cli.h"
#include "print.h"

#include <fovea/detector.h>

G_BEGIN_DECLS

typedef struct {
    char *model, *device, *labels_file, *decoder, *size;
    char *color_order, *fit, *mean, *scale;
    double threshold, iou_threshold; /* < 0: the detector's default */
    int max_detections, batch;       /* 0: the detector's default */
} ModelOptions;

#define MODEL_OPTIONS_UNSET                                                                        \
    {                                                                                              \
        .threshold = -1, .iou_threshold = -1                                                       \
    }

#define MODEL_OPTION(o)                                                                            \
    {                                                                                              \
        "model", 'm', CLI_PATH, &(o).model, "MODEL",                                               \
            "The network: an .onnx file, or a TensorFlow.js model.json or its folder", "Model"     \
    }

#define DEVICE_OPTION(o)                                                                           \
    {                                                                                              \
        "device", 'd', CLI_TEXT, &(o).device, "DEVICE",                                            \
            "Where to run: auto (default), gpu[:N], vulkan[:N or NAME], cpu[:THREADS] or "         \
            "reference; fovea info lists what is there",                                           \
            "Model", .words = device_words                                                         \
    }

#define SELECTION_OPTIONS(o, default_threshold, default_iou, default_most)                         \
    { "threshold",                                                                                 \
      't',                                                                                         \
      CLI_REAL,                                                                                    \
      &(o).threshold,                                                                              \
      "SCORE",                                                                                     \
      "Lowest confidence that counts, 0 to 1 (default " default_threshold ")",                     \
      "Model",                                                                                     \
      0,                                                                                           \
      1 },                                                                                         \
        { "iou-threshold",                                                                         \
          0,                                                                                       \
          CLI_REAL,                                                                                \
          &(o).iou_threshold,                                                                      \
          "IOU",                                                                                   \
          "Of two boxes of a class that overlap by more the weaker goes, 0 to 1 "                  \
          "(default " default_iou ")",                                                             \
          "Model",                                                                                 \
          0,                                                                                       \
          1 },                                                                                     \
        { "max-detections",                                                                        \
          0,                                                                                       \
          CLI_INT,                                                                                 \
          &(o).max_detections,                                                                     \
          "N",                                                                                     \
          "At most N objects in a picture, 1 to 1000 (default " default_most ")",                  \
          "Model",                                                                                 \
          1,                                                                                       \
          1000 },                                                                                  \
        { "labels-file",                                                                           \
          'l',                                                                                     \
          CLI_PATH,                                                                                \
          &(o).labels_file,                                                                        \
          "FILE",                                                                                  \
          "Class names: one a line, .names, .pbtxt or .json (default: the model's own or those "   \
          "in a file beside it, else COCO's where their number fits)",                             \
          "Model" },                                                                               \
        { "decoder", 0,                                                                            \
          CLI_TEXT,  &(o).decoder,                                                                 \
          "FAMILY",  "Family of the network's outputs (default: recognised; see fovea doctor)",    \
          "Model",   .words = fov_detector_families },                                             \
    {                                                                                              \
        "size", 0, CLI_TEXT, &(o).size, "WxH",                                                     \
            "Network input in pixels, where the model leaves it free", "Model"                     \
    }

/* Where a network wants to see something else than its family usually does. */
#define INTAKE_OPTIONS(o)                                                                          \
    { "color-order",                                                                               \
      0,                                                                                           \
      CLI_TEXT,                                                                                    \
      &(o).color_order,                                                                            \
      "ORDER",                                                                                     \
      "rgb or bgr",                                                                                \
      "Preprocessing (default: the family's)",                                                     \
      .words = color_words },                                                                      \
        { "fit",                                                                                   \
          0,                                                                                       \
          CLI_TEXT,                                                                                \
          &(o).fit,                                                                                \
          "FIT",                                                                                   \
          "How a picture is fitted in: letterbox (top left), letterbox-center or stretch",         \
          "Preprocessing (default: the family's)",                                                 \
          .words = fit_words },                                                                    \
        { "mean",                                                                                  \
          0,                                                                                       \
          CLI_TEXT,                                                                                \
          &(o).mean,                                                                               \
          "M[,M,M]",                                                                               \
          "Subtracted from each channel, on the scale 0 to 255, in the network's order",           \
          "Preprocessing (default: the family's)" },                                               \
    {                                                                                              \
        "scale", 0, CLI_TEXT, &(o).scale, "F[,F,F]",                                               \
            "Factor of each channel after mean was subtracted",                                    \
            "Preprocessing (default: the family's)"                                                \
    }

#define BATCH_OPTION(o)                                                                            \
    {                                                                                              \
        "batch", 'b', CLI_INT, &(o).batch, "N", "Pictures in one run, 1 to 64 (default 1)",        \
            "Model", 1, 64                                                                         \
    }

#define MODEL_MISSING "--model is missing: expected an .onnx file or a TensorFlow.js model.json"

/** For completion. */
const char *const *device_words (void);
const char *const *color_words (void);
const char *const *fit_words (void);

/**
 * Opens device, model, labels and detector. in_flight: runs at once. FALSE with
 * a CLI_ERROR where --model is missing. progress may be NULL.
 */
FovDetector *model_options_open (const ModelOptions *options, guint in_flight, Progress *progress,
                                 GError **error);

/** What a detector's parameters point at. */
typedef struct {
    FovLabels *labels;
    float mean[3], scale[3];
} ModelExtras;

/** The detector's parameters of the options; extras must live as long as they do. */
gboolean model_options_params (const ModelOptions *options, FovDetectorParams *params,
                               ModelExtras *extras, GError **error);
void model_extras_clear (ModelExtras *extras);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ModelExtras, model_extras_clear)

/** A class's name, "class N" in buffer where the labels have none, "object" where label is < 0. */
const char *class_name (FovLabels *labels, int label, char buffer[32]);

/** The detections as a table: label, score, corners. */
void print_detections (const GArray *detections, FovLabels *labels, FILE *out);

G_END_DECLS

#endif
