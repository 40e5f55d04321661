/* Everything set up in order, and torn down in reverse. */

#include "daemon.h"

#include <errno.h>
#include <ev.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/config.h"
#include "base/error.h"
#include "base/linger.h"
#include "base/store.h"
#include "base/systemd.h"
#include "feed/bequest.h"
#include "heirloom.h"
#include "pipeline.h"
#include "publish/notifier.h"
#include "publishers.h"
#include "serve/estate.h"
#include "serve/listener.h"
#include "shm/segment.h"
#include "status.h"

#define HEARTBEAT 0.1 /* seconds */
#define STATUS    2.0

struct daemon {
        struct config *config;
        struct ev_loop *loop;
        struct segment segment;
        bool published; /* the segment is ours to end; before that, it may be a predecessor's */
        struct notifier notifier;
        struct pipeline pipeline;
        struct listener listener;

        /* from the daemon before, and for the one after */
        struct systemd_fds inherited;
        struct store store;
        struct heirlooms heirlooms;
        struct bequests bequests;
        bool leaving; /* the next one goes on where we stop */

        ev_signal on_term, on_int, on_hup, on_usr1;
        ev_timer heartbeat, status, watchdog;
        ev_prepare before_sleep;
        ev_io store_writable; /* while something waits for it */
        ev_io let_go;
};

static int64_t clock_ns(clockid_t clock) {
        struct timespec now;

        clock_gettime(clock, &now);
        return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* ---- while it runs ---- */

static void daemon_stop(struct ev_loop *loop, ev_signal *watcher, int events) {
        (void)events;
        log_notice("stopping: %s", strsignal(watcher->signum));
        ev_break(loop, EVBREAK_ALL);
}

static void daemon_leave(struct ev_loop *loop, ev_signal *watcher, int events) {
        struct daemon *daemon = container_of(watcher, struct daemon, on_usr1);

        (void)events;
        log_notice("leaving everything to the next daemon");
        daemon->leaving = true;
        ev_break(loop, EVBREAK_ALL);
}

/* Whatever was done in this turn of the loop may have left something to say. */
static void daemon_before_sleep(struct ev_loop *loop, ev_prepare *watcher, int events) {
        struct daemon *daemon = container_of(watcher, struct daemon, before_sleep);

        (void)events;
        if (store_is_waiting(&daemon->store))
                ev_io_start(loop, &daemon->store_writable);
}

static void daemon_store_writable(struct ev_loop *loop, ev_io *watcher, int events) {
        struct daemon *daemon = container_of(watcher, struct daemon, store_writable);

        (void)events;
        store_flush(&daemon->store);
        if (!store_is_waiting(&daemon->store))
                ev_io_stop(loop, watcher);
}

static void daemon_let_go(struct ev_loop *loop, ev_io *watcher, int events) {
        (void)loop;
        (void)watcher;
        (void)events;
        linger_dispatch();
}

static int daemon_reload(void *userdata) {
        struct daemon *daemon = userdata;
        struct config *config;
        int r;

        systemd_reloading();
        r = config_new_instance(&config, daemon->config->path, daemon->config->instance);
        if (r < 0) {
                log_event(LOG_ERROR, LOG_CONFIG_REFUSED,
                          "%s: not read again; what was read before stays", daemon->config->path);
        } else {
                config_reload(daemon->config, config);
                config_free(config);
                log_init(daemon->config->log.level);
                log_event(LOG_NOTICE, LOG_CONFIG_RELOADED, "%s: read again", daemon->config->path);
                listener_review(&daemon->listener);
        }
        systemd_ready();
        return r;
}

static void daemon_hup(struct ev_loop *loop, ev_signal *watcher, int events) {
        struct daemon *daemon = container_of(watcher, struct daemon, on_hup);

        (void)loop;
        (void)events;
        daemon_reload(daemon);
}

static void beat(struct daemon *daemon) {
        struct shm_header *header = daemon->segment.header;

        atomic_store_explicit(&header->heartbeat, clock_ns(CLOCK_MONOTONIC), memory_order_relaxed);
        atomic_store_explicit(&header->heartbeat_time, clock_ns(CLOCK_REALTIME),
                              memory_order_relaxed);
        atomic_store_explicit(&daemon->segment.counters.base[COUNTER_LOG_SUPPRESSED].value,
                              log_suppressed(), memory_order_relaxed);
}

static void daemon_beat(struct ev_loop *loop, ev_timer *timer, int events) {
        (void)loop;
        (void)events;
        beat(container_of(timer, struct daemon, heartbeat));
}

static void daemon_status(struct ev_loop *loop, ev_timer *timer, int events) {
        struct daemon *daemon = container_of(timer, struct daemon, status);
        char text[256];

        (void)loop;
        (void)events;
        status_line(text, sizeof(text), &daemon->pipeline, &daemon->listener);
        systemd_status("%s", text);
}

static void daemon_alive(struct ev_loop *loop, ev_timer *timer, int events) {
        (void)loop;
        (void)timer;
        (void)events;
        systemd_alive();
}

/* ---- set-up ---- */

static struct segment_params segment_params(const struct config *config) {
        return (struct segment_params){
                .instruments = config->segment.instruments,
                .journal = config->segment.journal,
                .depth = config->segment.depth,
        };
}

static int check_feed(const struct config *config, const struct config_feed *feed) {
        if (!feed->protocol)
                return 0;
        if (!pipeline_knows(feed->protocol)) {
                log_error("%s:%u: [feed %s] protocol: \"%s\" is none that this version reads "
                          "(iex-tops, iex-deep, itch50)",
                          config->path, config_feed_line(feed, "protocol"), feed->name,
                          feed->protocol);
                return -EINVAL;
        }
        if (!pipeline_brings(feed)) {
                log_error("%s:%u: [feed %s] source: a file of messages holds itch50, and %s (line "
                          "%u) is in packets; play a recording of these with source = pcap",
                          config->path, config_feed_line(feed, "source"), feed->name,
                          feed->protocol, config_feed_line(feed, "protocol"));
                return -EINVAL;
        }
        if (feed->framing && !pipeline_carries(feed->framing, feed)) {
                log_error("%s:%u: [feed %s] framing: with %s, %s does not come from such a "
                          "source; take the line out",
                          config->path, config_feed_line(feed, "framing"), feed->name,
                          feed->framing, feed->protocol);
                return -EINVAL;
        }
        return 0;
}

int daemon_check(const struct config *config) {
        struct segment_params params = segment_params(config);
        int r;

        r = config_check_room(config, segment_footprint(&params));
        for (size_t i = 0; i < config->n_feeds; i++)
                if (check_feed(config, &config->feeds[i]) < 0)
                        r = -EINVAL;
        return r;
}

/* Every client costs two descriptors. */
static void raise_descriptor_limit(void) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
                limit.rlim_cur = limit.rlim_max;
                setrlimit(RLIMIT_NOFILE, &limit);
        }
}

