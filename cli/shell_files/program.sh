# Begins every program of the lab's on a shell's PATH; the program itself follows, by exec.
[ -n "${LAB_WORLD:-}" ] || . "$LAB_SHELL/settings.sh"
. "$LAB_SHELL/follow.sh"
lab_follow || {
    lab_code=$?
    case $lab_state in
    gone) echo "${0##*/}: The lab is gone. Stand it up with lab up, or leave this shell with exit." >&2 ;;
    other) [ -z "${LAB_AS:-}" ] || echo "${0##*/}: The lab in which this shell was $LAB_AS is gone. Leave it with exit." >&2 ;;
    esac
    exit "$lab_code"
}
