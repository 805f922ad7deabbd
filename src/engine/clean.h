/* SPDX-License-Identifier: MIT */
/* Text from outside, made fit to show. */
#ifndef RCASTI_ENGINE_CLEAN_H
#define RCASTI_ENGINE_CLEAN_H

#include <stddef.h>

/* Copy text as valid UTF-8 without control characters, cut to fit between characters, terminated. Returns its length. */
size_t rcasti_text_clean(char *clean, size_t clean_bytes, const char *text, size_t n_bytes);

#endif
