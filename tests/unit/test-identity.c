// SPDX-License-Identifier: Apache-2.0
/* Whose container a cgroup is: every line of the table, what machines show, and what is nobody's. */

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "containers/identity/identity.h"

#define ID "3f4e2a1bc05d96788796d50cb1a2e4f30123456789abcdef0123456789abcdef"
#define INNER "aaaa2a1bc05d96788796d50cb1a2e4f30123456789abcdef0123456789abcdef"
#define POD_ID "77aa00c05d96788796d50cb1a2e4f30123456789abcdef0123456789abcdef99"
#define UUID "0cb1a2e4-f301-4567-89ab-cdef01234567"
#define UUID_SYSTEMD "0cb1a2e4_f301_4567_89ab_cdef01234567"

struct expected {
    const char *cgroup, *id, *engine, *pod;
};

/* A copy without anything behind it, so that reading on is noticed where memory is watched. */
static bool identify(const char *cgroup, size_t size, struct container_identity *ret)
{
    static char *copy;

    free(copy);
    copy = malloc(size ? size : 1);
    cr_assert_not_null(copy);
    if (size)
        memcpy(copy, cgroup, size);
    return container_identify(copy, size, ret);
}

static void expect(const struct expected *expected)
{
    struct container_identity identity = {0};
    char id[CONTAINER_ID_ROOM], pod[CONTAINER_ID_ROOM];

    cr_assert(identify(expected->cgroup, strlen(expected->cgroup), &identity), "%s", expected->cgroup);
    container_identity_id(&identity, id);
    container_identity_pod(&identity, pod);
    cr_expect_str_eq(id, expected->id, "%s: %s", expected->cgroup, id);
    cr_expect_str_eq(identity.engine, expected->engine, "%s: %s", expected->cgroup, identity.engine);
    cr_expect_str_eq(pod, expected->pod ? expected->pod : "", "%s: %s", expected->cgroup, pod);
}

static void expect_none(const char *cgroup, size_t size)
{
    struct container_identity before = {.id = "untouched"}, after = before;

    cr_expect(!identify(cgroup, size, &after), "%.*s: %.*s of '%s'", (int)size, cgroup, (int)after.id_size, after.id,
              after.engine);
    cr_expect_eq(memcmp(&before, &after, sizeof(before)), 0, "it was touched");
}

Test(identity, the_examples_of_the_table)
{
    static const struct expected examples[] = {
#define CONTAINER(ENGINE, PATTERN, EXAMPLE, WANTED) {EXAMPLE, WANTED, ENGINE, NULL},
#define POD(PATTERN, EXAMPLE, WANTED)
#define NOT(PATTERN, EXAMPLE)
#include "containers/identity/identity.def"
#undef CONTAINER
#undef POD
#undef NOT
    };

    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        struct container_identity identity;
        char id[CONTAINER_ID_ROOM];

        cr_assert(identify(examples[i].cgroup, strlen(examples[i].cgroup), &identity), "%s", examples[i].cgroup);
        container_identity_id(&identity, id);
        cr_expect_str_eq(id, examples[i].id, "%s: %s", examples[i].cgroup, id);
        cr_expect_str_eq(identity.engine, examples[i].engine, "%s: %s", examples[i].cgroup, identity.engine);
    }
}

Test(identity, pods_of_the_table)
{
    static const struct expected examples[] = {
#define CONTAINER(ENGINE, PATTERN, EXAMPLE, WANTED)
#define POD(PATTERN, EXAMPLE, WANTED) {EXAMPLE "/" ID, ID, "", WANTED},
#define NOT(PATTERN, EXAMPLE)
#include "containers/identity/identity.def"
#undef CONTAINER
#undef POD
#undef NOT
    };

    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        expect(&examples[i]);
        expect_none(examples[i].cgroup, strlen(examples[i].cgroup) - strlen(ID) - 1); /* a pod is no container */
    }
}

Test(identity, what_the_table_says_is_none)
{
#define CONTAINER(ENGINE, PATTERN, EXAMPLE, WANTED)
#define POD(PATTERN, EXAMPLE, WANTED)
#define NOT(PATTERN, EXAMPLE) expect_none(EXAMPLE, strlen(EXAMPLE));
#include "containers/identity/identity.def"
#undef CONTAINER
#undef POD
#undef NOT
}

