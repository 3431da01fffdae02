/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_H
#define FOVEA_H

#include <fovea/box.h>
#include <fovea/data.h>
#include <fovea/detector.h>
#include <fovea/device.h>
#include <fovea/embedder.h>
#include <fovea/error.h>
#include <fovea/file.h>
#include <fovea/image.h>
#include <fovea/labels.h>
#include <fovea/loader.h>
#include <fovea/metrics.h>
#include <fovea/model.h>
#include <fovea/mot.h>
#include <fovea/motfile.h>
#include <fovea/norms.h>
#include <fovea/overlay.h>
#include <fovea/session.h>
#include <fovea/sot.h>
#include <fovea/tensor.h>
#include <fovea/tracker.h>
#include <fovea/visual.h>
#include <fovea/train.h>

#endif
