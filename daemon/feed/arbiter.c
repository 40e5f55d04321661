/*
 * The arbiter; arbiter.h tells the idea.
 */

#include "feed/arbiter.h"

void arbiter_init(struct arbiter *arbiter) {
        *arbiter = (struct arbiter){ 0 };
}

/* The packet is the first of its session that we see. */
static void begin(struct arbiter *arbiter, const struct arbiter_packet *packet,
                  struct arbiter_verdict *verdict) {
        verdict->missed = packet->sequence - 1;
        *arbiter = (struct arbiter){
                .begun = true,
                .session = packet->session,
                .before = arbiter->begun ? arbiter->session : packet->session,
                .next = packet->sequence + packet->count,
                .sent = packet->sent,
        };
}

/* The packet goes on where the session stands, or beyond. */
static void go_on(struct arbiter *arbiter, const struct arbiter_packet *packet) {
        arbiter->next = packet->sequence + packet->count;
        arbiter->sent = packet->sent;
        arbiter->older = 0;
        arbiter->doubted = 0;
        if (arbiter->next > 1 && arbiter->carried < ARBITER_LATE)
                arbiter->carried++;
}

/* A straggler of the session before this one, rather than that session once more. */
static bool is_straggler(const struct arbiter *arbiter, const struct arbiter_packet *packet) {
        return packet->session == arbiter->before && packet->sent <= arbiter->sent &&
               arbiter->carried < ARBITER_LATE;
}

/* A packet with a lower number than the next: is it a new beginning, rather than a copy? */
static bool is_restart(const struct arbiter *arbiter, const struct arbiter_packet *packet) {
        bool later = packet->sent > arbiter->sent;

        if (packet->sequence == 1 && (later || arbiter->carried >= ARBITER_LATE))
                return true;
        if (packet->sequence + packet->count > arbiter->next)
                return false; /* it leads on to something new: no beginning looks like that */
        return arbiter->doubted + later >= ARBITER_DOUBT || arbiter->older + 1 >= ARBITER_LATE;
}

/* A packet of this session with a lower number than the next. */
static int accept_older(struct arbiter *arbiter, const struct arbiter_packet *packet,
                        struct arbiter_verdict *verdict) {
        if (is_restart(arbiter, packet)) {
                begin(arbiter, packet, verdict);
                return ARBITER_E_RESET;
        }
        if (packet->sequence + packet->count <= arbiter->next) {
                verdict->skip = packet->count;
                arbiter->older++;
                arbiter->doubted += packet->sent > arbiter->sent;
                return ARBITER_E_DUPLICATE;
        }
        verdict->skip = (uint32_t)(arbiter->next - packet->sequence);
        go_on(arbiter, packet);
        return ARBITER_OK;
}

int arbiter_accept(struct arbiter *arbiter, const struct arbiter_packet *packet,
                   struct arbiter_verdict *verdict) {
        *verdict = (struct arbiter_verdict){ 0 };

        if (!arbiter->begun) {
                begin(arbiter, packet, verdict);
                return ARBITER_E_BEGIN;
        }
        if (packet->session != arbiter->session) {
                if (is_straggler(arbiter, packet)) {
                        verdict->skip = packet->count;
                        return ARBITER_E_DUPLICATE;
                }
                begin(arbiter, packet, verdict);
                return ARBITER_E_RESET;
        }
        if (packet->sequence < arbiter->next)
                return accept_older(arbiter, packet, verdict);

        verdict->missed = packet->sequence - arbiter->next;
        go_on(arbiter, packet);
        return verdict->missed ? ARBITER_E_GAP : ARBITER_OK;
}
