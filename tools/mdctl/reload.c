/* mdctl reload: has the daemon read its config again, and says whether it did. */

#include <errno.h>

#include "control.h"
#include "mdctl.h"

int command_reload(struct mdctl *mdctl) {
        _cleanup_(control_close) struct control_link link = CONTROL_LINK_INIT;
        int r;

        r = control_open(&link, mdctl->socket, "mdctl-reload");
        if (r == 0)
                r = control_reload(&link);
        if (r == -EINVAL)
                complain("%s keeps its old config, for there is something wrong with the new one: "
                         "its log says what, and so does mdshmd --check-config",
                         link.path);
        else if (r < 0)
                complain("%s", link.error);
        return r;
}
