#!/bin/sh
# Helm's way to addresses that begin with lab://. What a chart repository would send, its index or an archive, comes from
# the directory LAB_CHARTS. Helm gives three files for TLS, which nothing here needs, and the address.
set -eu
lab_file=${4##*/}
[ "$lab_file" = index.yaml ] || exec cat "$LAB_CHARTS/$lab_file"

lab_repository=${4#lab://}
lab_repository=${lab_repository%/index.yaml}
lab_made=$(mktemp -d)
trap 'rm -rf "$lab_made"' EXIT
for lab_archive in "$LAB_CHARTS"/*.tgz; do
    [ -f "$lab_archive" ] || continue
    lab_from=
    while read -r lab_pinned lab_where; do
        [ "$lab_pinned" != "${lab_archive##*/}" ] || lab_from=$lab_where
    done <"$LAB_SHELL/helm/pinned"
    # Which repository another archive is from, nobody knows: each has it.
    case $lab_from in
    '' | "${lab_repository%/}") ln -s "$lab_archive" "$lab_made" ;;
    esac
done
"$HELM_BIN" repo index "$lab_made" >&2
cat "$lab_made/index.yaml"
