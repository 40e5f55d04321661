/* mdshmd: options, and then the daemon. mdshmd.8 is the manual. */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/config.h"
#include "base/error.h"
#include "base/instance.h"
#include "base/log.h"
#include "daemon.h"

static void usage(FILE *out) {
        _cleanup_(freep) char *path = instance_config(NULL);

        fprintf(out,
                "Usage: mdshmd [-i NAME] [-c FILE] [-v]\n"
                "       mdshmd [-i NAME] [-c FILE] --check-config\n"
                "\n"
                "Takes market data feeds and keeps them in shared memory, for any number of local\n"
                "programs to read.\n"
                "\n"
                "  -c, --config FILE   read this instead of %s\n"
                "  -i, --instance NAME be one of several: NAME.conf, NAME.sock and mdshmd.NAME, where\n"
                "                      nothing else is said\n"
                "      --check-config  say whether the config is good, and end\n"
                "  -v, --verbose       log at level debug, whatever the config says\n"
                "      --version       print the version, and end\n"
                "  -h, --help          print this, and end\n"
                "\n"
                "SIGHUP reads the config again; SIGTERM and SIGINT stop cleanly.\n",
                path);
}

int main(int argc, char **argv) {
        enum { OPTION_CHECK = 256, OPTION_VERSION };
        static const struct option options[] = {
                { "config", required_argument, NULL, 'c' },
                { "instance", required_argument, NULL, 'i' },
                { "check-config", no_argument, NULL, OPTION_CHECK },
                { "verbose", no_argument, NULL, 'v' },
                { "version", no_argument, NULL, OPTION_VERSION },
                { "help", no_argument, NULL, 'h' },
                { 0 },
        };
        const char *instance = NULL;
        _cleanup_(freep) char *path = NULL;
        bool check = false, verbose = false;
        struct config *config;
        struct daemon *daemon;
        int option, r;

        while ((option = getopt_long(argc, argv, "c:i:vh", options, NULL)) >= 0) {
                switch (option) {
                case 'c':
                        free(path);
                        path = strdup(optarg);
                        break;
                case 'i':
                        instance = optarg;
                        break;
                case OPTION_CHECK:
                        check = true;
                        break;
                case 'v':
                        verbose = true;
                        break;
                case OPTION_VERSION:
                        printf("mdshmd %s\n", MDSHMD_VERSION);
                        return EXIT_SUCCESS;
                case 'h':
                        usage(stdout);
                        return EXIT_SUCCESS;
                default:
                        usage(stderr);
                        return 2;
                }
        }
        if (optind < argc) {
                fprintf(stderr, "mdshmd: \"%s\" is one argument too many\n", argv[optind]);
                usage(stderr);
                return 2;
        }

        log_init(verbose ? LOG_DEBUG : LOG_INFO);
        if (instance && !instance_check(instance))
                return 2;
        if (!path)
                path = instance_config(instance);
        r = path ? config_new_instance(&config, path, instance) : error_origin(-ENOMEM);
        if (r < 0)
                return EXIT_FAILURE;
        if (check) {
                r = daemon_check(config);
                if (r == 0)
                        printf("%s: ok\n", path);
                config_free(config);
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        }

        if (verbose)
                config->log.level = LOG_DEBUG;
        log_init(config->log.level);
        r = daemon_new(&daemon, config);
        if (r < 0)
                return EXIT_FAILURE;
        r = daemon_run(daemon);
        daemon_free(daemon);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
