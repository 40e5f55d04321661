#pragma once

/*
 * Two kinds of "no"
 *
 * Negative: an errno of ours, fatal to what was asked, handed on unchanged. error_origin() marks where
 * it began and error_trace() each step it passes, for the debug log. Positive: an outcome that the
 * caller must deal with (SESSION_E_..., DECODE_E_...) and never hands on. A peer can only ever cause
 * the second kind.
 */

#include "base/log.h"

#define error_origin(r) error_note((r), __FILE__, __LINE__, __func__)
#define error_trace(r)  error_note((r), __FILE__, __LINE__, __func__)

int error_note(int r, const char *file, int line, const char *function);