Test(identity, as_machines_show_it)
{
    static const struct expected seen[] = {
        /* version 2, with and without /proc's beginning, from without a cgroup namespace and from within */
        {"0::/system.slice/docker-" ID ".scope", ID, "docker", NULL},
        {"0::/system.slice/docker-" ID ".scope\n", ID, "docker", NULL},
        {"/system.slice/docker-" ID ".scope/init.scope", ID, "docker", NULL},
        {"0::/../../docker/" ID, ID, "docker", NULL},
        {"../../docker/" ID, ID, "docker", NULL},
        {"0::/../" ID, ID, "", NULL},
        {"0::/docker/" ID " (deleted)", ID, "docker", NULL},
        /* version 1: the first hierarchy that tells */
        {"12:memory:/docker/" ID "\n11:cpu,cpuacct:/docker/" ID "\n1:name=systemd:/docker/" ID, ID, "docker", NULL},
        {"12:memory:/user.slice\n2:freezer:/\n1:name=systemd:/system.slice/docker-" ID ".scope\n0::/", ID, "docker",
         NULL},
        {"9:pids:/system.slice/containerd.service\n4:devices:/system.slice/docker/" ID "\n0::/system.slice", ID,
         "docker", NULL},
        {"5:name=dsystemd:/kubepods/burstable/pod" UUID "/" ID, ID, "", UUID},
        /* rootless Docker */
        {"0::/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" ID ".scope", ID, "docker", NULL},
        /* Kubernetes: a kubelet with systemd and without, of guaranteed, burstable and best-effort pods */
        {"0::/kubepods.slice/kubepods-pod" UUID_SYSTEMD ".slice/cri-containerd-" ID ".scope", ID, "containerd", UUID},
        {"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UUID_SYSTEMD ".slice/crio-" ID ".scope",
         ID, "cri-o", UUID},
        {"0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UUID_SYSTEMD ".slice/docker-" ID
         ".scope",
         ID, "docker", UUID},
        {"0::/kubepods/besteffort/pod" UUID "/" ID, ID, "", UUID},
        {"0::/kubepods/pod" UUID "/" ID, ID, "", UUID},
        {"0::/kubepods/burstable/pod" UUID "/crio-" ID, ID, "cri-o", UUID},
        /* a static pod's uid is the digest of its manifest */
        {"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod9ae2f0d21ca1ed9ae2f0d21ca1ed1234.slice"
         "/cri-containerd-" ID ".scope",
         ID, "containerd", "9ae2f0d21ca1ed9ae2f0d21ca1ed1234"},
        {"0::/system.slice/containerd.service/kubepods-burstable-pod" UUID_SYSTEMD ".slice:cri-containerd:" ID, ID,
         "containerd", UUID},
        /* Kubernetes in Docker: kind, k3d */
        {"0::/docker/" ID "/kubelet/kubepods/besteffort/pod" UUID "/" INNER, INNER, "", UUID},
        {"0::/system.slice/docker-" ID ".scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice"
         "/kubelet-kubepods-besteffort-pod" UUID_SYSTEMD ".slice/cri-containerd-" INNER ".scope",
         INNER, "containerd", UUID},
        {"0::/docker/" ID "/kubelet", ID, "docker", NULL},
        /* Docker in Docker, in a pod, in LXC */
        {"0::/docker/" ID "/docker/" INNER, INNER, "docker", NULL},
        {"0::/kubepods/burstable/pod" UUID "/" ID "/docker/" INNER, INNER, "docker", UUID},
        {"0::/lxc.payload.outer/docker/" INNER, INNER, "docker", NULL},
        {"0::/lxc/outer/lxc/inner", "inner", "lxc", NULL},
        /* Podman: as root, not as root, in a pod, in a service */
        {"0::/machine.slice/libpod-" ID ".scope/container", ID, "podman", NULL},
        {"0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope", ID, "podman", NULL},
        {"0::/machine.slice/machine-libpod_pod_" POD_ID ".slice/libpod-" ID ".scope", ID, "podman", POD_ID},
        {"0::/user.slice/user-1000.slice/user@1000.service/user.slice/user-libpod_pod_" POD_ID ".slice/libpod-" ID
         ".scope/container",
         ID, "podman", POD_ID},
        {"0::/libpod_parent/" POD_ID "/libpod-" ID, ID, "podman", POD_ID},
        /* ECS */
        {"9:memory:/ecs/4a1bc05d967848798d50cb1a2e4f3012/" ID, ID, "docker", NULL},
        {"0::/ecstasks.slice/ecstasks-4a1bc05d967848798d50cb1a2e4f3012.slice/docker-" ID ".scope", ID, "docker", NULL},
        /* LXC, LXD, Proxmox, as root and not */
        {"0::/lxc.payload.c1/user.slice/user-0.slice", "c1", "lxc", NULL},
        {"0::/user.slice/user-1000.slice/session-3.scope/lxc.payload.my-box_2", "my-box_2", "lxc", NULL},
        {"11:freezer:/lxc/101/ns", "101", "lxc", NULL},
        /* machines */
        {"0::/machine.slice/systemd-nspawn@debian.service/payload/system.slice/cron.service", "debian",
         "systemd-nspawn", NULL},
        {"0::/machine.slice/machine-a\\x2db.scope", "a-b", "systemd-nspawn", NULL},
        /* a machine's own nspawn keeps to the container that it runs in */
        {"0::/docker/" ID "/machine.slice/systemd-nspawn@in.service/supervisor", ID, "docker", NULL},
        {"0::/docker/" ID "/machine.slice/systemd-nspawn@in.service/payload", "in", "systemd-nspawn", NULL},
        /* gVisor under Docker and Kubernetes is called as any runtime */
        {"0::/system.slice/docker-" ID ".scope", ID, "docker", NULL},
        {"4:memory:/" ID, ID, "", NULL},
    };

    for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++)
        expect(&seen[i]);
}

