/*
 * sandbox-probe INTERFACE: tries what a daemon that was taken over would try, and what it has to be able to do
 *
 * Each thing is tried in a process of its own and leaves nothing behind. A line says how it went: its
 * name and 0, or the name of the errno. What may and what must not succeed, the test knows.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRY(call)                                                                                  \
        do {                                                                                       \
                if ((call) < 0)                                                                    \
                        return errno;                                                              \
        } while (0)

static const char *interface;

/* ---- files ---- */

static int create(const char *path) {
        int fd = open(path, O_CREAT | O_WRONLY | O_EXCL | O_CLOEXEC, 0600);

        TRY(fd);
        close(fd);
        unlink(path);
        return 0;
}

static int reach(const char *path, int flags) {
        int fd = open(path, flags | O_CLOEXEC);

        TRY(fd);
        close(fd);
        return 0;
}

static int write_usr(void) {
        return create("/usr/sandbox-probe");
}

static int write_etc(void) {
        return create("/etc/sandbox-probe");
}

static int write_var(void) {
        return create("/var/sandbox-probe");
}

static int write_home(void) {
        return create("/home/sandbox-probe");
}

static int read_root_home(void) {
        return reach("/root", O_RDONLY | O_DIRECTORY);
}

static int read_shadow(void) {
        return reach("/etc/shadow", O_RDONLY);
}

static int write_cgroup(void) {
        return reach("/sys/fs/cgroup/cgroup.procs", O_WRONLY);
}

static int read_proc_1(void) {
        return reach("/proc/1/status", O_RDONLY);
}

static int read_meminfo(void) {
        return reach("/proc/meminfo", O_RDONLY);
}

static int read_sysctl(void) {
        return reach("/proc/sys/net/core/rmem_max", O_RDONLY);
}

static int read_device(void) {
        return reach("/dev/sandbox-probe", O_RDONLY);
}

static int make_device(void) {
        const char *path = "/tmp/sandbox-probe-device";

        TRY(mknod(path, S_IFCHR | 0600, makedev(1, 3)));
        unlink(path);
        return 0;
}

static int make_setuid(void) {
        char path[] = "/tmp/sandbox-probe.XXXXXX";
        int fd = mkstemp(path), r;

        TRY(fd);
        r = fchmod(fd, 04755) < 0 ? errno : 0;
        close(fd);
        unlink(path);
        return r;
}

static int write_tmp(void) {
        return create("/tmp/sandbox-probe");
}

static int find_group(void) {
        return getgrnam("mdshm") ? 0 : ENOENT;
}

/* ---- the network ---- */

static int make_socket(int family, int type) {
        int fd = socket(family, type | SOCK_CLOEXEC, 0);

        TRY(fd);
        close(fd);
        return 0;
}

static int netlink(void) {
        return make_socket(AF_NETLINK, SOCK_RAW);
}

static int packet(void) {
        return make_socket(AF_PACKET, SOCK_RAW);
}

static int vsock(void) {
        return make_socket(AF_VSOCK, SOCK_STREAM);
}

static int raw(void) {
        int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);

        TRY(fd);
        close(fd);
        return 0;
}

/* Sends one datagram to it, from a socket that receives there; 0: it came back. */
static int send_to(const char *address, bool comes_back) {
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = inet_addr(address) };
        socklen_t size = sizeof(to);
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct pollfd readable = { .fd = fd, .events = POLLIN };
        struct ip_mreqn group = { .imr_multiaddr = to.sin_addr };
        char byte = 'x';

        TRY(fd);
        if (IN_MULTICAST(ntohl(to.sin_addr.s_addr))) {
                group.imr_ifindex = (int)if_nametoindex(interface);
                if (!group.imr_ifindex)
                        return errno;
                TRY(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)));
                TRY(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof(group)));
        }
        if (comes_back) {
                TRY(bind(fd, (struct sockaddr *)&to, sizeof(to)));
                TRY(getsockname(fd, (struct sockaddr *)&to, &size));
        } else {
                to.sin_port = htons(9);
        }
        TRY(sendto(fd, &byte, 1, 0, (struct sockaddr *)&to, sizeof(to)));
        if (comes_back && poll(&readable, 1, 10000) != 1)
                return ETIMEDOUT;
        close(fd);
        return 0;
}

/* Of those that documentation may name, and nobody has (RFC 5737). */
static int send_public(void) {
        return send_to("198.51.100.1", false);
}

static int send_loopback(void) {
        return send_to("127.0.0.1", true);
}

static int send_multicast(void) {
        return send_to("239.192.1.9", true);
}

static int unix_socket(void) {
        return make_socket(AF_UNIX, SOCK_SEQPACKET);
}

/* ---- memory ---- */

static int map_writable_code(void) {
        return mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                               MAP_FAILED
                       ? errno
                       : 0;
}

