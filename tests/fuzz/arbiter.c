/*
 * The arbiter: whatever comes on its lines, what goes on is in order, each message once, and a gap is true
 *
 * A byte sets the times, and whether late comers catch up; then one operation follows the other: a packet on a line, of
 * this session or another, at a place near to where the line was or far away; time; the end of all.
 * That messages go on in their order, each once and whole, and that gaps lie between them, the trial of
 * the unit tests holds against the stream. Here it is added that no message is said to be lost which a
 * packet had brought, that nothing waits longer than it may, and that what waits has its room.
 */

#include "unit/arbiter-try.h"

#include "fuzz.h"

#define SESSIONS 3
#define PROMISES 256

struct promise {
        uint64_t first, end;
};

struct world {
        struct trial trial;                   /* the first member: the ops' userdata */
        uint64_t at[ARBITER_LINES][SESSIONS]; /* the number behind the line's newest packet */

        /* Numbers of packets that counted as won, and of which some have not gone on yet. */
        struct promise promises[PROMISES];
        unsigned n_promises;
};

static uint64_t max_of(uint64_t a, uint64_t b) {
        return a > b ? a : b;
}

/* ---- what comes out ---- */

static void world_packet(void *userdata, const struct packet *packet, struct framed *framed,
                         uint32_t skip) {
        struct world *world = userdata;

        trial_packet(userdata, packet, framed, skip);
        for (unsigned i = world->n_promises; i-- > 0;)
                if (world->promises[i].end <= world->trial.next)
                        world->promises[i] = world->promises[--world->n_promises];
}

static void world_gap(void *userdata, uint64_t first, uint64_t n) {
        struct world *world = userdata;

        for (unsigned i = 0; i < world->n_promises; i++)
                CHECK(world->promises[i].end <= first || world->promises[i].first >= first + n);
        trial_gap(userdata, first, n);
}

static void world_reset(void *userdata, const struct packet *packet, const struct framed *framed) {
        struct world *world = userdata;

        world->n_promises = 0;
        trial_reset(userdata, packet, framed);
}

/* What waited will come again. */
static bool world_catch_up(void *userdata, uint64_t session, uint64_t known) {
        struct world *world = userdata;

        if (!trial_catch_up(userdata, session, known))
                return false;
        world->n_promises = 0;
        return true;
}

static const struct arbiter_ops world_ops = {
        .packet = world_packet,
        .join = trial_join,
        .gap = world_gap,
        .reset = world_reset,
        .ask = trial_ask,
        .catch_up = world_catch_up,
        .caught_up = trial_caught_up,
        .gave_in = trial_gave_in,
};

static void promise(struct world *world, const struct sent *sent) {
        uint64_t end = sent->sequence + sent->count, next = world->trial.arbiter.next;

        if (end > next && world->n_promises < PROMISES)
                world->promises[world->n_promises++] =
                        (struct promise){ max_of(sent->sequence, next), end };
}

/* ---- what happens ---- */

/* As arbiter_init() makes it, in the memory of the input before: to clear that is most of the work. */
static void begin(struct world *world, uint8_t times) {
        struct arbiter *arbiter = &world->trial.arbiter, old = *arbiter;
        struct arbiter_params params = {
                .hole = times & 1 ? 0 : HOLE,
                .recovery = (times & 3) == 2 ? RECOVERY : 0,
                .window = WINDOW_MIN,
        };

        memset(world, 0, sizeof(*world));
        world->trial.next = world->trial.joined = 1;
        world->trial.can_catch_up = times & 4;
        world->trial.now = 1000 * MS;
        world->trial.sent = INT64_C(1517058015909382289);
        for (unsigned i = 0; i < ARBITER_LINES * SESSIONS; i++)
                world->at[i / SESSIONS][i % SESSIONS] = 1;

        if (!old.window.ring)
                CHECK(arbiter_init(&old, &params, &world_ops, world) == 0);
        free(old.arrivals);
        *arbiter = (struct arbiter){
                .params = params,
                .ops = &world_ops,
                .userdata = world,
                .window = old.window,
                .stranger.data = old.stranger.data,
        };
}

static uint64_t place(struct world *world, struct input *input, unsigned line, unsigned session) {
        uint64_t at = world->at[line][session];
        int8_t near = (int8_t)input_u8(input);

        switch (near) {
        case -128:
                return 1;
        case 127:
                return at + input_u16(input) % 4096;
        case 126:
                return at + (UINT64_C(1) << (input_u8(input) % 62));
        case 125:
                return input_u64(input);
        case 124:
                return world->trial.next;
        default:
                return near < 0 && (uint64_t)-near >= at ? 1 : at + (uint64_t)(int64_t)near;
        }
}

