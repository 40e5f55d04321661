#pragma once

/* Requests of the control role, and their answers. */

#include "serve/session.h"

/* Begins to answer a request. The session may be gone afterwards. */
void control_request(struct session *session, const struct wire_header *request);

/* Goes on with the list of clients where the socket was full. The session may be gone afterwards. */
void control_continue(struct session *session);
