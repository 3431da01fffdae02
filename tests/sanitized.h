/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FOVEA_TESTS_SANITIZED_H
#define FOVEA_TESTS_SANITIZED_H

/* SANITIZED: the allocator is a sanitizer's, which is neither counted nor measured. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif

#endif