static void send_on(struct world *world, struct input *input, unsigned line) {
        struct arbiter *arbiter = &world->trial.arbiter;
        uint8_t how = input_u8(input), size = input_u8(input);
        unsigned session = how >> 6 == 3 ? 0 : how >> 6;
        struct sent sent = {
                .session = SESSION + session,
                .sequence = place(world, input, line, session),
                .count = size % COUNT_MAX,
                .ends = size == 0xff,
        };
        uint64_t won = arbiter->line[line].figures.won;
        bool stranger = arbiter->stranger.there;

        if (!framed_sequence_is_sane(sent.sequence, sent.count))
                return; /* no framing lets it through */
        if (sent.ends)
                sent.count = 0;
        switch (how & 3) {
        case 0: /* the transport does not say when */
                break;
        case 1:
                sent.sent = world->trial.sent - (int64_t)(how >> 2) * 100;
                break;
        default:
                sent.sent = world->trial.sent += 1000;
        }
        world->at[line][session] = sent.sequence + sent.count;
        arrives(&world->trial, line, &sent);
        /* one of a stranger kept before may have counted, too: then it is not clear which */
        if (!stranger && arbiter->line[line].figures.won > won)
                promise(world, &sent);
}

/* Many packets in a row, as a line sends them when all is well; or copies of one. */
static void send_many(struct world *world, struct input *input, unsigned line) {
        uint8_t how = input_u8(input);
        struct sent sent = { .session = SESSION, .sequence = world->at[line][0], .count = how & 1 };
        unsigned n = how >> 1 & 15;

        for (n = n == 15 ? ARBITER_LATE : 2 * n; n > 0; n--) {
                if (how & 0x20)
                        sent.sent = world->trial.sent += 1000;
                if (!framed_sequence_is_sane(sent.sequence, sent.count))
                        return;
                arrives(&world->trial, line, &sent);
                if (how < 0x80)
                        sent.sequence += sent.count;
        }
        world->at[line][0] = sent.sequence + sent.count;
}

/* What a late comer asks for: some packets in a row, the first of them perhaps ahead. */
static void answer(struct world *world, struct input *input) {
        uint8_t how = input_u8(input);
        struct sent sent = {
                .session = world->trial.arbiter.session,
                .sequence = world->trial.next + how % 8 * 16,
                .count = 1 + how / 8,
        };

        for (unsigned n = input_u8(input); n > 0 && world->trial.catching_up; n--) {
                if (!framed_sequence_is_sane(sent.sequence, sent.count))
                        return;
                arrives(&world->trial, ARBITER_LINE_RECOVERY, &sent);
                sent.sequence += sent.count;
        }
}

static void give_in(struct world *world) {
        world->n_promises = 0; /* what waited is dropped with the rest */
        arbiter_give_in(&world->trial.arbiter, world->trial.now);
        CHECK(!world->trial.catching_up);
        passes(&world->trial, 0); /* what waits now may be due */
}

static void check(struct world *world) {
        struct arbiter *arbiter = &world->trial.arbiter;
        int64_t allowed = arbiter->params.hole + arbiter->params.recovery;

        CHECK(arbiter->window.used <= arbiter->window.size);
        CHECK(window_is_empty(&arbiter->window) || arbiter->window.lowest > arbiter->next);
        CHECK(window_is_empty(&arbiter->window) || arbiter->catching_up.on ||
              world->trial.now - window_since(&arbiter->window) < allowed ||
              world->trial.now - arbiter->catching_up.over < allowed);
        CHECK(arbiter->catching_up.on == world->trial.catching_up);
        CHECK(!arbiter->catching_up.on ||
              (arbiter->catching_up.goal > arbiter->next &&
               arbiter->catching_up.goal >= arbiter->catching_up.dropped));
        CHECK(!arbiter->begun || arbiter->next == world->trial.next);
}

static void step(struct world *world, struct input *input) {
        struct arbiter *arbiter = &world->trial.arbiter;
        uint8_t op = input_u8(input);

        switch (op & 7) {
        case 0:
        case 1:
        case 2:
        case 3:
                send_on(world, input, op & 1);
                break;
        case 4:
                send_many(world, input, op >> 7);
                break;
        case 5:
                if (op & 0x80 && arbiter->catching_up.on)
                        give_in(world);
                else if (op & 0x40 && arbiter->catching_up.on)
                        answer(world, input);
                else if (arbiter->params.recovery || arbiter->catching_up.on)
                        send_on(world, input, ARBITER_LINE_RECOVERY);
                break;
        case 6:
                passes(&world->trial, INT64_C(1000) << (op >> 3) % 20);
                break;
        default:
                if (arbiter->catching_up.on)
                        world->n_promises = 0;
                arbiter_drain(arbiter);
                if (op < 0x80)
                        break;
                arbiter_forget(arbiter);
                world->trial.next = 1;
                world->trial.taken = 0;
                world->n_promises = 0;
        }
        check(world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct input input = { data, size };
        static struct world world;

        begin(&world, input_u8(&input));
        while (input.size)
                step(&world, &input);
        if (world.trial.catching_up)
                give_in(&world);
        arbiter_drain(&world.trial.arbiter);
        CHECK(window_is_empty(&world.trial.arbiter.window));
        CHECK(world.n_promises == 0);
        return 0;
}