/* What the config wishes for the memory, and the kernel may refuse. */
static void tune_memory(struct daemon *daemon) {
        struct segment *segment = &daemon->segment;

        if (daemon->config->segment.huge_pages &&
            madvise(segment->header, segment->size, MADV_HUGEPAGE) < 0)
                log_event(LOG_WARNING, LOG_DEGRADED,
                          "[segment] huge_pages: not to be had (%s); going on with small ones",
                          strerror(errno));
        if (daemon->config->segment.lock && mlock(segment->header, segment->size) < 0)
                log_event(
                        LOG_WARNING, LOG_DEGRADED,
                        "[segment] lock: %zu MiB cannot be locked (%s): raise LimitMEMLOCK=; going "
                        "on without",
                        segment->size >> 20, strerror(errno));
}

/* What the config wishes for the processor, and the kernel may refuse. */
static void tune_processor(const struct daemon *daemon) {
        const struct sched_param param = { .sched_priority = (int)daemon->config->daemon.priority };
        int cpu = daemon->config->daemon.cpu;
        cpu_set_t set;

        CPU_ZERO(&set);
        if (cpu >= 0)
                CPU_SET((unsigned)cpu, &set);
        if (cpu >= 0 && sched_setaffinity(0, sizeof(set), &set) < 0)
                log_event(LOG_WARNING, LOG_DEGRADED,
                          "[daemon] cpu: cannot run on %d alone (%s); going on with any. Under "
                          "systemd, CPUAffinity= of the service is the way",
                          cpu, strerror(errno));
        if (param.sched_priority && sched_setscheduler(0, SCHED_FIFO, &param) < 0)
                log_event(
                        LOG_WARNING, LOG_DEGRADED,
                        "[daemon] priority: %d is not to be had (%s): raise RLIMIT_RTPRIO, or set "
                        "CPUSchedulingPolicy= of the service; going on as everybody does",
                        param.sched_priority, strerror(errno));
}

