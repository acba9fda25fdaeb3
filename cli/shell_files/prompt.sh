# For an interactive bash or zsh, after the user's own start-up files: the lab's settings once more, for those files may
# have set others, and a prompt that begins with the lab and who the shell is.
. "$LAB_SHELL/settings.sh"
. "$LAB_SHELL/follow.sh"

# Who the shell is, by name. Asked again only when its AWS credentials change, as `aws configure` changes them.
lab_who() {
    lab_name=$LAB_WHO
    [ -z "${LAB_AS:-}" ] || return 0
    lab_seen=${AWS_PROFILE:-}/${AWS_ACCESS_KEY_ID:-}/$(cat -- "${AWS_SHARED_CREDENTIALS_FILE:-/dev/null}" 2>/dev/null)
    if [ -z "${lab_known+set}" ]; then
        lab_known=$lab_seen lab_known_name=$lab_name
    elif [ "$lab_seen" != "$lab_known" ]; then
        lab_arn=$(command aws sts get-caller-identity --query Arn --output text 2>/dev/null) || lab_arn=nobody
        lab_known=$lab_seen lab_known_name=${lab_arn##*/}
        [ "$lab_arn" != "${LAB_ARN:-}" ] || lab_known_name=$LAB_WHO
    fi
    lab_name=$lab_known_name
}

lab_prompt() {
    lab_before=$?
    lab_look
    if [ "$lab_state" = standing ] || { [ "$lab_state" = other ] && [ "$lab_now" != "${lab_tried:-}" ]; }; then
        # A lab that is still being built has no outputs yet: the next command of its own tries again.
        lab_tried=$lab_now
        lab_id=${MYEKS_REHEARSAL_WORLD:-}
        lab_follow 2>/dev/null || :
        [ "$lab_id" = "${MYEKS_REHEARSAL_WORLD:-}" ] || unset lab_known
    fi
    PS1=${PS1#"${lab_shown:-}"}
    lab_name=gone
    [ "$lab_state" != standing ] || lab_who
    lab_shown="($LAB_NAME:$lab_name) "
    PS1=$lab_shown$PS1
    return "$lab_before"
}

if [ -n "${ZSH_VERSION:-}" ]; then
    [ "$PS1" != '%m%# ' ] || PS1='%~ $ '
    autoload -Uz add-zsh-hook
    add-zsh-hook precmd lab_prompt
else
    [ "$PS1" != '\s-\v\$ ' ] || PS1='\w \$ '
    # In bash 5.1 and later it may be an array, and the user's own may end in a semicolon.
    case $(declare -p PROMPT_COMMAND 2>/dev/null) in
    'declare -a'*) PROMPT_COMMAND+=(lab_prompt) ;;
    *) PROMPT_COMMAND=${PROMPT_COMMAND:+$PROMPT_COMMAND$'\n'}lab_prompt ;;
    esac
fi
