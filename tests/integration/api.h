#pragma once

/* What the files of test-api share: which function calls which export. */

#include "harness.h"

struct api_call {
        const char *name;
        void (*call)(struct md_client *client, bool connected);
};

#define CALL(function)                                                                             \
        { "md_" #function, call_##function }

extern struct rig rig; /* the daemon, where `connected` says that there is one */

extern const struct api_call api_publisher_calls[];
extern const size_t api_publisher_calls_n;
extern const struct api_call api_settings_calls[];
extern const size_t api_settings_calls_n;
