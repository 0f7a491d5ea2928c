// SPDX-License-Identifier: Apache-2.0
#include "backends/cgroup.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "containers/identity/identity.h"

/* Opens a directory that is a cgroup; -ENOENT where it is of another kind. */
static int open_directory(int at, const char *path)
{
    cleanup_close int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct statfs kind;

    if (fd < 0 || fstatfs(fd, &kind) < 0)
        return -errno;
    return kind.f_type == CGROUP2_SUPER_MAGIC ? steal_fd(&fd) : -ENOENT;
}

/* The kernel writes blanks and backslashes of a path as "\040": in place. */
static void unescape(char *path)
{
    char *to = path;

    for (const char *from = path; *from; to++) {
        if (from[0] == '\\' && from[1] && from[2] && from[3]) {
            *to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

/* Where a line of mountinfo says that a unified hierarchy is mounted, NULL where it says something else:
 * "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw" */
static char *unified_mount_point(char *line)
{
    const char *kind = strstr(line, " - ");
    char *point = NULL;

    if (!kind || strncmp(kind, " - cgroup2 ", 11) != 0)
        return NULL;
    for (unsigned field = 0; field < 5; field++)
        point = strsep(&line, " ");
    if (point)
        unescape(point);
    return point;
}

/* The root of the unified hierarchy, and where it is mounted. Another mount may lie over the first that is listed. */
static int open_root(char ret_point[PATH_MAX], struct sysfold_error *error)
{
    cleanup_fclose FILE *mounts = fopen("/proc/self/mountinfo", "re");
    cleanup_free char *line = NULL;
    size_t room = 0;

    if (!mounts)
        return error_system(error, -errno, "cannot look for cgroups in /proc/self/mountinfo");
    while (getline(&line, &room, mounts) > 0) {
        const char *point = unified_mount_point(line);
        int fd = point ? open_directory(AT_FDCWD, point) : -1;

        if (fd < 0)
            continue;
        (void)snprintf(ret_point, PATH_MAX, "%s", point);
        return fd;
    }
    return error_set(error, -ENOSYS, "no version 2 cgroup hierarchy is mounted here (mount -t cgroup2)");
}

static bool leads_upwards(const char *path)
{
    for (const char *component = path; component; component = strchr(component, '/')) {
        component += strspn(component, "/");
        if (!strncmp(component, "..", 2) && (component[2] == '/' || !component[2]))
            return true;
    }
    return false;
}

/* What of the path is below the mount point: "." for the root. */
static const char *below(const char *path, const char *point)
{
    size_t length = strlen(point);

    if (!strncmp(path, point, length) && (path[length] == '/' || !path[length]))
        path += length;
    path += strspn(path, "/");
    return *path ? path : ".";
}

int cgroup_open(const char *path, struct sysfold_error *error)
{
    char point[PATH_MAX];
    cleanup_close int root = -1;
    int fd;

    if (!*path)
        return error_set(error, -EINVAL, "an empty path names no cgroup");
    if (leads_upwards(path))
        return error_set(error, -EINVAL, "the cgroup '%.200s' leads out of its hierarchy", path);
    root = open_root(point, error);
    if (root < 0)
        return root;
    fd = open_directory(root, below(path, point));
    return fd < 0 ? error_system(error, fd, "cannot open the cgroup '%.200s' below %.100s", path, point) : fd;
}

/* Where the container was found: its cgroup in one hierarchy. */
struct place {
    unsigned hierarchy; /* 0: the unified one */
    char *path;
};

struct search {
    const char *wanted;
    bool is_beginning; /* digits, and enough of them: perhaps of a longer id */
    char *id;
    struct place *places;
    size_t place_count;
    pid_t *pids;
    size_t pid_count;
};

static void search_finish(struct search *search)
{
    for (size_t i = 0; i < search->place_count; i++)
        free(search->places[i].path);
    free(search->places);
    free(search->pids);
    free(search->id);
}

#define cleanup_search __attribute__((cleanup(search_finish)))

static size_t count_digits(const char *text)
{
    return strspn(text, "0123456789abcdef");
}

/* A component of a path. */
struct name {
    const char *start;
    size_t length;
};

static bool name_equals(struct name name, const char *text)
{
    return name.length == strlen(text) && !memcmp(name.start, text, name.length);
}

static bool is_wanted(const struct search *search, struct name id)
{
    if (name_equals(id, search->wanted))
        return true;
    return search->is_beginning && id.length > strlen(search->wanted) && count_digits(id.start) >= id.length &&
           !memcmp(id.start, search->wanted, strlen(search->wanted));
}

/* The container whose own cgroup the path up to this component is; what no runtime writes is its own id. */
static struct name id_of(const char *path, struct name name)
{
    struct container_identity identity;

    if (!container_identify_own(path, (size_t)(name.start + name.length - path), &identity))
        return name;
    return (struct name){identity.id, identity.id_size};
}

/* The outermost component of the path that is the container: its id, and the length of the path up to it. */
static bool find_component(const struct search *search, const char *path, struct name *ret_id, size_t *ret_length)
{
    for (const char *at = path; *at == '/'; at += strcspn(at, "/")) {
        struct name name = {++at, strcspn(at, "/")};
        struct name id = name_equals(name, search->wanted) ? name : id_of(path, name);

        if (!is_wanted(search, id))
            continue;
        *ret_id = id;
        *ret_length = (size_t)(name.start + name.length - path);
        return true;
    }
    return false;
}

static int note_id(struct search *search, struct name id, struct sysfold_error *error)
{
    if (search->id && name_equals(id, search->id))
        return 0;
    if (search->id)
        return error_set(error, -ENOTUNIQ, "more than one container's id begins with '%.80s': %.80s, %.*s",
                         search->wanted, search->id, (int)id.length, id.start);
    search->id = strndup(id.start, id.length);
    return search->id ? 0 : error_system(error, -ENOMEM, "cannot look for containers");
}

static int note_place(struct search *search, unsigned hierarchy, struct name path, struct sysfold_error *error)
{
    struct place *grown;
    char *copy;

    for (size_t i = 0; i < search->place_count; i++) {
        if (search->places[i].hierarchy != hierarchy)
            continue;
        if (name_equals(path, search->places[i].path))
            return 0;
        return error_set(error, -ENOTUNIQ, "more than one cgroup is called '%.80s': %.150s, %.*s", search->wanted,
                         search->places[i].path, (int)path.length, path.start);
    }
    grown = reallocarray(search->places, search->place_count + 1, sizeof(*grown));
    if (grown)
        search->places = grown;
    copy = grown ? strndup(path.start, path.length) : NULL;
    if (!copy)
        return error_system(error, -ENOMEM, "cannot look for containers");
    search->places[search->place_count++] = (struct place){hierarchy, copy};
    return 0;
}

/* One line of /proc/PID/cgroup: "4:memory:/docker/0123…". 1: it is in the container. */
static int search_line(struct search *search, char *line, struct sysfold_error *error)
{
    unsigned hierarchy = (unsigned)strtoul(line, NULL, 10);
    const char *controllers = strchr(line, ':');
    const char *path = controllers ? strchr(controllers + 1, ':') : NULL;
    struct name id;
    size_t length;
    int r;

    if (!path || !find_component(search, path + 1, &id, &length))
        return 0;
    r = note_id(search, id, error);
    if (r == 0)
        r = note_place(search, hierarchy, (struct name){path + 1, length}, error);
    return r < 0 ? r : 1;
}

static int note_process(struct search *search, pid_t pid, struct sysfold_error *error)
{
    pid_t *grown;

    if (pid == getpid())
        return 0;
    grown = reallocarray(search->pids, search->pid_count + 1, sizeof(*grown));
    if (!grown)
        return error_system(error, -ENOMEM, "cannot look for containers");
    search->pids = grown;
    search->pids[search->pid_count++] = pid;
    return 0;
}

/* A process that has ended meanwhile is nowhere. */
static int search_process(struct search *search, pid_t pid, struct sysfold_error *error)
{
    char path[64];
    cleanup_fclose FILE *file = NULL;
    cleanup_free char *line = NULL;
    size_t room = 0;
    bool found = false;

    (void)snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
    file = fopen(path, "re");
    while (file && getline(&line, &room, file) > 0) {
        int r;

        line[strcspn(line, "\n")] = '\0';
        r = search_line(search, line, error);
        if (r < 0)
            return r;
        found |= r;
    }
    return found ? note_process(search, pid, error) : 0;
}

static int search_processes(struct search *search, struct sysfold_error *error)
{
    DIR *proc = opendir("/proc");
    int r = proc ? 0 : error_system(error, -errno, "cannot look for containers in /proc");

    for (const struct dirent *entry; r == 0 && (entry = readdir(proc));) {
        if (isdigit((unsigned char)entry->d_name[0]))
            r = search_process(search, (pid_t)strtol(entry->d_name, NULL, 10), error);
    }
    if (proc)
        closedir(proc);
    return r;
}

/* Its path in the unified hierarchy, NULL where it has none of its own. */
static const char *unified_path(const struct search *search)
{
    for (size_t i = 0; i < search->place_count; i++) {
        if (search->places[i].hierarchy == 0)
            return search->places[i].path;
    }
    return NULL;
}

static int refuse(const char *id, struct sysfold_error *error)
{
    size_t digits = count_digits(id);

    if (id[digits] || digits >= CONTAINER_DIGITS_MIN)
        return error_set(error, -ENOENT, "no container '%.200s' is running", id);
    return error_set(error, -ENOENT, "no container is called '%.200s', and of an id at least %d digits are needed", id,
                     CONTAINER_DIGITS_MIN);
}

int container_find(const char *id, struct container *ret_container, struct sysfold_error *error)
{
    cleanup_search struct search search = {.wanted = id};
    const char *path;
    int cgroup = -1, r;

    if (!*id || strchr(id, '/'))
        return error_set(error, -EINVAL, "'%.200s' is no container's id", id);
    search.is_beginning = !id[count_digits(id)] && count_digits(id) >= CONTAINER_DIGITS_MIN;
    r = search_processes(&search, error);
    if (r < 0)
        return r;
    if (!search.id)
        return refuse(id, error);
    path = unified_path(&search);
    if (path) {
        cgroup = cgroup_open(path, error);
        if (cgroup < 0)
            return error_prefix(error, cgroup, "container '%.80s'", id);
    }
    *ret_container = (struct container){
        .id = steal_pointer(&search.id),
        .cgroup = cgroup,
        .pid_count = search.pid_count,
        .pids = steal_pointer(&search.pids),
    };
    return 0;
}

void container_finish(struct container *container)
{
    cleanup_close_fd(&container->cgroup);
    free(container->pids);
    free(container->id);
    *container = (struct container){.cgroup = -1};
}
