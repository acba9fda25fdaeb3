# For sh, bash and zsh: whether the lab still stands in which this shell was opened, and the way into it when it was
# taken away and stood up again. LAB_WORLD is the file by which a rehearsal tells that it runs; on AWS there is none.

# Sets lab_state: standing; gone; or other, when another lab stands than the one that this shell's files lead to.
lab_look() {
    lab_state=standing lab_now='' lab_was=''
    [ -n "${LAB_WORLD:-}" ] || return 0
    [ ! -r "$LAB_WORLD" ] || IFS= read -r lab_now <"$LAB_WORLD" || :
    [ ! -r "$LAB_SHELL/world.json" ] || IFS= read -r lab_was <"$LAB_SHELL/world.json" || :
    lab_pid=${lab_now#*'"pid": '}
    lab_pid=${lab_pid%%,*}
    case $lab_pid in
    '' | *[!0-9]*) lab_state=gone ;;
    *)
        if ! kill -0 "$lab_pid" 2>/dev/null; then
            lab_state=gone
        elif [ "$lab_now" != "$lab_was" ]; then
            lab_state=other
        fi
        ;;
    esac
}

# Takes another lab's addresses and keys over; fails unless this shell belongs to the one that stands. Credentials of
# `lab as` are not made again: who they were for is gone.
lab_follow() {
    lab_look
    if [ "$lab_state" = other ] && [ -z "${LAB_AS:-}" ]; then
        "$LAB_SHELL/bin/lab" refresh-shell || return
        lab_state=standing
    fi
    [ "$lab_state" = standing ] || return 3
    [ -n "${LAB_WORLD:-}" ] || return 0
    case $lab_now in
    *"\"${MYEKS_REHEARSAL_WORLD:-none}\""*) ;;
    *) . "$LAB_SHELL/settings.sh" ;;
    esac
}