static int open_segment(struct daemon *daemon) {
        struct segment_params params = segment_params(daemon->config);
        struct segment_why why;
        int r;

        r = heirlooms_open(&daemon->heirlooms, &daemon->segment, daemon->config->segment.name,
                           &params, &daemon->inherited, &daemon->store, &why);
        if (r < 0) {
                log_error("segment %s: %s", daemon->config->segment.name, why.text);
                return error_trace(r);
        }
        if (daemon->segment.adopted)
                log_event(LOG_NOTICE, LOG_SEGMENT_ADOPTED,
                          "segment %s: taken over from a daemon that is gone, at tick %llu",
                          daemon->segment.name,
                          (unsigned long long)segment_newest(&daemon->segment));
        else
                log_event(LOG_NOTICE, LOG_SEGMENT_CREATED, "segment %s: a new one, of %zu MiB",
                          daemon->segment.name, daemon->segment.size >> 20);
        tune_memory(daemon);
        return 0;
}

static int open_feeds(struct daemon *daemon) {
        int r;

        bequests_init(&daemon->bequests, daemon->segment.header->identity, &daemon->inherited,
                      &daemon->store);
        daemon->pipeline.bequests = &daemon->bequests;
        for (size_t i = 0; i < daemon->config->n_feeds; i++) {
                r = pipeline_add(&daemon->pipeline, &daemon->config->feeds[i]);
                if (r < 0)
                        return error_trace(r);
        }
        bequests_deinit(&daemon->bequests);
        return 0;
}

static int open_listener(struct daemon *daemon) {
        int r, fd;

        fd = systemd_fds_take(&daemon->inherited, "control");
        r = listener_init(&daemon->listener, daemon->loop, daemon->config, &daemon->segment,
                          &daemon->notifier, &daemon->store, fd < 0 ? -1 : fd);
        publishers_init(&daemon->listener.publishing, &daemon->pipeline);
        daemon->listener.reload = daemon_reload;
        daemon->listener.userdata = daemon;
        return error_trace(r);
}

/* Those that come while it starts are heard when it has started: half of it would stay behind. */
static void mask_signals(int how) {
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGHUP);
        sigaddset(&set, SIGUSR1);
        sigprocmask(how, &set, NULL);
}

static void start_watchers(struct daemon *daemon) {
        double interval = systemd_watchdog_interval();

        ev_signal_init(&daemon->on_term, daemon_stop, SIGTERM);
        ev_signal_init(&daemon->on_int, daemon_stop, SIGINT);
        ev_signal_init(&daemon->on_hup, daemon_hup, SIGHUP);
        ev_signal_init(&daemon->on_usr1, daemon_leave, SIGUSR1);
        ev_signal_start(daemon->loop, &daemon->on_term);
        ev_signal_start(daemon->loop, &daemon->on_int);
        ev_signal_start(daemon->loop, &daemon->on_hup);
        ev_signal_start(daemon->loop, &daemon->on_usr1);
        mask_signals(SIG_UNBLOCK);

        ev_timer_init(&daemon->heartbeat, daemon_beat, HEARTBEAT, HEARTBEAT);
        ev_timer_start(daemon->loop, &daemon->heartbeat);
        ev_timer_init(&daemon->status, daemon_status, 0., STATUS);
        ev_timer_init(&daemon->watchdog, daemon_alive, interval, interval);
        if (systemd_listens())
                ev_timer_start(daemon->loop, &daemon->status);
        if (interval > 0)
                ev_timer_start(daemon->loop, &daemon->watchdog);

        ev_io_init(&daemon->let_go, daemon_let_go, linger_fd(), EV_READ);
        ev_io_start(daemon->loop, &daemon->let_go);
        ev_prepare_init(&daemon->before_sleep, daemon_before_sleep);
        if (daemon->store.fd < 0)
                return;
        ev_io_init(&daemon->store_writable, daemon_store_writable, daemon->store.fd, EV_WRITE);
        ev_prepare_start(daemon->loop, &daemon->before_sleep);
}

