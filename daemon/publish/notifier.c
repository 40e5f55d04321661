/* Waking the clients that sleep; notifier.h tells how, and why nobody can hold us up. */

#include "publish/notifier.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

int notifier_socket(int ends[2]) {
        const int least = 1; /* the kernel makes the least of it that it can: a few wakes */

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
                return -errno;
        /* nobody reads at our end, so nothing shall be able to come there */
        shutdown(ends[1], SHUT_RD);
        setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &least, sizeof(least));
        return 0;
}

void notifier_init(struct notifier *notifier, struct segment *segment) {
        *notifier = (struct notifier){
                .segment = segment,
                .cursor = segment_newest(segment) + 1,
                .instruments = directory_count(&segment->directory),
                .bursts = &segment->counters.base[COUNTER_BURSTS],
                .wakes = &segment->counters.base[COUNTER_WAKES],
        };
}

void notifier_add(struct notifier *notifier, struct subscriber *subscriber) {
        subscriber->previous = NULL;
        subscriber->next = notifier->first;
        if (notifier->first)
                notifier->first->previous = subscriber;
        notifier->first = subscriber;
}

void notifier_remove(struct notifier *notifier, struct subscriber *subscriber) {
        if (subscriber->previous)
                subscriber->previous->next = subscriber->next;
        else
                notifier->first = subscriber->next;
        if (subscriber->next)
                subscriber->next->previous = subscriber->previous;
}

/* Whether one of the ticks first .. newest is of interest. The lines are our own thread's writing. */
static bool meets(const struct notifier *notifier, const struct control *control, uint64_t newest) {
        const struct journal *journal = &notifier->segment->journal;
        uint32_t kinds = atomic_load_explicit(&control->kinds, memory_order_relaxed);
        bool all = atomic_load_explicit(&control->all, memory_order_relaxed);

        if (newest < notifier->cursor)
                return false;
        if (newest - notifier->cursor >= journal->size || (all && kinds == UINT32_MAX))
                return true;
        for (uint64_t seq = notifier->cursor; seq <= newest; seq++) {
                uint64_t word = atomic_load_explicit(&journal_line(journal, seq)->word[1],
                                                     memory_order_relaxed);
                uint32_t instrument = (uint32_t)word, kind = word >> 32 & 0xffff;

                if (kind < 32 && !(kinds >> kind & 1))
                        continue;
                if (all || (instrument < notifier->segment->directory.capacity &&
                            control_interest_get(control, instrument)))
                        return true;
        }
        return false;
}

void notifier_wake(struct notifier *notifier, struct subscriber *subscriber) {
        /* disarmed first: a client that arms again in between is woken once more, not lost */
        atomic_store_explicit(&subscriber->control->armed, 0, memory_order_relaxed);
        atomic_fetch_add_explicit(&subscriber->control->wakes, 1, memory_order_relaxed);
        counter_add(notifier->wakes, 1);
        /* EAGAIN: it has not read the last one yet. EPIPE: its session is about to end. */
        (void)send(subscriber->wake_fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void notifier_flush(struct notifier *notifier) {
        uint64_t newest = segment_newest(notifier->segment);
        uint32_t instruments = directory_count(&notifier->segment->directory);
        bool grown = instruments != notifier->instruments;

        if (newest < notifier->cursor && !grown)
                return;
        /* pairs with the fence in control_arm(): either it sees these ticks, or we see it armed */
        atomic_thread_fence(memory_order_seq_cst);
        for (struct subscriber *s = notifier->first; s; s = s->next)
                if (control_armed(s->control) &&
                    ((grown && control_growth(s->control)) || meets(notifier, s->control, newest)))
                        notifier_wake(notifier, s);
        notifier->cursor = newest + 1;
        notifier->instruments = instruments;
        counter_add(notifier->bursts, 1);
}
