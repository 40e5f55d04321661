#pragma once

/*
 * The yardstick of the books: orders in a std::unordered_map, levels in a std::map for each side
 *
 * What anybody would write first. It keeps the same orders and levels as ours and finds the same
 * top, and makes no ticks of it.
 */

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct stdbook;

struct stdbook *stdbook_new(uint32_t instruments);
void stdbook_free(struct stdbook *book);

void stdbook_add(struct stdbook *book, uint32_t instrument, uint64_t ref, bool ask, int64_t px,
                 uint32_t sz);

/* Takes `sz` from an order; UINT32_MAX: all of it. One that is not known is left out. */
void stdbook_take(struct stdbook *book, uint64_t ref, uint32_t sz);

void stdbook_replace(struct stdbook *book, uint64_t ref, uint64_t new_ref, int64_t px, uint32_t sz);

/* The sum of all best prices that it came by, so that they had to be found. */
int64_t stdbook_sum(const struct stdbook *book);

#ifdef __cplusplus
}
#endif
