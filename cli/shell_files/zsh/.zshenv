# An interactive zsh in the lab begins here: ZDOTDIR leads to this directory until .zshrc. LAB_ZDOTDIR is the user's.
lab_zsh=$ZDOTDIR
if [ -n "${LAB_ZDOTDIR:-}" ]; then ZDOTDIR=$LAB_ZDOTDIR; else unset ZDOTDIR; fi
if [ -f "${ZDOTDIR:-$HOME}/.zshenv" ]; then . "${ZDOTDIR:-$HOME}/.zshenv"; fi
LAB_ZDOTDIR=${ZDOTDIR:-}
ZDOTDIR=$lab_zsh
