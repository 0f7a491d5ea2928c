# SPDX-License-Identifier: Apache-2.0
# Completion of sysfold's command line in bash.

_sysfold() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} options
    local capture='--backend --pid --follow --no-follow --snaplen --string-max --timed --no-filter --no-pin --buffer --system-wide --cgroup --container --sample --socket --socket-mode --socket-owner --rootfs --bind --runsc --runsc-root --results --output'

    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W 'trace record read stats ps compare schema backends gvisor oci help --help --version' -- "$current")
        return
    fi
    case $command in
    trace) options="$capture --json --all --color --help" ;;
    record) options="$capture --compress --quiet --help" ;;
    read) options='--json --all --follow --color --help' ;;
    stats)
        options='--json --live --interval --program-stats --output --help'
        [[ " ${COMP_WORDS[*]} " == *' --live '* ]] && options+=" $capture"
        ;;
    ps) options='--json --help' ;;
    compare) options='--backends --truth --strace --timeout --snaplen --ignore --output --all --limit --color --json --junit --story --quiet --help' ;;
    backends) options='--verbose --json --help' ;;
    gvisor)
        options='--socket --must-connect --all --write --runsc --runsc-root --help'
        [[ $COMP_CWORD == 2 && $current != -* ]] && options='config attach'
        ;;
    oci)
        options='--socket --base --bundle --metadata --runtime --wait-killable --output --help'
        [[ $COMP_CWORD == 2 && $current != -* ]] && options='profile apply'
        ;;
    schema) options='--markdown --json --man --help' ;;
    help) options='trace record read stats ps compare schema backends gvisor oci' ;;
    *) return ;;
    esac
    case $previous in
    -b | --backend | --backends) options=$(sysfold backends --json 2> /dev/null | sed -n 's/^ *"name": "\(.*\)".*/\1/p')
        [[ $command == compare ]] && options+=' strace' || options+=' auto'
        ;;
    --color) options='auto always never' ;;
    --results) options='auto emulate perf none' ;;
    -p | --pid) options=$(cd /proc && printf '%s ' [0-9]*) ;;
    -e) options='file process network memory signal ipc desc' ;;
    -o | -w | --output | --write | --truth | --strace | --socket | --rootfs | --bind | --runsc | --runsc-root | --base | --bundle)
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    *)
        if [[ $current != -* && $command =~ ^(trace|record)$ ]]; then
            mapfile -t COMPREPLY < <(compgen -c -- "$current")
            return
        elif [[ $current != -* && $command == compare && " ${COMP_WORDS[*]:2:COMP_CWORD-2} " == *' -- '* ]]; then
            mapfile -t COMPREPLY < <(compgen -c -- "$current")
            return
        elif [[ $current != -* && $command =~ ^(read|stats|ps|compare)$ ]]; then
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
            return
        fi
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
}

complete -o filenames -F _sysfold sysfold
