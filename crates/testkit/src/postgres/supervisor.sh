# Owns one private PostgreSQL server for as long as its standard input is open.
#
# usage: sh -c "$script" supervisor FOLDER BIN OWNER     (OWNER empty: run it as ourselves)
#
# Reads one command a line, with its argument, and answers each with one line, "ok" or "failed". When the input ends,
# which it does however the test's process ended, it stops this one server and removes the folder.

trap '' HUP INT TERM PIPE

folder=$1 bin=$2 owner=$3
data=$folder/data

as_owner() {
    if [ -n "$owner" ]; then runuser -u "$owner" -- "$@"; else "$@"; fi
}

# The live postmaster of this very folder: a process id that another program got since is no answer.
is_ours() {
    [ -n "$1" ] && [ "$(readlink "/proc/$1/cwd")" = "$data" ]
}

postmaster() {
    candidate=$(head -n 1 "$data/postmaster.pid" 2>/dev/null)
    is_ours "$candidate" && echo "$candidate"
}

children() {
    cat "/proc/$1/task/$1/children" 2>/dev/null
}

wait_until_gone() {
    for process in "$@"; do
        while is_ours "$process"; do sleep 0.02; done
    done
}

initialise() {
    as_owner "$bin/initdb" -D "$data" --wal-segsize="$1" -A trust -U postgres --no-locale -E UTF8 --no-sync
}

start() {
    as_owner "$bin/pg_ctl" -D "$data" -l "$folder/server.log" -w -t 60 start
}

stop() {
    resume
    as_owner "$bin/pg_ctl" -D "$data" -w -t 60 -m "$1" stop
}

# A postmaster that was killed leaves its System V segment behind; line 7 of its file names it.
release_segment() {
    segment=$(sed -n 7p "$data/postmaster.pid" 2>/dev/null | awk '{ print $2 }')
    [ -z "$segment" ] || ipcrm -m "$segment"
}

crash() {
    main=$(postmaster) || return 1
    kill -STOP "$main"
    family="$main $(children "$main")"
    # shellcheck disable=SC2086
    kill -KILL $family
    # shellcheck disable=SC2086
    wait_until_gone $family
    # Where nobody reaps orphans the dead postmaster keeps its id, and the next one would think it alive.
    release_segment
    rm -f "$data/postmaster.pid"
}

# The postmaster is stopped first and woken last, so that no child appears in between.
pause() {
    main=$(postmaster) || return 1
    kill -STOP "$main"
    for child in $(children "$main"); do kill -STOP "$child"; done
}

resume() {
    main=$(postmaster) || return 1
    for child in $(children "$main"); do kill -CONT "$child"; done
    kill -CONT "$main"
}

# No file may grow beyond so many bytes. The postmaster comes first, as new children inherit it. The server's own user may do
# this to its processes, and root not everywhere.
bound() {
    main=$(postmaster) || return 1
    for process in $main $(children "$main"); do
        as_owner prlimit --pid "$process" --fsize="$1:" || ! is_ours "$process" || return 1
    done
}

clean_up() {
    if postmaster >/dev/null; then stop immediate; else release_segment; fi
    rm -rf "$folder"
}

answer() {
    if "$@" >&2; then echo ok; else echo failed; fi
}

while read -r command argument; do
    case $command in
        initialise) answer initialise "$argument" ;;
        start) answer start ;;
        stop) answer stop fast ;;
        crash) answer crash ;;
        pause) answer pause ;;
        resume) answer resume ;;
        bound) answer bound "$argument" ;;
        *) answer false ;;
    esac
done
clean_up
