#version 460
/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A kernel that is wrong whatever it stands for. */
layout (local_size_x = 64) in;

void main ()
{
}
