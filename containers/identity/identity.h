/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_CONTAINERS_IDENTITY_H
#define SYSFOLD_CONTAINERS_IDENTITY_H

/*
 * Which container a cgroup belongs to. Runtimes and orchestrators name their
 * cgroups each in its way, on both versions of the hierarchy, with systemd or
 * without; identity.def lists the ways, a line each. Pure: nothing of the machine is looked at.
 *
 * Containers within containers (Docker in Docker, Kubernetes in Docker): the
 * innermost is meant, which is where the process runs, and what Falco shows. The pod is the one around it.
 */

#include <stdbool.h>
#include <stddef.h>

struct container_identity {
    const char *id; /* a part of the string that was given: not terminated */
    size_t id_size;
    const char
        *engine; /* "docker", "podman", "containerd", "cri-o", "lxc", "systemd-nspawn", "runsc" ...; "" : not told */
    const char *pod; /* a Kubernetes pod's uid, or podman's pod id, as it is written in the string; NULL: none */
    size_t pod_size;
};

/* `cgroup`: a path, or the lines of /proc/PID/cgroup (the first line that tells wins). False: no container's. */
bool container_identify(const char *cgroup, size_t size, struct container_identity *ret_identity);

/* Is the path, by its last component, a container's own cgroup, rather than one within it? */
bool container_identify_own(const char *path, size_t size, struct container_identity *ret_identity);

/* The longest id is the name of a directory. */
#define CONTAINER_ID_ROOM 256

/* The id and the pod as they are known elsewhere: systemd writes "-" as "\x2d" in a name, and as "_" in a pod's uid. */
void container_identity_id(const struct container_identity *identity, char ret_id[CONTAINER_ID_ROOM]);
void container_identity_pod(const struct container_identity *identity, char ret_pod[CONTAINER_ID_ROOM]); /* "": none */

#endif
