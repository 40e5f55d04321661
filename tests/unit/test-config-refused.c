/* mdshmd.conf: what is refused, and how that is said. */

#include "config-try.h"

#include <errno.h>

#include "base/config-keys.h"

#define ELEMENTS(array) (sizeof(array) / sizeof(*(array)))

#define PCAP   "[feed iex]\nsource = pcap\nprotocol = iex-tops\n"
#define UDP    "[feed iex]\nsource = udp\nprotocol = iex-tops\n"
#define TEN    "0123456789"
#define SIXTY  TEN TEN TEN TEN TEN TEN
#define NO_KEY "this line is neither a [section] nor key = value"

/* One text, and the one thing wrong with it. */
struct refusal {
        const char *text;
        unsigned line;
        const char *says;
};

static void refuse(const struct refusal *refusal) {
        struct attempt attempt;

        attempt_text(&attempt, refusal->text);
        if (attempt.r != -EINVAL || attempt.lines != 1 ||
            !attempt_said(&attempt, refusal->line, refusal->says))
                fail_msg("\n%s\ngave %d, wanted one complaint at line %u that says\n%s\ngot\n%s",
                         refusal->text, attempt.r, refusal->line, refusal->says, attempt.said);
        assert_null(attempt.config);
}

static void test_lines_refused(void **state) {
        static const struct refusal refusals[] = {
                { "[segment]\nname\n", 2, NO_KEY },
                { "[segment]\nname ; = a\n", 2, NO_KEY },
                { "\n\nhello\n", 3, NO_KEY },
                { "[segment]\nhello", 2, NO_KEY },
                { "name = a\n[segment]\n", 1, "the file name: stands before the first [section]" },
                { "[segment]\n= a\n", 2, "[segment]: there is no key before the '='" },
                { "[segment\nname = a\n", 1, "a section's name ends with a ']'" },
                { "[segment] name = a\n", 1, "only a comment can follow on this line" },
                { "[segment]\nname = " SIXTY SIXTY SIXTY TEN SIXTY "\n", 2,
                  "this line has more than " },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(refusals); i++)
                refuse(&refusals[i]);
}

