/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TOOLS_COMMANDS_H
#define FOVEA_TOOLS_COMMANDS_H

#include "cli.h"

extern const CliCommand command_detect, command_track, command_info, command_doctor, command_bench,
    command_eval_coco, command_eval_mot, command_eval_sot, command_train, command_recalibrate;

#endif
