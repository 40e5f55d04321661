/* A daemon of our own; harness.h tells the idea. */

#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "../older-kernel.h"
#include "base/cleanup.h"
#include "wire/conn.h"

#define LOG_TAIL 2000 /* bytes to show when a test is over */

int64_t now_ms(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

void sleep_ms(unsigned ms) {
        const struct timespec time = { ms / 1000, ms % 1000 * 1000000L };

        nanosleep(&time, NULL);
}

bool long_run(void) {
        return getenv("MDSHMD_LONG") != NULL;
}

pid_t fork_child(void) {
        pid_t parent = getpid(), pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (getppid() != parent)
                        _exit(1);
        }
        return pid;
}

void await_child(pid_t pid) {
        int status;

        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                fail_msg("child %d ended with status 0x%x", (int)pid, (unsigned)status);
}

/* ---- before and after ---- */

void rig_init(struct rig *rig) {
        *rig = (struct rig){ .folder = "/tmp/mdshmd-test-XXXXXX" };
        assert_non_null(mkdtemp(rig->folder));
        /* other users come through here to the socket */
        assert_int_equal(chmod(rig->folder, 0711), 0);
        snprintf(rig->segment, sizeof(rig->segment), "%s", rig->folder + strlen("/tmp/"));
        snprintf(rig->socket, sizeof(rig->socket), "%s/socket", rig->folder);
        snprintf(rig->config, sizeof(rig->config), "%s/config", rig->folder);
        snprintf(rig->log, sizeof(rig->log), "%s/log", rig->folder);
}

void rig_configure(struct rig *rig, const char *segment, const char *format, ...) {
        FILE *file = fopen(rig->config, "we");
        va_list args;

        assert_non_null(file);
        fprintf(file, "[segment]\nname = %s\n%s\n[listen]\nsocket = %s\n", rig->segment, segment,
                rig->socket);
        va_start(args, format);
        vfprintf(file, format, args);
        va_end(args);
        assert_int_equal(fclose(file), 0);
}

static const char *shm_path(char path[80], const struct rig *rig, const char *suffix) {
        snprintf(path, 80, "/dev/shm/%s%s", rig->segment, suffix);
        return path;
}

static void show_log(const struct rig *rig) {
        _cleanup_(fclosep) FILE *log = fopen(rig->log, "re");
        char line[1024];

        if (!log)
                return;
        if (fseek(log, -LOG_TAIL, SEEK_END) == 0 && !fgets(line, sizeof(line), log))
                return;
        while (fgets(line, sizeof(line), log))
                fprintf(stderr, "| %s", line);
}

void rig_deinit(struct rig *rig) {
        static const char *const files[] = { "config", "log", "socket", "capture" };
        char path[80];

        if (!rig->folder[0])
                return;
        if (rig->pid)
                rig_kill(rig);
        show_log(rig);
        unlink(shm_path(path, rig, ""));
        unlink(shm_path(path, rig, ".lock"));
        for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
                snprintf(path, sizeof(path), "%s/%s", rig->folder, files[i]);
                unlink(path);
        }
        if (rmdir(rig->folder) < 0)
                fprintf(stderr, "%s is left: %s\n", rig->folder, strerror(errno));
        *rig = (struct rig){ 0 };
}

/* ---- running ---- */

static void run_daemon(const struct rig *rig) {
        const char *program = getenv("MDSHMD_DAEMON");
        int fd = open(rig->log, O_WRONLY | O_CREAT | O_APPEND, 0600);

        CHILD_CHECK(program);
        CHILD_CHECK(fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0 && dup2(fd, STDERR_FILENO) >= 0);
        execl(program, program, "-c", rig->config, (char *)NULL);
        CHILD_CHECK(!"the daemon can be run");
}

static bool is_ready(struct rig *rig) {
        struct md_client *client;
        int r, status;

        if (waitpid(rig->pid, &status, WNOHANG) == rig->pid) {
                rig->pid = 0;
                show_log(rig);
                fail_msg("the daemon did not start");
        }
        assert_int_equal(md_new(&client), 0);
        md_set_name(client, "harness");
        r = md_connect(client, rig->socket);
        md_free(client);
        return r == 0;
}

void rig_launch(struct rig *rig) {
        assert_int_equal(rig->pid, 0);
        rig->pid = fork_child();
        if (rig->pid == 0)
                run_daemon(rig);
}

void rig_start(struct rig *rig) {
        rig_launch(rig);
        AWAIT(is_ready(rig));
}

void rig_kill(struct rig *rig) {
        assert_int_equal(kill(rig->pid, SIGKILL), 0);
        assert_int_equal(waitpid(rig->pid, NULL, 0), rig->pid);
        rig->pid = 0;
}