static void test_sections_refused(void **state) {
        static const struct refusal refusals[] = {
                { "[segmnt]\n", 1, "[segmnt]: there is no such section; the nearest is [segment]" },
                { "[Segment]\n", 1, "there is no such section; the nearest is [segment]" },
                { "[lisen]\nx = 1\n", 1,
                  "[lisen]: there is no such section; the nearest is [listen]" },
                { "[acess]\n", 1, "the nearest is [access]" },
                { "[limit]\n", 1, "the nearest is [limits]" },
                { "[logs]\n", 1, "the nearest is [log]" },
                { "[feeds iex]\n", 1, "the nearest is [feed NAME]" },
                { "[]\n", 1, "[]: there is no such section" },
                { "[segment two]\n", 1, "[segment two]: there is no such section" },
                { "[segment]\n[log]\n[segment]\nname = a\n", 3,
                  "[segment]: this section is at line 1 already; make them one" },
                { "[feed]\nsource = udp\n", 1, "[feed]: \"\" cannot be a feed's name" },
                { "[feed a b]\n", 1, "\"a b\" cannot be a feed's name" },
                { "[feed a/b]\n", 1, "\"a/b\" cannot be a feed's name" },
                { "[feed " TEN TEN TEN "12]\n", 1, "12\" cannot be a feed's name" },
                { PCAP "file = a\n[feed iex]\nspeed = wrong\n", 5,
                  "[feed iex]: this feed is at line 1 already; make them one, or name them apart" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(refusals); i++)
                refuse(&refusals[i]);
}

static void test_keys_refused(void **state) {
        static const struct refusal refusals[] = {
                { "[segment]\ninstrumnets = 5\n", 2,
                  "[segment] instrumnets: there is no such key; the nearest is instruments" },
                { "[segment]\njurnal = 64\n", 2, "the nearest is journal" },
                { "[segment]\nhugepages = no\n", 2, "the nearest is huge_pages" },
                { "[limits]\nclients_per_usr = 1\n", 2, "the nearest is clients_per_user" },
                { "[log]\nNOTHING_LIKE_IT_AT_ALL_" SIXTY SIXTY " = 1\n", 2,
                  "the nearest is level" },
                { "[listen]\ninstruments = 5\n", 2,
                  "[listen] instruments: there is no such key here; it belongs to [segment]" },
                { "[segment]\nport = 5\n", 2, "it belongs to [feed NAME]" },
                { PCAP "file = a\npakets = 1\n", 5,
                  "[feed iex] pakets: there is no such key; the nearest is packets" },
                { "[segment]\nname = a\n# a comment\nname = b\n", 4,
                  "[segment] name: was set at line 2 already" },
                { PCAP "file = a\nloop = no\nfile = b\n", 6,
                  "[feed iex] file: was set at line 4 already" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(refusals); i++)
                refuse(&refusals[i]);
}

static void test_numbers_refused(void **state) {
        static const struct refusal refusals[] = {
                { "[segment]\ninstruments = many\n", 2,
                  "[segment] instruments: \"many\" is no number from 1 to 16777216; k after it "
                  "stands for 1024, M for 1048576" },
                { "[segment]\ninstruments =\n", 2, "\"\" is no number" },
                { "[segment]\ninstruments = 0\n", 2, "\"0\" is no number from 1" },
                { "[segment]\ninstruments = -5\n", 2, "\"-5\" is no number" },
                { "[segment]\ninstruments = +5\n", 2, "\"+5\" is no number" },
                { "[segment]\ninstruments = 16777217\n", 2, "\"16777217\" is no number" },
                { "[segment]\ninstruments = 17M\n", 2, "\"17M\" is no number" },
                { "[segment]\ninstruments = 5kk\n", 2, "\"5kk\" is no number" },
                { "[segment]\ninstruments = 5G\n", 2, "\"5G\" is no number" },
                { "[segment]\ninstruments = k\n", 2, "\"k\" is no number" },
                { "[segment]\ninstruments = 5 # five\n", 2, "\"5 # five\" is no number" },
                { "[segment]\ninstruments = 18446744073709551617\n", 2, "is no number" },
                { "[segment]\ninstruments = 18446744073709551615M\n", 2, "is no number" },
                { "[segment]\njournal = 1000000\n", 2,
                  "[segment] journal: 1000000 is no power of two; the nearest are 524288 and "
                  "1048576" },
                { "[segment]\njournal = 65\n", 2, "the nearest are 64 and 128" },
                { "[segment]\njournal = 4294967295\n", 2,
                  "the nearest are 2147483648 and 4294967296" },
                { "[segment]\njournal = 3k\n", 2, "3k is no power of two; the nearest are 2048" },
                { "[segment]\njournal = 32\n", 2, "\"32\" is no number from 64 to 4294967296" },
                { "[segment]\njournal = 8192M\n", 2, "\"8192M\" is no number" },
                { "[segment]\ndepth = 65\n", 2, "\"65\" is no number from 0 to 64" },
                { "[segment]\ndepth = 1k\n", 2, "\"1k\" is no number from 0 to 64" },
                { "[limits]\nclients = 0\n", 2, "[limits] clients: \"0\" is no number from 1 to" },
                { "[limits]\nclients = 100\nclients_per_user = 101\n", 3,
                  "clients_per_user: 101 for one user is more than the 100 clients for all" },
                { "[limits]\nclients_per_user = 257\n", 2, "more than the 256 clients for all" },
                { "[limits]\nhello_ms = 60001\n", 2, "from 1 to 60000" },
                { PCAP "file = a\npackets = 1k\n", 5, "[feed iex] packets: \"1k\" is no number" },
                { UDP "port = 0\n", 4, "[feed iex] port: \"0\" is no number from 1 to 65535" },
                { UDP "port = 65536\n", 4, "\"65536\" is no number" },
                { UDP "port = http\n", 4, "\"http\" is no number" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(refusals); i++)
                refuse(&refusals[i]);
}

static void test_words_refused(void **state) {
        static const struct refusal refusals[] = {
                { "[segment]\nname = a/b\n", 2, "\"a/b\" cannot be a segment's name" },
                { "[segment]\nname = /\n", 2, "\"/\" cannot be a segment's name" },
                { "[segment]\nname = //a\n", 2, "\"//a\" cannot be a segment's name" },
                { "[segment]\nname = ..\n", 2, "\"..\" cannot be a segment's name" },
                { "[segment]\nname =\n", 2, "\"\" cannot be a segment's name" },
                { "[segment]\nname = a b\n", 2, "\"a b\" cannot be a segment's name" },
                { "[segment]\nname = a.lock\n", 2,
                  "one that ends with .lock is the lock of another" },
                { "[segment]\nname = " SIXTY "123\n", 2, "write 1 to 62 letters" },
                { "[segment]\nlock = true\n", 2, "[segment] lock: \"true\" is neither yes nor no" },
                { "[segment]\nhuge_pages =\n", 2, "\"\" is neither yes nor no" },
                { "[listen]\nsocket =\n", 2, "[listen] socket: there is nothing behind the '='" },
                { "[listen]\nsocket = /" SIXTY TEN TEN TEN TEN "1234567\n", 2,
                  "is longer than 107 characters" },
                { "[listen]\nmode = 0888\n", 2, "\"0888\" is no mode" },
                { "[listen]\nmode = 01777\n", 2, "\"01777\" is no mode" },
                { "[listen]\nmode = rw\n", 2, "\"rw\" is no mode" },
                { "[listen]\nmode =\n", 2, "\"\" is no mode" },
                { "[log]\nlevel = loud\n", 2,
                  "[log] level: \"loud\" is none of error, warning, notice, info, debug" },
                { "[log]\nlevel = 7\n", 2, "\"7\" is none of" },
                { PCAP "file =\n", 4, "[feed iex] file: there is nothing behind the '='" },
                { PCAP "file = a\nspeed = 10\n", 5, "\"10\" is no speed" },
                { PCAP "file = a\nspeed = 0x\n", 5, "\"0x\" is no speed" },
                { PCAP "file = a\nspeed = x\n", 5, "\"x\" is no speed" },
                { PCAP "file = a\nspeed = -1x\n", 5, "\"-1x\" is no speed" },
                { PCAP "file = a\nspeed = infx\n", 5, "\"infx\" is no speed" },
                { PCAP "file = a\nspeed = 1e3x\n", 5, "\"1e3x\" is no speed" },
                { PCAP "file = a\nspeed = 0x1x\n", 5, "\"0x1x\" is no speed" },
                { PCAP "file = a\nspeed = 1.2.3x\n", 5, "\"1.2.3x\" is no speed" },
                { PCAP "file = a\nspeed = 10xx\n", 5, "\"10xx\" is no speed" },
                { PCAP "file = a\nspeed = 1000001x\n", 5, "from 0.001x to 1000000x" },
                { PCAP "file = a\nspeed = fast\n", 5, "\"fast\" is no speed" },
                { PCAP "file = a\nloop = maybe\n", 5, "\"maybe\" is neither yes nor no" },
                { UDP "port = 1\nframing = soupbintcp\n", 5,
                  "[feed iex] framing: \"soupbintcp\" is none of iextp, moldudp64, file" },
                { UDP "a = 1.2.3.4\n", 4, "[feed iex] a: \"1.2.3.4\" is no address and port" },
                { UDP "a = 1.2.3.4:\n", 4, "is no address and port" },
                { UDP "a = 1.2.3.4:0\n", 4, "is no address and port" },
                { UDP "a = 1.2.3.4:65536\n", 4, "is no address and port" },
                { UDP "a = 1.2.3.4:5x\n", 4, "is no address and port" },
                { UDP "a = host:5\n", 4, "is no address and port" },
                { UDP "a = ff02::1:5\n", 4, "is no address and port" },
                { UDP "a = [ff02::1:5\n", 4, "is no address and port" },
                { UDP "a = [1.2.3.4]:5\n", 4, "is no address and port" },
                { UDP "a = []:5\n", 4, "is no address and port" },
                { UDP "port = 1\nrecovery = 1.2.3.4\n", 5, "[feed iex] recovery: " },
                { UDP "a = 1.2.3.4:5\nsource_a = x\n", 5, "\"x\" is no address" },
                { UDP "port = 1\nstamps = ntp\n", 5, "\"ntp\" is none of kernel, nic" },
                { UDP "port = 1\npoll = never\n", 5, "\"never\" is none of wait, spin" },
                { UDP "port = 1\nreceive_buffer = 2048M\n", 5, "from 65536 to 1073741824" },
                { "[daemon]\ncpu = 1024\n", 2, "[daemon] cpu: \"1024\" is neither any nor" },
                { "[daemon]\ncpu = -1\n", 2, "neither any nor a number up to 1023" },
                { "[daemon]\npriority = 100\n", 2, "\"100\" is no number from 0 to 99" },
                { UDP "port = 1\nhole_ms = -1\n", 5, "\"-1\" is no number of milliseconds" },
                { UDP "port = 1\nhole_ms = 60000.1\n", 5, "up to 60000" },
                { UDP "port = 1\nhole_ms = 5ms\n", 5, "\"5ms\" is no number" },
                { UDP "port = 1\nhole_ms = 1.2.3\n", 5, "\"1.2.3\" is no number" },
                { UDP "port = 1\nhole_ms =\n", 5, "\"\" is no number" },
                { UDP "port = 1\nhole_buffer = 255k\n", 5, "from 262144 to 4294967296" },
                { UDP "port = 1\nstale_ms = 0.5\n", 5, "\"0.5\" is no number from 0" },
                { UDP "port = 1\naddress = localhost\n", 5, "\"localhost\" is no address" },
                { UDP "port = 1\naddress = 1.2.3\n", 5, "\"1.2.3\" is no address" },
                { UDP "port = 1\naddress = 1.2.3.4:5\n", 5, "\"1.2.3.4:5\" is no address" },
                { UDP "port = 1\naddress =\n", 5, "\"\" is no address" },
                { UDP "port = 1\ninterface = " TEN "123456\n", 5, "1 to 15 letters" },
                { UDP "port = 1\ninterface = a b\n", 5, "\"a b\" is not made of" },
                { "[feed a]\nsource = udp\nport = 1\nprotocol = " TEN "123456\n", 4,
                  "[feed a] protocol: \"0123456789123456\" is not made of 1 to 15 letters" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(refusals); i++)
                refuse(&refusals[i]);
}

static void test_feeds_refused(void **state) {
        static const struct refusal refusals[] = {
                { "[log]\n[feed a]\nprotocol = iex-tops\n", 2,
                  "[feed a] source: is missing, and no feed is complete without it" },
                { "[feed a]\nsource = udp\nport = 1\n", 1,
                  "[feed a] protocol: is missing, and no udp feed is complete without it" },
                { PCAP "speed = max\n", 1,
                  "[feed iex] file: is missing, and no pcap feed is complete without it" },
                { UDP, 1, "[feed iex] port: is missing, and no udp feed is complete without it" },
                { UDP "a = 1.2.3.4:5\nport = 5\n", 4,
                  "[feed iex] a: says the same as port (line 5); take one of the two out" },
                { UDP "a = 1.2.3.4:5\naddress = 1.2.3.4\n", 4, "as address (line 5)" },
                { UDP "a = 1.2.3.4:5\ninterface = x\ninterface_a = y\n", 6,
                  "[feed iex] interface_a: says the same as interface (line 5)" },
                { UDP "a = 1.2.3.4:5\ninterface_b = y\n", 5,
                  "[feed iex] interface_b: says something of a line, and there is no b" },
                { UDP "port = 5\nsource_a = 1.2.3.4\n", 5, "and there is no a" },
                { UDP "a = 1.2.3.4:5\nb = 1.2.3.4:5\n", 5,
                  "[feed iex] b: is the same as a (line 4)" },
                { UDP "a = 239.1.2.3:5\nb = 239.1.2.3:5\ninterface_a = x\ninterface_b = x\n", 5,
                  "is the same as a (line 4)" },
                { UDP "a = 1.2.3.4:5\nsource_a = 1.2.3.4\n", 5,
                  "[feed iex] source_a: says whose multicast is taken, but a (line 4) is no "
                  "multicast address" },
                { UDP "a = 239.1.2.3:5\nb = [ff02::1]:5\nsource_b = 1.2.3.4\n", 6,
                  "[feed iex] source_b: is an address of another kind than b (line 5)" },
                { PCAP "file = a\nb = 1.2.3.4:5\n", 5,
                  "[feed iex] b: is the second line, and there is no a" },
                { PCAP "file = a\na = 1.2.3.4:5\nb = 1.2.3.4:5\n", 6,
                  "[feed iex] b: is the same as a (line 5)" },
                { "[feed a]\nsource = tcp\nprotocol = x\nport = 5\n", 2,
                  "[feed a] source: \"tcp\" is none of pcap, udp, file, publisher" },
                { "[feed a]\nsource = publisher\nprotocol = iex-tops\n", 3,
                  "[feed a] protocol: does not belong to a feed with source = publisher (line 2)" },
                { "[feed a]\nsource = publisher\nring = 100\n", 3, "[feed a] ring" },
                { PCAP "file = a\nport = 5\n", 5,
                  "[feed iex] port: does not belong to a feed with source = pcap (line 2)" },
                { PCAP "file = a\naddress = 1.2.3.4\n", 5, "source = pcap (line 2)" },
                { PCAP "file = a\ninterface = eth0\n", 5, "source = pcap (line 2)" },
                { UDP "port = 5\nfile = a\n", 5, "source = udp (line 2)" },
                { PCAP "file = a\nmessages = 5\n", 5, "source = pcap (line 2)" },
                { "[feed a]\nsource = file\nprotocol = x\nfile = a\npackets = 5\n", 5,
                  "source = file (line 2)" },
                { "[feed a]\nsource = file\nprotocol = x\n", 1,
                  "[feed a] file: is missing, and no file feed is complete without it" },
                { UDP "port = 5\nspeed = max\n", 5, "source = udp (line 2)" },
                { UDP "port = 5\npackets = 5\n", 5, "source = udp (line 2)" },
                { UDP "port = 5\nloop = yes\n", 5, "source = udp (line 2)" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(refusals); i++)
                refuse(&refusals[i]);
}

static void test_access_refused(void **state) {
        static const struct refusal refusals[] = {
                { "[access]\nread = no-such-user\n", 2,
                  "[access] read: there is no user \"no-such-user\"; create it" },
                { "[access]\nread = root, no-such-user\n", 2, "there is no user \"no-such-user\"" },
                { "[access]\npublish = @no-such-group\n", 2,
                  "[access] publish: there is no group \"no-such-group\"" },
                { "[access]\ncontrol = @\n", 2, "there is no group \"\"" },
                { "[access]\ncontrol = 4294967295\n", 2, "there is no user \"4294967295\"" },
                { "[access]\ncontrol = -1\n", 2, "there is no user \"-1\"" },
                { "[access]\ncontrol = @99999999999999999999\n", 2, "there is no group \"9" },
                { "[access]\nread = **\n", 2, "there is no user \"**\"" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(refusals); i++)
                refuse(&refusals[i]);
}

static void test_all_complaints_are_told(void **state) {
        struct attempt attempt;

        (void)state;
        attempt_text(&attempt, "junk\n"
                               "[segment]\n"
                               "instruments = none\n"
                               "junk\n"
                               "journl = 64\n"
                               "depth = 99\n"
                               "[wrong]\n"
                               "instruments = none\n"
                               "[limits]\n"
                               "junk\n"
                               "[feed a]\n"
                               "[feed b]\n"
                               "source = udp\n"
                               "file = x\n"
                               "junk");
        assert_int_equal(attempt.r, -EINVAL);
        assert_true(attempt_said(&attempt, 1, NO_KEY));
        assert_true(attempt_said(&attempt, 3, "[segment] instruments"));
        assert_true(attempt_said(&attempt, 4, NO_KEY));
        assert_true(attempt_said(&attempt, 5, "[segment] journl"));
        assert_true(attempt_said(&attempt, 6, "[segment] depth"));
        assert_true(attempt_said(&attempt, 7, "[wrong]"));
        assert_true(attempt_said(&attempt, 10, NO_KEY));
        assert_true(attempt_said(&attempt, 11, "[feed a] source: is missing"));
        assert_true(attempt_said(&attempt, 12, "[feed b] protocol: is missing"));
        assert_true(attempt_said(&attempt, 12, "[feed b] port: is missing"));
        assert_true(attempt_said(&attempt, 14, "[feed b] file: does not belong"));
        assert_true(attempt_said(&attempt, 15, NO_KEY));
        assert_int_equal(attempt.lines, 12);
}

static void test_too_many_feeds(void **state) {
        char text[CONFIG_FEEDS_MAX * 80] = "";
        struct attempt attempt;
        size_t n = 0;

        (void)state;
        for (int i = 0; i < CONFIG_FEEDS_MAX; i++)
                n += (size_t)sprintf(text + n, "[feed f%d]\nsource=udp\nprotocol=a\nport=1\n", i);
        attempt_text(&attempt, text);
        assert_int_equal(attempt.r, 0);
        assert_int_equal(attempt.config->n_feeds, CONFIG_FEEDS_MAX);
        config_free(attempt.config);

        strcpy(text + n, "[feed one-more]\n");
        attempt_text(&attempt, text);
        assert_int_equal(attempt.r, -EINVAL);
        assert_true(attempt_said(&attempt, 4 * CONFIG_FEEDS_MAX + 1, "there can be 64 feeds"));
        assert_int_equal(attempt.lines, 1);
}

/* A line that never ends, in a file with room for more of it than there may be. */
static void test_a_file_too_large(void **state) {
        char path[] = "/tmp/mdshmd-config.XXXXXX";
        struct attempt attempt;
        int fd = mkstemp(path);

        (void)state;
        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
        attempt_path(&attempt, path);
        assert_int_equal(attempt.r, -EFBIG);
        assert_non_null(strstr(attempt.said, "a config has at most 1024 KiB"));
        close(fd);
        unlink(path);
}

static void test_files_that_are_none(void **state) {
        static const char bytes[] = "[segment]\nname = a\0b\n";
        struct attempt attempt;

        (void)state;
        attempt_path(&attempt, "/no/such/file");
        assert_int_equal(attempt.r, -ENOENT);
        assert_non_null(strstr(attempt.said, "cannot read /no/such/file: No such file"));
        attempt_path(&attempt, "/dev/zero");
        assert_int_equal(attempt.r, -EINVAL);
        assert_non_null(strstr(attempt.said, "/dev/zero: it is neither a file nor a pipe"));
        attempt_path(&attempt, "/");
        assert_int_equal(attempt.r, -EISDIR);
        assert_non_null(strstr(attempt.said, "cannot read /: Is a directory"));

        attempt_bytes(&attempt, bytes, sizeof(bytes) - 1);
        assert_int_equal(attempt.r, -EINVAL);
        assert_true(attempt_said(&attempt, 2, "this line has a NUL in it"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lines_refused),
                cmocka_unit_test(test_sections_refused),
                cmocka_unit_test(test_keys_refused),
                cmocka_unit_test(test_numbers_refused),
                cmocka_unit_test(test_words_refused),
                cmocka_unit_test(test_feeds_refused),
                cmocka_unit_test(test_access_refused),
                cmocka_unit_test(test_all_complaints_are_told),
                cmocka_unit_test(test_too_many_feeds),
                cmocka_unit_test(test_a_file_too_large),
                cmocka_unit_test(test_files_that_are_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
