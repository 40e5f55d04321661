/* mdctl save: all that there is, to a file that --segment opens. */

#include <signal.h>

#include "mdctl.h"

int command_save(struct mdctl *mdctl) {
        int r;

        signal(SIGXFSZ,
               SIG_IGN); /* more than RLIMIT_FSIZE is an error, and leaves nothing behind */
        r = md_save(mdctl->client, mdctl->args[0]);
        return r < 0 ? complain_client(mdctl, r) : 0;
}
