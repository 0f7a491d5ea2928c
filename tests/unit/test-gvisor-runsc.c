// SPDX-License-Identifier: Apache-2.0
/* Running runsc: shell scripts stand in for it where it has to fail, the installed one answers the rest. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "backends/gvisor/runsc.h"
#include "common/cleanup.h"

#define PATIENCE_MS 60000 /* for what takes no time, on a busy machine */
#define SOON_MS 300       /* for what never answers */

static char directory[] = "/tmp/sysfold-runsc-XXXXXX";
static char program[64];
static struct sysfold_error error;
static struct runsc runsc = {.program = program};
static const char *const words[] = {"trace", "metadata", NULL};

static void begin(void)
{
    cr_assert(mkdtemp(directory));
    (void)snprintf(program, sizeof(program), "%s/runsc", directory);
}

static void end(void)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "%s/child", directory);
    (void)unlink(path);
    (void)unlink(program);
    (void)rmdir(directory);
}

TestSuite(gvisor_runsc, .init = begin, .fini = end, .timeout = 100);

static void write_script(const char *script, mode_t mode)
{
    FILE *file = fopen(program, "we");

    cr_assert(file);
    (void)fprintf(file, "#!/bin/sh\n%s\n", script);
    cr_assert_eq(fclose(file), 0);
    cr_assert_eq(chmod(program, mode), 0);
}

static int run(const char *script, int timeout_ms, char **ret_output, size_t *ret_size)
{
    memset(&error, 0, sizeof(error));
    write_script(script, 0755);
    return runsc_run(&runsc, words, timeout_ms, ret_output, ret_size, &error);
}

static void expect_output(const char *script, const char *expected)
{
    cleanup_free char *output = NULL;
    size_t size;

    cr_assert_eq(run(script, PATIENCE_MS, &output, &size), 0, "%s", error.message);
    cr_expect_str_eq(output, expected);
    cr_expect_eq(size, strlen(expected));
}

/* The message begins with what was run, and ends so. */
static void expect_failure(const char *script, int timeout_ms, int code, const char *ending)
{
    char *output = directory;

    cr_expect_eq(run(script, timeout_ms, &output, NULL), code, "%s: %s", script, error.message);
    cr_expect_eq(output, directory, "it was touched");
    cr_expect_eq(error.code, code);
    cr_expect_eq(strncmp(error.message, "gvisor: ", 8), 0, "%s", error.message);
    cr_expect(strstr(error.message, program), "%s", error.message);
    cr_expect(strlen(error.message) >= strlen(ending) &&
                  !strcmp(error.message + strlen(error.message) - strlen(ending), ending),
              "%s", error.message);
}

Test(gvisor_runsc, words_and_output)
{
    expect_output("printf '%s|' \"$@\"", "trace|metadata|");
    expect_output("exit 0", "");
    runsc.root = "/some where";
    expect_output("printf '%s|' \"$@\"", "--root|/some where|trace|metadata|");
}

Test(gvisor_runsc, nobody_cares)
{
    write_script("echo a", 0755);
    cr_expect_eq(runsc_run(&runsc, words, PATIENCE_MS, NULL, NULL, NULL), 0);
}

Test(gvisor_runsc, much_on_both_pipes)
{
    cleanup_free char *output = NULL;
    size_t size;

    cr_assert_eq(run("head -c 300000 /dev/zero >&2; head -c 3000000 /dev/zero; head -c 300000 /dev/zero >&2",
                     PATIENCE_MS, &output, &size),
                 0, "%s", error.message);
    cr_expect_eq(size, 3000000);
    cr_expect_eq(output[size], '\0');
}

Test(gvisor_runsc, no_input)
{
    expect_output("readlink /proc/self/fd/0; cat", "/dev/null\n");
}