void rig_stop(struct rig *rig) {
        pid_t pid = rig->pid;
        char path[80];
        int status = 0;

        assert_int_equal(kill(pid, SIGTERM), 0);
        AWAIT(waitpid(pid, &status, WNOHANG) == pid);
        rig->pid = 0;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                fail_msg("the daemon ended with status 0x%x", (unsigned)status);
        assert_int_equal(access(rig->socket, F_OK), -1);
        assert_int_equal(access(shm_path(path, rig, ""), F_OK), -1);
        assert_int_equal(access(shm_path(path, rig, ".lock"), F_OK), -1);
}

/* ---- looking at it ---- */

struct md_client *rig_connect(const struct rig *rig, const char *name) {
        struct md_client *client;

        assert_int_equal(md_new(&client), 0);
        md_set_name(client, name);
        if (md_connect(client, rig->socket) < 0)
                fail_msg("%s", md_error(client));
        return client;
}

struct md_client *rig_connect_child(const struct rig *rig, const char *name) {
        struct md_client *client;

        CHILD_CHECK(md_new(&client) == 0);
        md_set_name(client, name);
        md_set_timeout(client, PATIENCE_MS);
        if (md_connect(client, rig->socket) < 0) {
                fprintf(stderr, "%s\n", md_error(client));
                _exit(1);
        }
        return client;
}

int rig_control(const struct rig *rig) {
        struct wire_hello hello = {
                .header = { WIRE_HELLO, sizeof(hello) },
                .version = WIRE_VERSION,
                .role = WIRE_ROLE_CONTROL,
                .name = "harness",
        };
        char buffer[WIRE_SIZE_MAX];
        struct wire_header header;
        unsigned n_fds = 0;
        int fd = conn_connect(rig->socket, PATIENCE_MS);

        if (fd < 0)
                return -1;
        if (conn_send(fd, &hello, NULL, 0, 0) == CONN_OK &&
            conn_recv_wait(fd, buffer, NULL, &n_fds, PATIENCE_MS) == CONN_OK) {
                memcpy(&header, buffer, sizeof(header));
                if (header.opcode == WIRE_WELCOME)
                        return fd;
        }
        close(fd);
        return -1;
}

union answer {
        struct wire_header header;
        struct wire_client client;
        struct wire_done done;
        char bytes[WIRE_SIZE_MAX];
};

/* The next answer; false when it was the last, DONE. */
static bool take_answer(int fd, union answer *answer) {
        unsigned n_fds = 0;

        assert_int_equal(conn_recv_wait(fd, answer, NULL, &n_fds, PATIENCE_MS), CONN_OK);
        return answer->header.opcode != WIRE_DONE;
}

bool rig_client(const struct rig *rig, const char *name, struct wire_client *record) {
        const struct wire_request request = { { WIRE_CLIENTS, sizeof(request) } };
        _cleanup_(closep) int fd = rig_control(rig);
        union answer answer;
        bool found = false;

        assert_true(fd >= 0);
        assert_int_equal(conn_send(fd, &request, NULL, 0, 0), CONN_OK);
        while (take_answer(fd, &answer)) {
                if (strcmp(answer.client.name, name))
                        continue;
                *record = answer.client;
                found = true;
        }
        return found;
}

int rig_request(const struct rig *rig, uint32_t opcode) {
        const struct wire_request request = { { opcode, sizeof(request) } };
        _cleanup_(closep) int fd = rig_control(rig);
        union answer answer;

        assert_true(fd >= 0);
        assert_int_equal(conn_send(fd, &request, NULL, 0, 0), CONN_OK);
        while (take_answer(fd, &answer))
                ;
        return answer.done.result;
}

unsigned rig_log_count(const struct rig *rig, const char *text) {
        _cleanup_(fclosep) FILE *log = fopen(rig->log, "re");
        char line[2048];
        unsigned n = 0;

        assert_non_null(log);
        while (fgets(line, sizeof(line), log))
                n += strstr(line, text) != NULL;
        return n;
}

unsigned rig_fds(const struct rig *rig) {
        const struct dirent *entry;
        char path[64];
        unsigned n = 0;
        DIR *folder;

        snprintf(path, sizeof(path), "/proc/%d/fd", (int)rig->pid);
        folder = opendir(path);
        assert_non_null(folder);
        while ((entry = readdir(folder)))
                n += entry->d_name[0] != '.';
        closedir(folder);
        return n;
}

uint64_t counter_value(struct md_client *client, const char *label) {
        struct md_counter counter;

        for (uint32_t i = 0; i < md_counters(client); i++)
                if (md_counter(client, i, &counter) == 0 && !strcmp(counter.label, label))
                        return counter.value;
        return 0;
}

struct md_feed feed_of(struct md_client *client) {
        struct md_feed feed;

        assert_int_equal(md_feed(client, 0, &feed), 0);
        return feed;
}

struct md_feed feed_await_packets(struct md_client *client, uint64_t packets) {
        AWAIT(feed_of(client).packets >= packets);
        return feed_of(client);
}

struct md_feed feed_await_end(struct md_client *client) {
        AWAIT(feed_of(client).state == MD_FEED_ENDED);
        return feed_of(client);
}

bool rig_older_kernel(void) {
        return older_kernel();
}