Test(identity, of_nobody)
{
    static const char *const paths[] = {
        "/",
        "0::/",
        "0::/init.scope",
        "0::/system.slice/docker.service",
        "0::/system.slice/containerd.service",
        "0::/system.slice/system-getty.slice/getty@tty1.service",
        "0::/user.slice/user-1000.slice/session-2.scope",
        "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-firefox-3412.scope",
        "0::/user.slice/user-1000.slice/user@1000.service/app.slice/snap.docker.docker-" UUID ".scope",
        "0::/system.slice/run-r4a1bc05d967848798d50cb1a2e4f3012.scope",
        "4:memory:/process_api/af72db8ae737ee53f24f1aec47f30825",
        "0::/docker",
        "0::/docker/",
        "0::/docker/web",
        "0::/docker/buildkit",
        "0::/system.slice/docker-web.scope",
        "0::/kubepods/burstable/pod" UUID,
        "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UUID_SYSTEMD ".slice",
        "0::/lxc",
        "0::/lxc/..",
        "0::/lxc.monitor.web",
        "0::/lxc.monitor/web",
        "0::/lxc.payload.",
        "0::/lxc.pivot",
        "0::/machine.slice",
        "0::/machine.slice/libpod-conmon-" ID ".scope",
        "0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-conmon-" ID ".scope",
        "0::/libpod_parent/conmon",
        "0::/kubepods/burstable/pod" UUID "/crio-conmon-" ID,
        "0::/kubepods.slice/kubepods-pod" UUID_SYSTEMD ".slice/crio-conmon-" ID ".scope",
        "0::/machine.slice/machine-web.slice",
        "0::/default",
        "0::/etc/default/redis", /* ctr's namespaces begin the path */
        /* digits, but not an id's: a digest of git's, one too few, one too many, capitals */
        "0::/ci/job-4a1bc05d967848798d50cb1a2e4f30124a1bc05d",
        "0::/ci/4a1bc05d967848798d50cb1a2e4f30124a1bc05d",
        "0::/ci/f4e2a1bc05d96788796d50cb1a2e4f30123456789abcdef0123456789abcdef",
        "0::/ci/03f4e2a1bc05d96788796d50cb1a2e4f30123456789abcdef0123456789abcdef",
        "0::/ci/3F4E2A1BC05D96788796D50CB1A2E4F30123456789ABCDEF0123456789ABCDEF",
        "0::/docker-" ID ".scope.d",
        "0::/xdocker-" ID ".scope",
        "0::/docker-" ID ".scop",
    };

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        expect_none(paths[i], strlen(paths[i]));
}

