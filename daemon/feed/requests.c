/* A long row of messages, asked for; requests.h tells the idea. */

#include "feed/requests.h"

static uint64_t smaller(uint64_t a, uint64_t b) {
        return a < b ? a : b;
}

void requests_begin(struct requests *requests, uint32_t rate, uint64_t ahead, int64_t now) {
        *requests = (struct requests){
                .throttle.rate = rate,
                .next = 1,
                .end = 1,
                .asked = 1,
                .ahead = ahead < REQUESTS_PIECE ? REQUESTS_PIECE : ahead,
                .lap.began = now,
        };
}

static bool is_free(const struct requests_piece *piece) {
        return piece->first == piece->end;
}

/* Messages of a piece have come, up to number `end`: if that is all, it can be asked for on. */
static void advance(struct requests_piece *piece, uint64_t end, int64_t now) {
        piece->first = smaller(end, piece->end);
        piece->due = now + REQUESTS_PAUSE;
        piece->tries = 0;
}

void requests_answer(struct requests *requests, uint64_t first, uint64_t end, int64_t now) {
        for (unsigned i = 0; i < REQUESTS_PIECES; i++) {
                struct requests_piece *piece = &requests->pieces[i];

                if (!is_free(piece) && first <= piece->first && end > piece->first)
                        advance(piece, end, now);
        }
}

/* What has come is asked for no more. */
static void move_on(struct requests *requests, uint64_t next, int64_t now) {
        requests->next = next;
        if (requests->asked < next)
                requests->asked = next;
        for (unsigned i = 0; i < REQUESTS_PIECES; i++) {
                struct requests_piece *piece = &requests->pieces[i];

                if (!is_free(piece) && piece->first < next)
                        advance(piece, next, now);
        }
}

/* The row waits for a message that was in a piece, and is in none any more: there was no room for it when
 * it came. It goes before what is furthest ahead. */
static void mend(struct requests *requests) {
        struct requests_piece *furthest = &requests->pieces[0];
        uint64_t end = requests->asked;

        if (requests->next == requests->asked)
                return;
        for (unsigned i = 0; i < REQUESTS_PIECES; i++) {
                struct requests_piece *piece = &requests->pieces[i];

                if (is_free(piece)) {
                        furthest = piece;
                        continue;
                }
                if (piece->first == requests->next)
                        return;
                end = smaller(end, piece->first);
                if (!is_free(furthest) && piece->first > furthest->first)
                        furthest = piece;
        }
        *furthest = (struct requests_piece){ .first = requests->next, .end = end };
}

/* Whole ones, or up to the end: small ones would be answered by small packets. */
static void cut_pieces(struct requests *requests) {
        for (unsigned i = 0; i < REQUESTS_PIECES && requests->asked < requests->end; i++) {
                struct requests_piece *piece = &requests->pieces[i];
                uint64_t end = smaller(requests->asked + REQUESTS_PIECE, requests->end);

                if (!is_free(piece))
                        continue;
                if (end - requests->next > requests->ahead)
                        return;
                *piece = (struct requests_piece){ .first = requests->asked, .end = end };
                requests->asked = end;
        }
}

/* Whether the end is nearer than it was a lap before. */
static bool gets_nearer(struct requests *requests, int64_t now) {
        uint64_t left = requests->end - requests->next;

        if (!requests->lap.left)
                requests->lap.left = left;
        if (now - requests->lap.began < REQUESTS_LAP)
                return true;
        if (left >= requests->lap.left)
                return false;
        requests->lap.began = now;
        requests->lap.left = left;
        return true;
}

static int64_t wait_of(const struct requests_piece *piece) {
        int64_t wait = REQUESTS_WAIT << smaller(piece->tries, 8);

        return wait < REQUESTS_WAIT_MAX ? wait : REQUESTS_WAIT_MAX;
}

int requests_send(struct requests *requests, uint64_t next, uint64_t end, int64_t now,
                  bool (*ask)(void *userdata, uint64_t first, uint64_t n), void *userdata) {
        requests->end = end;
        move_on(requests, next, now);
        mend(requests);
        cut_pieces(requests);
        if (!gets_nearer(requests, now))
                return REQUESTS_E_SLOW;
        for (unsigned i = 0; i < REQUESTS_PIECES; i++) {
                struct requests_piece *piece = &requests->pieces[i];

                if (is_free(piece) || piece->due > now)
                        continue;
                if (piece->tries >= REQUESTS_TRIES && piece->first == next)
                        return REQUESTS_E_SILENT;
                if (!throttle_pass(&requests->throttle, now))
                        break;
                if (!ask(userdata, piece->first, piece->end - piece->first))
                        return REQUESTS_E_NOBODY;
                piece->due = now + wait_of(piece);
                piece->tries++;
        }
        return REQUESTS_OK;
}

int64_t requests_deadline(const struct requests *requests) {
        int64_t due = INT64_MAX;

        for (unsigned i = 0; i < REQUESTS_PIECES; i++)
                if (!is_free(&requests->pieces[i]) && requests->pieces[i].due < due)
                        due = requests->pieces[i].due;
        /* what may not be sent yet is due when it may */
        return due == INT64_MAX ? due : throttle_due(&requests->throttle, due);
}
