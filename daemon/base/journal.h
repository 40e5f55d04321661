#pragma once

/*
 * The journal: a line of the log with its fields
 *
 * One datagram a line, as systemd.journal-fields(7) names the fields and the journal's native protocol
 * has them written. It is sent without waiting: a journal that does not read holds up nothing here,
 * which is why this is not sd_journal_sendv().
 */

#include <stdbool.h>

struct log_line;

/* Whether stderr goes to the journal; then journal_send() does, too. */
bool journal_init(void);

/* Sends one line: 0, -EAGAIN when the journal has no room for it, another negative errno when it is not
 * there. */
int journal_send(const struct log_line *line, const char *text);
