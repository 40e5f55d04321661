/*
 * marketdata-server [SOCKET]: fills in a hundred instruments, and stays
 *
 * SYM0000 to SYM0099, price i * 100.0, volume i * 10, published on [feed demo] of the daemon.
 */

#include <mdclient.h>
#include <stdio.h>
#include <unistd.h>

#define INSTRUMENTS 100

static int publish(struct md_publisher *publisher) {
        for (int i = 0; i < INSTRUMENTS; i++) {
                struct md_instrument instrument = { .close_px = MD_PX_NONE };
                uint32_t handle;
                int r;

                snprintf(instrument.symbol, sizeof(instrument.symbol), "SYM%04d", i);
                r = md_publisher_define(publisher, &instrument, &handle);
                if (r == 0)
                        r = md_publisher_trade(publisher, handle, 0, i * 100 * MD_PX_ONE, 0, i * 10,
                                               i);
                if (r < 0)
                        return r;
        }
        return md_publisher_drain(publisher, -1);
}

int main(int argc, char **argv) {
        struct md_publisher *publisher;

        if (md_publisher_new(&publisher) < 0)
                return 1;
        if (md_publisher_connect(publisher, argc > 1 ? argv[1] : NULL, "demo") < 0 ||
            publish(publisher) < 0) {
                fprintf(stderr, "marketdata-server: %s\n", md_publisher_error(publisher));
                md_publisher_free(publisher);
                return 1;
        }
        printf("published %d instruments\n", INSTRUMENTS);
        fflush(stdout);
        pause();
}