Test(identity, strings_that_nobody_wrote_in_good_faith)
{
    static const struct {
        const char *bytes;
        size_t size;
    } hostile[] = {
#define HOSTILE(TEXT) {TEXT, sizeof(TEXT) - 1}
        HOSTILE(""),
        HOSTILE("\n\n\n"),
        HOSTILE(":"),
        HOSTILE("::"),
        HOSTILE("0:"),
        HOSTILE("0::"),
        HOSTILE("////////"),
        HOSTILE("/../../.."),
        HOSTILE("\0/docker/" ID),
        HOSTILE("/lxc/\x1b[31m"),
        HOSTILE("/lxc/\xff\xfe"),
        HOSTILE("/lxc/two words"),
        HOSTILE("/lxc.payload.a\tb"),
        HOSTILE("/docker/" ID "\r"),
        HOSTILE("/docker/\n" ID "x"),
        HOSTILE("/lxc/%n%s{name}"),
        HOSTILE("/lxc/{name}"),
#undef HOSTILE
    };

    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++)
        expect_none(hostile[i].bytes, hostile[i].size);
}

Test(identity, of_any_length)
{
    enum { SIZE = 1 << 20 };
    static const char *const parts[] = {"/", "a",    "/docker", "/-pod", "{any}",
                                        ":", "0::/", "\n",      "\\x2d", "/machine-lxc\\x2d1"};
    char *text = malloc(SIZE);

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        for (size_t at = 0; at < SIZE; at++)
            text[at] = parts[i][at % strlen(parts[i])];
        expect_none(text, SIZE);
    }
    /* cut anywhere, it is this id's or nobody's */
    for (size_t size = 0; size < strlen("/docker/" ID); size++)
        expect_none("/docker/" ID, size);
    free(text);
}

Test(identity, a_name_as_long_as_they_get)
{
    struct container_identity identity;
    char path[400] = "/lxc/", id[CONTAINER_ID_ROOM];

    memset(path + 5, 'n', 255);
    cr_assert(identify(path, 5 + 255, &identity));
    container_identity_id(&identity, id);
    cr_expect_eq(strlen(id), 255);
    path[5 + 255] = 'n';
    expect_none(path, 5 + 256);
}

Test(identity, what_is_escaped)
{
    static const struct expected escaped[] = {
        {"/machine.slice/machine-a\\x2db\\x5f.scope", "a-b_", "systemd-nspawn", NULL},
        {"/machine.slice/machine-a\\x0a\\x1b\\xff\\x00.scope", "a\\x0a\\x1b\\xff\\x00", "systemd-nspawn", NULL},
        {"/machine.slice/machine-a\\x2.scope", "a\\x2", "systemd-nspawn", NULL},
        {"/machine.slice/machine-a\\x.scope", "a\\x", "systemd-nspawn", NULL},
        {"/machine.slice/machine-\\.scope", "\\", "systemd-nspawn", NULL},
    };

    for (size_t i = 0; i < sizeof(escaped) / sizeof(escaped[0]); i++)
        expect(&escaped[i]);
}

Test(identity, its_own_cgroup_or_one_within)
{
    static const char own[] = "/system.slice/docker-" ID ".scope",
                      within[] = "/system.slice/docker-" ID ".scope/init.scope";
    struct container_identity identity;

    cr_expect(container_identify_own(own, strlen(own), &identity));
    cr_expect_eq(identity.id_size, strlen(ID));
    cr_expect(!container_identify_own(within, strlen(within), &identity));
    cr_expect(!container_identify_own("/system.slice", 13, &identity));
    cr_expect(!container_identify_own("", 0, &identity));
    cr_expect(
        container_identify_own("/docker/" ID "/docker/" INNER, strlen("/docker/" ID "/docker/" INNER), &identity));
    cr_expect_eq(memcmp(identity.id, INNER, strlen(INNER)), 0);
}
