/*
 * marketdata-client [SOCKET]: prints every instrument that [feed demo] has published
 */

#include <inttypes.h>
#include <mdclient.h>
#include <stdio.h>

int main(int argc, char **argv) {
        struct md_instrument instrument;
        struct md_client *client;
        struct md_tick tick;

        if (md_new(&client) < 0)
                return 1;
        if (md_connect(client, argc > 1 ? argv[1] : NULL) < 0) {
                fprintf(stderr, "marketdata-client: %s\n", md_error(client));
                md_free(client);
                return 1;
        }
        for (uint32_t i = 0; i < md_instruments(client); i++)
                if (md_instrument(client, i, &instrument) == 0 &&
                    md_read(client, i, MD_TRADE, &tick) > 0)
                        printf("Symbol: %s, Price: %.2f, Volume: %" PRId64 "\n", instrument.symbol,
                               md_price(tick.u.trade.px), tick.u.trade.volume);
        md_free(client);
        return 0;
}