static int turn_into_code(void) {
        void *page = mmap(NULL, 4096, PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (page == MAP_FAILED)
                return errno;
        return mprotect(page, 4096, PROT_READ | PROT_EXEC) < 0 ? errno : 0;
}

static int share_segment(void) {
        const char *name = "/mdshmd-sandbox-probe";
        size_t size = 1 << 20;
        char path[64];
        void *map;
        int fd, again, r;

        fd = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
        TRY(fd);
        r = posix_fallocate(fd, 0, (off_t)size);
        map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (!r && (map == MAP_FAILED || mlock(map, size) < 0))
                r = errno;
        /* for clients, without the right to write */
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        again = open(path, O_RDONLY | O_CLOEXEC);
        if (!r && again < 0)
                r = errno;
        shm_unlink(name);
        return r;
}

static int seal_memory(void) {
        int fd = memfd_create("sandbox-probe", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        TRY(fd);
        TRY(ftruncate(fd, 4096));
        TRY(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL));
        return 0;
}

/* ---- the process ---- */

static int run_program(void) {
        execl("/bin/true", "true", NULL);
        return errno;
}

static int change_personality(void) {
        TRY(personality(PER_LINUX32));
        return 0;
}

static int new_user_namespace(void) {
        TRY(unshare(CLONE_NEWUSER));
        return 0;
}

static int new_network_namespace(void) {
        TRY(unshare(CLONE_NEWNET));
        return 0;
}

static int mount_something(void) {
        char path[] = "/tmp/sandbox-probe.XXXXXX";

        if (!mkdtemp(path))
                return errno;
        TRY(mount("none", path, "tmpfs", 0, NULL));
        umount(path);
        rmdir(path);
        return 0;
}

static int be_traced(void) {
        TRY(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
        return 0;
}

/* Where there is no wrapper, or one that looks at the arguments first; these do nothing if allowed. */
static int call(long number) {
        TRY(syscall(number, 0, 0, 0, 0, 0));
        return 0;
}

static int use_keyring(void) {
        return call(SYS_keyctl);
}

static int use_bpf(void) {
        return call(SYS_bpf);
}

static int use_io_uring(void) {
        return call(SYS_io_uring_setup);
}

static int set_clock(void) {
        return call(SYS_settimeofday);
}

static int account(void) {
        return call(SYS_acct);
}

static int set_host_name(void) {
        char name[256];

        TRY(gethostname(name, sizeof(name)));
        TRY(sethostname(name, strlen(name)));
        return 0;
}

static int become_root(void) {
        TRY(setuid(0));
        return 0;
}

static int signal_init(void) {
        TRY(kill(1, 0));
        return 0;
}

static int take_real_time(void) {
        const struct sched_param param = { .sched_priority = 1 };

        TRY(sched_setscheduler(0, SCHED_FIFO, &param));
        return 0;
}

static int take_processor(void) {
        cpu_set_t set;

        CPU_ZERO(&set);
        TRY(sched_getaffinity(0, sizeof(set), &set));
        TRY(sched_setaffinity(0, sizeof(set), &set));
        return 0;
}

/* ---- all of them ---- */

#define THING(name)                                                                                \
        { #name, name }

static const struct {
        const char *name;
        int (*try)(void); /* 0 or errno */
} things[] = {
        THING(write_usr),
        THING(write_etc),
        THING(write_var),
        THING(write_home),
        THING(read_root_home),
        THING(read_shadow),
        THING(write_cgroup),
        THING(read_proc_1),
        THING(read_meminfo),
        THING(read_sysctl),
        THING(read_device),
        THING(make_device),
        THING(make_setuid),
        THING(write_tmp),
        THING(find_group),
        THING(netlink),
        THING(packet),
        THING(vsock),
        THING(raw),
        THING(send_public),
        THING(send_loopback),
        THING(send_multicast),
        THING(unix_socket),
        THING(map_writable_code),
        THING(turn_into_code),
        THING(share_segment),
        THING(seal_memory),
        THING(run_program),
        THING(change_personality),
        THING(new_user_namespace),
        THING(new_network_namespace),
        THING(mount_something),
        THING(be_traced),
        THING(use_keyring),
        THING(use_bpf),
        THING(use_io_uring),
        THING(set_clock),
        THING(account),
        THING(set_host_name),
        THING(become_root),
        THING(signal_init),
        THING(take_real_time),
        THING(take_processor),
};

int main(int argc, char **argv) {
        int status;

        if (argc != 2) {
                fprintf(stderr, "usage: sandbox-probe INTERFACE\n");
                return 2;
        }
        interface = argv[1];
        setvbuf(stdout, NULL, _IOLBF, 0);
        for (size_t i = 0; i < sizeof(things) / sizeof(*things); i++) {
                pid_t pid = fork();

                if (pid == 0)
                        _exit(things[i].try());
                if (pid < 0 || waitpid(pid, &status, 0) < 0)
                        return 1;
                if (!WIFEXITED(status))
                        printf("%s killed by signal %d\n", things[i].name, WTERMSIG(status));
                else if (WEXITSTATUS(status))
                        printf("%s %s\n", things[i].name, strerrorname_np(WEXITSTATUS(status)));
                else
                        printf("%s 0\n", things[i].name);
        }
        return 0;
}
