# SPDX-License-Identifier: Apache-2.0
"""What behaviour.py has run: bash scripts by name, which say the same each time. What they need of the machine, and who
they are for, is beside them."""

import collections

Script = collections.namedtuple("Script", "text needs users", defaults=((), ("root", "nobody")))

SCRIPTS = {
    "files": Script("""
mkdir -p one/two/three && echo hello > one/file && echo more >> one/file && touch -d '2020-02-02 02:02:02Z' one/old
chmod 640 one/file; chmod u+s,g+s one/old; chmod 1777 one/two; ln one/file one/hard; ln -s file one/soft
ln -s nowhere one/dangling; cp -a one copy; cp -rL one/soft followed; mv copy/two moved; mv -T moved copy/again
install -m 751 one/file installed; install -d -m 2755 directory; rm one/hard; rmdir one/two/three
echo through > one/soft; cat one/dangling; echo created > one/dangling; cat one/nowhere
dd if=/dev/zero of=zeros bs=1000 count=7 status=none; dd if=one/file of=zeros conv=notrunc seek=3 bs=10 status=none
truncate -s 12345 sparse; split -b 3000 sparse part-; cat part-* | cmp - sparse
printf 'c\\nb\\na\\n' > sorted; sort -o sorted sorted; tee -a sorted teed < one/file | tr a-z A-Z; comm -12 sorted teed
find . -type f -exec md5sum {} + | sort; find . -name 'part-*' -print0 | sort -z | xargs -0 -n 1 -P 4 rm -v | sort
ls -la --time-style=+%Y one | awk '{print $1, $2, $3, $4, $NF}'; readlink -f one/soft; stat -c '%A %U %G %s %h' one/*
cat nothing; ls missing; rm missing; mkdir one; cat one; cp one/file /proc/none; echo > /; cd one/file; cat one/file/x
cat ''; cat "$(printf 'x%.0s' {1..300})"; cat "$(printf '/x%.0s' {1..3000})"; exec 9< one/file; rm one/file; cat <&9
"""),
    "umasks": Script("""
for mask in 000 002 022 027 077 777 0444; do
  (umask $mask; echo x > file-$mask; mkdir dir-$mask; mktemp -p . named-XXXXXX > /dev/null; mv named-* temp-$mask
   python3 -c "import os; os.close(os.open('special-$mask', os.O_CREAT | os.O_RDWR, 0o7777))")
done
mkdir -m 2775 group; (umask 002; echo x > group/file; mkdir group/dir); echo again >> file-777; echo $?
touch -a -d '2001-01-01Z' file-022; (set -C; echo y > file-022; echo y > clobber)
python3 - <<'END'
import os, threading
def create(name):
    os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
before = os.umask(0o13)
thread = threading.Thread(target=create, args=("by-thread",)); thread.start(); thread.join()
os.umask(before); create("by-main")
END
""", ("python3",)),
    "descriptors": Script("""
cat /dev/stdin <<< 'a here string'; cat /dev/fd/3 3<<END
a here document
END
cat /proc/self/fd/0 <<< again; cat <(echo one) <(echo two); echo tee | tee >(cat > by-substitution) > /dev/null
while [ ! -s by-substitution ]; do sleep 0.01; done; echo out > /dev/stdout; echo error > /dev/stderr
cat /proc/self/comm; readlink /proc/self/exe /proc/self/cwd /proc/self/root; tr '\\0' ' ' < /proc/self/cmdline; echo
exec 5> five; echo through > /dev/fd/5; echo by-proc >> /proc/$$/fd/5; cat /proc/$$/comm; cat /proc/thread-self/comm
exec 5>&-; echo nothing > /dev/fd/5; cat /proc/self/fd/99; cat /dev/tty; head -c 10 /dev/zero | od -c
echo x > /dev/full; echo x > /dev/null; head -c 16 /dev/urandom | wc -c; ls -l /proc/self/ns/pid > /dev/null; echo $?
grep -c . /proc/self/maps > /dev/null && grep -E '^(Name|Umask|Groups|Uid|Gid)' /proc/self/status
cat /proc/self/../self/comm; cd /proc/self; cat comm; exec 7< /etc/passwd; head -c 4 <&7; head -c 4 <&7; echo
"""),
    "fifos": Script("""
mkfifo -m 600 fifo; for i in 1 2 3 4 5; do (echo "line $i" > fifo) & cat fifo; wait; done
(sleep 0.1; echo late > fifo) & read -r line < fifo; echo "$line"; wait
timeout 0.2 cat fifo; echo $?; timeout 0.2 sh -c 'echo x > fifo'; echo $?
python3 - <<'END'
import errno, os, signal, time
def interrupted(*ignored):
    raise InterruptedError
signal.signal(signal.SIGALRM, interrupted)
for flags in os.O_RDONLY, os.O_WRONLY:
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        os.open("fifo", flags)
    except InterruptedError:
        print("interrupted")
try:
    os.open("fifo", os.O_WRONLY | os.O_NONBLOCK)
except OSError as error:
    print(errno.errorcode[error.errno])
reader = os.open("fifo", os.O_RDONLY | os.O_NONBLOCK)
writer = os.open("fifo", os.O_WRONLY)
os.write(writer, b"both"); print(os.read(reader, 10))
END
""", ("python3",)),
    "jobs": Script("""
exec 2> /dev/null
trap 'echo usr1' USR1; (trap 'echo exit' EXIT; exit 4); kill -USR1 $$; sleep 100 & kill $!; wait $! 2> /dev/null; echo $?
(trap 'exit 7' TERM; : > set; while :; do sleep 0.02; done) & until [ -e set ]; do sleep 0.01; done
kill $!; wait $!; echo $?
sh -c 'kill -9 $$' 2> /dev/null; echo $?; sh -c 'kill -SEGV $$' 2> /dev/null; echo $?; sh -c 'exit 200'; echo $?
set -m; sleep 100 & kill -STOP %1
until grep -q 'State.*stopped' /proc/$!/status; do sleep 0.01; done; jobs -s | awk '{print $2, $3}'; kill -CONT %1; kill %1; wait 2> /dev/null
true | false | true; echo "${PIPESTATUS[@]}"; yes | head -n 3; coproc cat; echo to >&"${COPROC[1]}"
read -r line <&"${COPROC[0]}"; echo "$line"; timeout -s KILL 0.1 sleep 10; echo $?; nice -n 5 nice; (exec false); echo $?
/nonexistent; echo $?; /etc/passwd; echo $?; env -i /usr/bin/env A=b; exec -a name sh -c 'echo $0; exit 9'
"""),
    "no descriptors left": Script("""
ulimit -c 0; for n in 3 4 5 6 8 12 20; do
  (ulimit -n $n; /bin/cat /etc/hostname > /dev/null; echo "$n: $?"; echo x > file-$n; echo $?) 2>&1 | sed 's/.*: line [0-9]*: //'
done
python3 - <<'END'
import errno, os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))
def attempt(*arguments):
    try:
        return os.open(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
print([attempt("/etc/passwd", os.O_RDONLY) for _ in range(25)])
print(attempt("created", os.O_CREAT | os.O_WRONLY), os.path.exists("created"), attempt("missing", os.O_RDONLY))
open_before = os.dup2(0, 19)
os.closerange(10, 19)
print([attempt("/etc/passwd", os.O_RDONLY) for _ in range(12)])
resource.setrlimit(resource.RLIMIT_NOFILE, (0, 20)); print(attempt("/etc/passwd", os.O_RDONLY), attempt("/", os.O_RDONLY))
END
""", ("python3",)),
    "flags": Script("""
python3 - <<'END'
import errno, fcntl, itertools, os
NAMES = ["O_APPEND", "O_CLOEXEC", "O_CREAT", "O_DIRECT", "O_DIRECTORY", "O_EXCL", "O_NOFOLLOW", "O_NONBLOCK", "O_PATH",
         "O_SYNC", "O_TMPFILE", "O_TRUNC"]
os.mkdir("dir"); os.symlink("file", "link"); os.symlink("none", "dangling"); os.mkfifo("fifo")
for access, some in itertools.product((os.O_RDONLY, os.O_WRONLY, os.O_RDWR), itertools.combinations(NAMES, 2)):
    for name in "file", "dir", "link", "dangling", "missing":
        with open("file", "w") as file:
            file.write("content")
        flags = access
        for each in some:
            flags |= getattr(os, each)
        try:
            fd = os.open(name, flags, 0o640)
            print(access, some, name, fd, fcntl.fcntl(fd, fcntl.F_GETFL), fcntl.fcntl(fd, fcntl.F_GETFD), os.fstat(fd).st_size)
            os.close(fd)
        except OSError as error:
            print(access, some, name, errno.errorcode[error.errno])
        for made in "none", "missing":
            if os.path.lexists(made):
                print(oct(os.lstat(made).st_mode)); os.unlink(made)
END
""", ("python3",)),
    "git": Script("""
export HOME=$PWD GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z' GIT_CONFIG_NOSYSTEM=1
git config --global user.name n; git config --global user.email e@example.org; git config --global init.defaultBranch main
git config --global protocol.file.allow always; git config --global gc.auto 0
git init -q work; cd work; for i in {1..20}; do echo $i > f$i; done; git add .; git commit -qm first; git checkout -qb other
echo other >> f1; git commit -qam other; git checkout -q main; echo main >> f2; git mv f3 moved; git commit -qam main
git merge -qm merged other; git log --format='%H %s'; echo clash > f1; git commit -qam one; git checkout -q other
echo else > f1; git commit -qam two; git merge main; echo $?; git merge --abort; git gc -q; git fsck; git status -s
cd ..; git clone -q work clone; git -C clone log --format=%H -1 other --; git clone -q --bare "file://$PWD/work" bare
git -C bare rev-parse main; rm -rf work/.git/index clone/.git/index; find . -path '*/pack/*' -name '*.idx' | sort
""", ("git",)),
    "sqlite": Script("""
for mode in delete truncate persist memory wal off; do
  sqlite3 $mode.db "pragma journal_mode=$mode; create table t(a integer primary key, b); insert into t(b) values('x');" \\
    "begin; insert into t(b) select b from t; rollback;" "select count(*) from t; pragma integrity_check;"
done
sqlite3 many.db 'create table t(a)'
for i in 1 2 3 4; do
  (for j in {1..5}; do sqlite3 -cmd '.timeout 200000' many.db "insert into t values($i)"; done) &
done
wait; sqlite3 many.db 'select a, count(*) from t group by a; pragma integrity_check'; sqlite3 /nonexistent/x.db 'select 1'
for mode in delete wal; do sqlite3 $mode.db .dump; done; stat -c '%n %A %U %s' *.db; rm *.db*
""", ("sqlite3",)),
    "tar": Script("""
mkdir -p t/sub; echo one > t/one; echo two > t/sub/two; ln t/one t/hard; ln -s one t/soft; mkfifo t/fifo
chmod 4755 t/one; chmod 700 t/sub; touch -d '2019-09-09Z' t/one t/sub/two t/sub; [ "$(id -u)" = 0 ] && chown 12:34 t/sub/two
tar --xattrs -cpf a.tar t; tar -tvf a.tar | awk '{print $1, $2, $6, $7, $8}' | grep -v sub/$
mkdir x y; tar --xattrs -xpf a.tar -C x; tar -xzf <(gzip -c a.tar) -C y --no-same-owner; tar -df a.tar -C x; echo $?
tar -cf - t | tar -xf - -C y --overwrite; tar -xf missing.tar; tar -cf b.tar t missing; rm -f *.tar
(cd t; find . ! -type p | sort | cpio -o --quiet 2> /dev/null | (mkdir ../z; cd ../z; cpio -idm --quiet 2>&1)); ls -R z
""", ("tar",)),
    "attributes": Script("""
python3 - <<'END'
import os
open("file", "w").close()
os.setxattr("file", "user.colour", b"blue"); os.setxattr("file", "user.shape", b"round" * 50)
print(sorted(os.listxattr("file")), os.getxattr("file", "user.shape"))
os.system("cp -a file copy; tar --xattrs -cf a.tar file; mkdir x; tar --xattrs -xf a.tar -C x; rm a.tar")
for name in "copy", "x/file":
    print(os.getxattr(name, "user.colour"))
os.removexattr("file", "user.colour")
try:
    os.getxattr("file", "user.colour")
except OSError as error:
    print(error)
os.chmod("file", 0o400); os.utime("file", (1e9, 1e9)); os.chown("file", -1, os.getgid())
try:
    open("file", "w"); print("written")
except OSError as error:
    print(error)
END
""", ("python3", "xattrs")),
    "compiler": Script("""
cat > a.c <<'END'
#include <stdio.h>
int other(int);
int main(void) { printf("%d\\n", other(3)); return other(1); }
END
echo 'int other(int n) { return n * 7; }' > b.c; echo 'syntax error' > bad.c
printf 'p: a.o b.o\\n\\tgcc -o p a.o b.o\\n%%.o: %%.c\\n\\tgcc -O1 -c -o $@ $<\\nbad: bad.o\\n' > Makefile
make -s -j2 p; ./p; echo $?; make -s bad 2> /dev/null; echo $?; gcc -S -O2 -o - b.c | grep -c imul > /dev/null
gcc -shared -fPIC -o libb.so b.c; gcc -o q a.c -L. -lb -Wl,-rpath,"$PWD"; ./q; echo $?; ar rcD lib.a a.o b.o; make -q p; echo $?
""", ("gcc", "make")),
    "perl": Script("""
perl -e 'open(my $f, ">", "p") or die; print $f "x" x 10000; close $f; print -s "p", "\\n"; my $p = fork // die;
  if (!$p) { exit 5 } waitpid $p, 0; print $? >> 8, "\\n"; print `echo backticks`; $SIG{ALRM} = sub { print "alarm\\n" };
  alarm 1; select undef, undef, undef, 5; opendir(my $d, ".") or die; print join(" ", sort readdir $d), "\\n";
  local @ARGV = ("p"); $^I = ".bak"; while (<>) { s/x/y/; print }'
perl -MFile::Temp=tempfile -MSocket -e 'my ($h, $n) = tempfile(UNLINK => 1, DIR => "."); print $h "x"; close $h;
  printf "%o %d\\n", (stat $n)[2], (stat $n)[7]; socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, 0) or die;
  syswrite $a, "hi"; sysread $b, my $in, 10; print "$in\\n"; die "at last\\n"'
echo $?
""", ("perl",)),
    "sockets": Script("""
python3 - <<'END'
import errno, os, select, signal, socket, threading
server = socket.create_server(("127.0.0.1", 0)); port = server.getsockname()[1]
def serve():
    for _ in range(3):
        connection, address = server.accept(); connection.sendall(b"from " + address[0].encode()); connection.close()
thread = threading.Thread(target=serve); thread.start()
print(socket.create_connection(("127.0.0.1", port)).makefile().read())
print(socket.create_connection(("127.0.0.1", port), timeout=30).makefile().read())
client = socket.socket(); client.setblocking(False); code = client.connect_ex(("127.0.0.1", port))
print(code in (0, errno.EINPROGRESS)); select.select([], [client], [], 30); print(client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
client.setblocking(True); print(client.recv(100)); thread.join(); server.close()
taken = socket.socket(); taken.bind(("127.0.0.1", 0)); port = taken.getsockname()[1]  # nobody else can listen there
for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
    lost = socket.socket(type=kind); print(errno.errorcode.get(lost.connect_ex(("127.0.0.1", port)), 0))
lost = socket.socket(); lost.setblocking(False); code = lost.connect_ex(("127.0.0.1", port))
if code == errno.EINPROGRESS:
    select.select([], [lost], [], 30); code = lost.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
print(errno.errorcode[code])
unix = socket.socket(socket.AF_UNIX); unix.bind("sock"); unix.listen()
peer = socket.socket(socket.AF_UNIX); peer.connect("sock"); accepted, _ = unix.accept()
credentials = accepted.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
print(int.from_bytes(credentials[:4], "little") == os.getpid(), errno.errorcode[peer.connect_ex("sock")])
print(errno.errorcode[socket.socket(socket.AF_UNIX).connect_ex("missing")])
a, b = socket.socketpair(); socket.send_fds(a, [b"x"], [os.open("/etc/hostname", os.O_RDONLY)])
_, fds, _, _ = socket.recv_fds(b, 1, 1); print(os.read(fds[0], 100) == open("/etc/hostname", "rb").read())
full = socket.socket(socket.AF_UNIX); full.bind("full"); full.listen(0)
waiting = [socket.socket(socket.AF_UNIX) for _ in range(2)]; waiting[0].connect("full")
signal.signal(signal.SIGALRM, lambda *_: 1 / 0)
try:
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    waiting[1].connect("full"); print("connected")
except ZeroDivisionError:
    print("interrupted")
END
""", ("python3",)),
    "redis": Script("""
redis-server --port 0 --unixsocket "$PWD/s" --save '' --appendonly yes --daemonize yes --dir "$PWD" --logfile log \\
  --pidfile "$PWD/pid" > /dev/null 2>&1
for i in {1..2000}; do redis-cli -s s ping 2> /dev/null && break; sleep 0.05; done
redis-cli -s s set key value; for i in {1..50}; do echo "incr n"; done | redis-cli -s s | tail -n 1
redis-cli -s s config set appendonly no; redis-cli -s s get key; server=$(cat pid); redis-cli -s s shutdown nosave
while [ -S s ] || [[ $(readlink /proc/$server/exe) == *redis* ]]; do sleep 0.02; done  # its last words go into the log
rm -rf log pid appendonlydir appendonly.aof
""", ("redis-server", "redis-cli")),
    "daemon": Script("""
python3 - <<'END'
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    os.chdir("/"); os.closerange(0, 100); time.sleep(0.2)
    directory = os.environ["PWD"]
    with open(directory + "/file", "w") as file:
        file.write("by the daemon")
    os.rename(directory + "/file", directory + "/done")
    os._exit(3)
print(os.waitstatus_to_exitcode(os.wait()[1]))
END
while [ ! -e done ]; do sleep 0.02; done; cat done
""", ("python3",)),
    "namespaces": Script("""
unshare -r -m sh -c 'id -u; mkdir m; mount -t tmpfs none m && echo inside > m/file && cat m/file; mount --bind /etc m && ls m/passwd'
ls m; unshare -r -u sh -c 'hostname other && hostname'; unshare -r -n sh -c 'cat /proc/net/dev | wc -l'
unshare -r -p -f sh -c 'echo $$; sh -c "exit 4"; echo $?'; unshare -r -p -f -m --mount-proc sh -c 'cat /proc/self/comm; ls -d /proc/1'
""", ("userns",)),
    "chroot": Script("""
mkdir -p root/dir; echo within > root/file; echo deep > root/dir/file; ln -s /file root/absolute; ln -s ../../../file root/dir/up
python3 - <<'END'
import os
def look():
    for name in "/file", "/absolute", "/dir/up", "/etc/passwd", "/../file", "dir/file":
        try:
            print(name, open(name).read().strip())
        except OSError as error:
            print(name, error.strerror)
    with open("/made", "w") as file:
        file.write("made")
if os.fork() == 0:
    os.chroot("root"); os.chdir("/"); look(); os._exit(0)
os.wait()
out = os.open("/", os.O_RDONLY)
os.chroot("root"); os.fchdir(out); print(os.path.exists("etc/passwd"), open("etc/passwd").readline()[:4])
END
""", ("python3",), ("root",)),
    "identities": Script("""
python3 - <<'END'
import os
for name in "mine", "theirs":
    with open(name, "w") as file:
        file.write(name)
    os.chmod(name, 0o600)
os.chown("theirs", 1234, 1234); os.chmod(".", 0o777); os.mkdir("sticky"); os.chmod("sticky", 0o1777)
def attempt(name, how="r"):
    try:
        with open(name, how) as file:
            print(name, how, file.read() if how == "r" else file.write("x"))
    except OSError as error:
        print(name, how, error.strerror)
for pid in range(4):
    if os.fork() == 0:
        if pid == 0:
            os.setresgid(1234, 1234, 1234); os.setgroups([]); os.setresuid(1234, 1234, 1234)
        elif pid == 1:
            os.seteuid(1234)
        elif pid == 2:
            os.setegid(1234); os.setreuid(-1, 1234); os.seteuid(0)
        attempt("mine"); attempt("theirs"); attempt("/etc/shadow" if pid < 2 else "mine"); attempt(f"new-{pid}", "w")
        attempt(f"sticky/{pid}", "w"); attempt("sticky/0", "a"); os._exit(0)
    os.wait()
END
setpriv --reuid 1234 --clear-groups --regid 1234 sh -c 'id; cat mine; echo y > by-1234'; su -s /bin/sh nobody -c 'id -u; cat mine'
setpriv --bounding-set -all --inh-caps -all sh -c 'cat theirs; echo z > /proc/sys/kernel/hostname; grep CapEff /proc/self/status'
""", ("python3", "setpriv"), ("root",)),
    "own filters": Script("""
python3 - <<'END'
import ctypes, errno, os, struct
libc = ctypes.CDLL(None, use_errno=True)
def refuse(nr, code):  # ld nr; jeq nr: errno, else allow
    code = struct.pack("=HBBI" * 4, 0x20, 0, 0, 0, 0x15, 0, 1, nr, 6, 0, 0, 0x50000 | code, 6, 0, 0, 0x7fff0000)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = ctypes.create_string_buffer(struct.pack("@HP", 4, ctypes.addressof(buffer)))
    libc.prctl(38, 1, 0, 0, 0); return libc.prctl(22, 2, program)
print(refuse(87, errno.EXDEV))
open("file", "w").close()
try:
    os.unlink("file"); print("unlinked")
except OSError as error:
    print(error.strerror)
print(refuse(257, errno.EOWNERDEAD))
print(libc.open(b"/etc/passwd", 0), errno.errorcode[ctypes.get_errno()])
os._exit(6)
END
""", ("python3",)),
    "threads": Script("""
python3 - <<'END'
import os, subprocess, tempfile, threading
def work(number):
    for i in range(20):
        with tempfile.NamedTemporaryFile(dir=".", prefix=f"t{number}-") as file:
            file.write(b"x" * number); file.flush()
            assert os.stat(file.name).st_size == number
        with open(f"thread-{number}", "a") as file:
            file.write(f"{i}\\n")
    assert subprocess.run(["sh", "-c", f"exit {number}"]).returncode == number
threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(os.listdir(".")), subprocess.run("cat thread-* | md5sum", shell=True, capture_output=True).stdout)
if os.fork() == 0:
    threading.Thread(target=lambda: os.execv("/bin/echo", ["echo", "by a thread"])).start()
    threading.Event().wait()
print(os.waitstatus_to_exitcode(os.wait()[1]))
END
""", ("python3",)),
}

# Of Python's own tests those that ask the kernel, and do not take long.
SUBPROCESS, SIGNALS = "test_subprocess.POSIXProcessTestCase.", "test_signal.PendingSignalsTests."
PYTHON_TESTS = ["test_posix", "test_tempfile", "test_fcntl", "test_select", "test_file", "test_thread", "test_os.FileTests",
                "test_os.StatAttributeTests", "test_os.MakedirTests", "test_os.ExecTests", "test_os.SpawnTests",
                "test_os.TestScandir", "test_shutil.TestCopy", "test_socket.BasicTCPTest", "test_socket.NonBlockingTCPTests",
                SUBPROCESS + "test_preexec", SUBPROCESS + "test_pass_fds", SUBPROCESS + "test_close_fds",
                SUBPROCESS + "test_run_abort", SUBPROCESS + "test_start_new_session", SUBPROCESS + "test_kill_dead",
                SUBPROCESS + "test_CalledProcessError_str_signal", SUBPROCESS + "test_exception_bad_executable",
                SIGNALS + "test_sigwait", SIGNALS + "test_sigtimedwait", SIGNALS + "test_pthread_kill"]
