# The user's own start-up file as if it stood alone, then the lab's prompt.
if [ -n "${LAB_ZDOTDIR:-}" ]; then ZDOTDIR=$LAB_ZDOTDIR; else unset ZDOTDIR; fi
# A start-up file of the system's may have put the history below the directory that ZDOTDIR led to.
if [ "${HISTFILE:-}" = "$lab_zsh/.zsh_history" ]; then HISTFILE=${ZDOTDIR:-$HOME}/.zsh_history; fi
unset LAB_ZDOTDIR lab_zsh
if [ -f "${ZDOTDIR:-$HOME}/.zshrc" ]; then . "${ZDOTDIR:-$HOME}/.zshrc"; fi
. "$LAB_SHELL/prompt.sh"
