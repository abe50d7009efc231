/* SPDX-License-Identifier: MIT */
/*
 * Owns the quoting of text for JSON. Stateless.
 */
#ifndef HAK_TOOLS_COMMON_JSON_H
#define HAK_TOOLS_COMMON_JSON_H

#include <stdio.h>

/* In quotes; what isn't UTF-8 becomes `?`, so that every reader takes it. */
void hak_json_text(FILE *out, const char *text);

#endif