Test(gvisor_runsc, signals_as_after_login)
{
    sigset_t set;

    signal(SIGINT, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    sigfillset(&set);
    cr_assert_eq(sigprocmask(SIG_SETMASK, &set, NULL), 0);
    /* Two signals of the C library's own (32, 33) are none of ours. */
    expect_output("for field in SigBlk SigIgn; do sed -n \"s/^$field:.*\\(.......\\)$/\\1/p\" /proc/self/status; done",
                  "0000000\n0000000\n");
}

/* Pipes that get the numbers 0 to 2 must not be laid over one another. */
Test(gvisor_runsc, with_closed_standard_descriptors)
{
    int status;
    pid_t child;

    write_script("echo a; echo b >&2", 0755);
    child = fork();
    if (child == 0) {
        char *output = NULL;
        int r;

        close(0);
        close(1);
        close(2);
        r = runsc_run(&runsc, words, PATIENCE_MS, &output, NULL, NULL);
        _exit(r == 0 && !strcmp(output, "a\n") ? 0 : 1);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_expect_eq(status, 0);
}

Test(gvisor_runsc, descriptors_are_not_left_open)
{
    int before = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    int after;

    close(before);
    expect_output("echo a", "a\n");
    expect_failure("exit 1", PATIENCE_MS, -ECHILD, "(exit status 1)");
    after = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    close(after);
    cr_expect_eq(before, after);
}

Test(gvisor_runsc, missing)
{
    const struct runsc nowhere = {.program = "sysfold-no-such-runsc"};

    cr_expect_eq(runsc_run(&nowhere, words, PATIENCE_MS, NULL, NULL, &error), -ENOENT);
    cr_expect(strstr(error.message, "PATH") && strstr(error.message, "install"), "%s", error.message);
    cr_expect_eq(runsc_run(&runsc, words, PATIENCE_MS, NULL, NULL, &error), -ENOENT);
    cr_expect(strstr(error.message, program), "%s", error.message);
    write_script("exit 0", 0644);
    cr_expect_eq(runsc_run(&runsc, words, PATIENCE_MS, NULL, NULL, &error), -EACCES);
    cr_expect(strstr(error.message, program), "%s", error.message);
}

Test(gvisor_runsc, too_many_words)
{
    const char *many[64];

    for (size_t i = 0; i < 63; i++)
        many[i] = "a";
    many[63] = NULL;
    cr_expect_eq(runsc_run(&runsc, many, PATIENCE_MS, NULL, NULL, &error), -E2BIG);
}

Test(gvisor_runsc, its_complaint_is_told)
{
    expect_failure("echo out; echo first >&2; echo 'loading sandbox: file does not exist' >&2; exit 128", PATIENCE_MS,
                   -ECHILD, " trace failed: loading sandbox: file does not exist");
    expect_failure("printf 'a\\nlast one\\n \\n\\n' >&2; exit 1", PATIENCE_MS, -ECHILD, ": last one");
    expect_failure("printf 'no newline' >&2; exit 1", PATIENCE_MS, -ECHILD, ": no newline");
    expect_failure("printf 'a\\033[31mb\\377' >&2; exit 1", PATIENCE_MS, -ECHILD, ": a?[31mb?");
    expect_failure("head -c 100000 /dev/zero | tr '\\0' x >&2; echo >&2; echo end >&2; exit 1", PATIENCE_MS, -ECHILD,
                   ": end");
    expect_failure("head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1", PATIENCE_MS, -ECHILD, "xxxxxx");
}

Test(gvisor_runsc, it_fails_without_a_word)
{
    expect_failure("exit 3", PATIENCE_MS, -ECHILD, "(exit status 3)");
    expect_failure("printf ' \\n\\n' >&2; exit 3", PATIENCE_MS, -ECHILD, "(exit status 3)");
    expect_failure("kill -9 $$", PATIENCE_MS, -ECHILD, "(signal 9)");
}

/* Gone, or a zombie that somebody else has to take. */
static bool has_ended(pid_t pid)
{
    char path[64], line[256];
    FILE *file;
    const char *state;

    (void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    file = fopen(path, "re");
    if (!file)
        return true;
    state = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
    (void)fclose(file);
    return !state || state[2] == 'Z' || state[2] == 'X';
}

static void expect_killed(const char *script)
{
    cleanup_free char *whole = NULL;
    char path[64];
    FILE *file;
    int child;

    (void)snprintf(path, sizeof(path), "%s/child", directory);
    cr_assert_geq(asprintf(&whole, "sleep 1000 & echo $! >%s; %s", path, script), 0);
    expect_failure(whole, SOON_MS, -ETIMEDOUT, "(killed; is the sandbox stuck?)");
    file = fopen(path, "re");
    cr_assert(file, "the script was not quick enough");
    cr_assert_eq(fscanf(file, "%d", &child), 1);
    (void)fclose(file);
    while (!has_ended(child))
        usleep(1000);
}

Test(gvisor_runsc, it_hangs)
{
    expect_killed("wait");
    expect_killed("exec >&- 2>&-; sleep 1000");
    expect_killed("trap '' TERM INT HUP; wait");
}

Test(gvisor_runsc, it_complains_without_end)
{
    expect_failure("exec yes >&2", SOON_MS, -ETIMEDOUT, "(killed; is the sandbox stuck?)");
}

Test(gvisor_runsc, it_prints_without_end)
{
    expect_failure("exec head -c 1000000000 /dev/zero", PATIENCE_MS, -EFBIG, "(is it gVisor's?)");
}

static void expect_version(const char *script, int code, const char *expected)
{
    cleanup_free char *version = NULL;

    write_script(script, 0755);
    cr_expect_eq(runsc_version(&runsc, &version, &error), code, "%s", error.message);
    cr_expect_str_eq(version ? version : "", expected);
}

Test(gvisor_runsc, version)
{
    expect_version("test \"$1\" = --version && echo 'runsc version release-20240729.0' && echo 'spec: 1.1.0'", 0,
                   "release-20240729.0");
    expect_version("printf 'runsc version 1'", 0, "1");
    expect_version("printf 'runsc version '", -EBADMSG, "");
    expect_version("printf 'runc version 1'", -EBADMSG, "");
    expect_version("exit 0", -EBADMSG, "");
    expect_version("exit 1", -ECHILD, "");
}

static void expect_list(const char *json, const char *const *expected)
{
    cleanup_free char *script = NULL;
    cleanup_free char **ids = NULL;
    size_t count = 99, i;

    cr_assert_geq(asprintf(&script, "cat <<'END'\n%s\nEND", json), 0);
    write_script(script, 0755);
    cr_assert_eq(runsc_list(&runsc, &ids, &count, &error), 0, "%s: %s", json, error.message);
    for (i = 0; expected[i]; i++)
        cr_expect_str_eq(ids[i], expected[i]);
    cr_expect_eq(count, i, "%s", json);
    cr_expect_null(ids[count]);
}

Test(gvisor_runsc, list)
{
    static const char *const none[] = {NULL};
    static const char *const two[] = {"web", "0123456789abcdef", NULL};

    expect_list("null", none);
    expect_list("[]", none);
    expect_list("[{\"ociVersion\":\"1.0\",\"id\":\"web\",\"pid\":12,\"status\":\"running\"},"
                "{\"id\":\"over\",\"status\":\"stopped\"},{\"id\":\"0123456789abcdef\",\"status\":\"created\"}]",
                two);
    expect_list("[1,null,[],{},{\"id\":1,\"status\":\"running\"},{\"id\":\"a\"},{\"status\":\"running\"}]", none);
}

Test(gvisor_runsc, no_list)
{
    static const char *const texts[] = {"", "{}", "[", "web", "1", "[{\"id\":\"\\u0000\"}]", "[] []"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        cleanup_free char *script = NULL;
        char **ids = (char **)directory;

        cr_assert_geq(asprintf(&script, "printf '%%s' '%s'", texts[i]), 0);
        write_script(script, 0755);
        cr_expect_eq(runsc_list(&runsc, &ids, NULL, &error), -EBADMSG, "%s", texts[i]);
        cr_expect_eq(ids, (char **)directory);
    }
    write_script("exit 1", 0755);
    cr_expect_eq(runsc_list(&runsc, NULL, NULL, &error), -ECHILD);
}

/* The installed one. */
Test(gvisor_runsc, real)
{
    static const char *const wrong[] = {"trace", "list", "sysfold-no-such-sandbox", NULL};
    const struct runsc real = {.program = getenv("SYSFOLD_RUNSC"), .root = directory};
    cleanup_free char *version = NULL;
    cleanup_free char *metadata = NULL;
    cleanup_free char **ids = NULL;
    size_t count = 99;

    if (runsc_version(&real, &version, &error) == -ENOENT) {
        end(); /* which a skipped test does not get to */
        cr_skip_test("%s", error.message);
    }
    cr_assert(version, "%s", error.message);
    cr_expect(strchr(version, '2') && !strchr(version, '\n'), "%s", version);
    cr_assert_eq(runsc_list(&real, &ids, &count, &error), 0, "%s", error.message);
    cr_expect_eq(count, 0);
    cr_assert_eq(runsc_run(&real, words, PATIENCE_MS, &metadata, NULL, &error), 0, "%s", error.message);
    cr_expect(strstr(metadata, "Name: syscall/openat/enter, "));
    cr_expect_eq(runsc_run(&real, wrong, PATIENCE_MS, NULL, NULL, &error), -ECHILD);
    cr_expect(strstr(error.message, "file does not exist"), "%s", error.message);
}