/* What the daemon before has left, and the way to leave something to the next one. */
static int open_inheritance(struct daemon *daemon) {
        int r;

        r = systemd_fds_init(&daemon->inherited);
        if (r < 0)
                return error_trace(r);
        r = store_init(&daemon->store);
        if (r < 0)
                log_warning(
                        "cannot reach systemd at NOTIFY_SOCKET (%s): nothing is kept for the next "
                        "daemon",
                        strerror(-r));
        return 0;
}

static void daemon_freep(struct daemon **daemon) {
        daemon_free(*daemon);
}

int daemon_new(struct daemon **daemonp, struct config *config) {
        _cleanup_(daemon_freep) struct daemon *daemon = NULL;
        int r;

        daemon = calloc(1, sizeof(*daemon));
        if (!daemon) {
                config_free(config);
                return error_origin(-ENOMEM);
        }
        daemon->config = config;
        daemon->segment = (struct segment)SEGMENT_INIT;
        daemon->store = (struct store)STORE_INIT;

        r = daemon_check(config);
        if (r < 0)
                return error_trace(r);
        mask_signals(SIG_BLOCK);
        umask(0077);
        signal(SIGPIPE, SIG_IGN); /* a client that is gone is no news */
        signal(SIGXFSZ, SIG_IGN); /* nor is one whose memory is more than RLIMIT_FSIZE */
        r = linger_init();
        if (r < 0) {
                log_error("there is no thread or timer to be had (%s): raise RLIMIT_NPROC and "
                          "RLIMIT_SIGPENDING",
                          strerror(-r));
                return error_trace(r);
        }
        raise_descriptor_limit();
        tune_processor(daemon);

        daemon->loop = ev_default_loop(EVFLAG_AUTO);
        if (!daemon->loop)
                return error_origin(-ENOMEM);
        r = open_inheritance(daemon);
        if (r < 0)
                return error_trace(r);
        r = open_segment(daemon);
        if (r < 0)
                return error_trace(r);
        notifier_init(&daemon->notifier, &daemon->segment);
        pipeline_init(&daemon->pipeline, daemon->loop, &daemon->segment, &daemon->notifier);
        r = open_feeds(daemon);
        if (r < 0)
                return error_trace(r);
        r = open_listener(daemon);
        if (r < 0)
                return error_trace(r);

        beat(daemon);
        segment_publish(&daemon->segment, MDSHMD_VERSION, clock_ns(CLOCK_REALTIME));
        daemon->published = true;
        heirlooms_leave(&daemon->heirlooms, &daemon->segment, &daemon->store);
        estate_adopt(&daemon->listener, &daemon->inherited);
        heirlooms_discard_rest(&daemon->inherited, &daemon->store);
        start_watchers(daemon);
        pipeline_start(&daemon->pipeline);
        listener_review(&daemon->listener); /* of who was there before, by another config */
        listener_start(&daemon->listener);

        *daemonp = daemon;
        daemon = NULL; /* now the caller's */
        return 0;
}

int daemon_run(struct daemon *daemon) {
        char path[LISTENER_PATH_SIZE];

        listener_path(&daemon->listener, path);
        log_notice("%s: segment %s (%zu MiB: %u instruments, %llu ticks), socket %s",
                   MDSHMD_VERSION, daemon->segment.name, daemon->segment.size >> 20,
                   daemon->segment.directory.capacity,
                   (unsigned long long)daemon->segment.journal.size, path);
        systemd_ready();
        ev_run(daemon->loop, 0);
        systemd_stopping();
        return 0;
}

struct daemon *daemon_free(struct daemon *daemon) {
        bool leaving;

        if (!daemon)
                return NULL;
        /* one that never came to work leaves what it found, to one that can start */
        leaving = daemon->leaving || (daemon->segment.adopted && !daemon->published);
        daemon->pipeline.leaving = leaving;
        if (leaving)
                store_deinit(&daemon->store);
        listener_deinit(&daemon->listener);
        pipeline_deinit(&daemon->pipeline);
        bequests_deinit(&daemon->bequests);
        linger_deinit();
        systemd_fds_deinit(&daemon->inherited);
        heirlooms_withdraw(&daemon->heirlooms, &daemon->store);
        store_deinit(&daemon->store);
        if (leaving)
                segment_detach(&daemon->segment);
        else
                segment_retire(&daemon->segment);
        config_free(daemon->config);
        free(daemon);
        return NULL;
}
