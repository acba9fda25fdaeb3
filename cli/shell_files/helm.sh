# Becomes Helm, for the `helm` on a shell's PATH: the user's own where there is one, for releases of Helm 3 and 4 are the
# same; else the one that the lab builds at the first call, LAB_HELM. LAB_CHARTS is the directory of chart archives.
#
# A chart repository that this machine does not reach is added with an address that begins with lab://. The plug-in beside
# this file gets such a repository's index and archives out of that directory.
export LAB_CHARTS

lab_say() {
    echo "helm: $*" >&2
}

# Sets LAB_HELM to the first helm on PATH that is not in one of the shells' directories.
lab_find_own() {
    set -f
    lab_ifs=$IFS IFS=:
    for lab_directory in $PATH; do
        case $lab_directory in "${LAB_SHELL%/*}"/*) continue ;; esac
        if [ -f "$lab_directory/helm" ] && [ -x "$lab_directory/helm" ]; then
            LAB_HELM=$lab_directory/helm
            break
        fi
    done
    IFS=$lab_ifs
    set +f
}

# Whether somebody answers at a repository's address within 5 s, whatever the answer; Helm itself tells what is wrong
# with it. Without curl Helm has to try.
lab_reaches() {
    [ -z "${MYEKS_LAB_OFFLINE:-}" ] || return 1
    curl --silent --output /dev/null --range 0-0 --max-time 5 "${1%/}/index.yaml"
    case $? in
    0 | 60 | 127) ;;
    *) return 1 ;;
    esac
}

# Of `install NAME REPOSITORY/CHART …`, or a command without NAME: sets lab_chart, lab_name, lab_version, lab_namespace
# and lab_url, the repository's address.
lab_read() {
    lab_chart='' lab_name='' lab_version='' lab_namespace='' lab_url='' lab_last=''
    lab_known=$("$LAB_HELM" repo list 2>/dev/null)
    for lab_argument; do
        case $lab_last in
        --version) lab_version=$lab_argument ;;
        -n | --namespace) lab_namespace=$lab_argument ;;
        esac
        case $lab_argument in
        --version=*) lab_version=${lab_argument#*=} ;;
        -n=* | --namespace=*) lab_namespace=${lab_argument#*=} ;;
        */*)
            [ -n "$lab_chart" ] || while read -r lab_one lab_address; do
                [ "$lab_one" != "${lab_argument%%/*}" ] || lab_chart=$lab_argument lab_name=$lab_last lab_url=$lab_address
            done <<END
$lab_known
END
            ;;
        esac
        lab_last=$lab_argument
    done
}

# After a command that failed: the archive that is wanted, or the release that has the name.
lab_explain() {
    lab_read "$@"
    case $lab_url in
    lab://*)
        lab_found=$("$LAB_HELM" search repo "$lab_chart" ${lab_version:+--version "$lab_version"} --output json 2>/dev/null)
        case $lab_found in
        *"\"name\":\"$lab_chart\""*) ;;
        *)
            lab_say "${lab_chart#*/}-${lab_version:-VERSION}.tgz is wanted in $LAB_CHARTS. Put it there, and type" \
                "helm repo update."
            return
            ;;
        esac
        ;;
    esac
    [ "$1" = install ] && [ -n "$lab_chart" ] || return 0
    case $("$LAB_HELM" status "$lab_name" ${lab_namespace:+--namespace "$lab_namespace"} 2>/dev/null) in
    *'STATUS: deployed'*)
        lab_say "$lab_name is installed, as lab up does it. To do it by hand:" \
            "helm uninstall $lab_name${lab_namespace:+ -n $lab_namespace}, then this again."
        ;;
    esac
}

lab_find_own
[ -x "$LAB_HELM" ] || {
    lab_say "This machine has no Helm: it is built now, once, which takes some minutes."
    "$LAB_SHELL/bin/lab" build-helm || exit
}

if [ "${1:-}" = repo ] && [ "${2:-}" = add ]; then
    lab_left=$#
    while [ "$lab_left" -gt 0 ]; do
        lab_argument=$1
        shift
        case $lab_argument in
        http://* | https://*)
            lab_reaches "$lab_argument" || {
                lab_say "$lab_argument is not reached from here: its charts come from $LAB_CHARTS."
                lab_argument=lab://${lab_argument#*://}
            }
            ;;
        esac
        set -- "$@" "$lab_argument"
        lab_left=$((lab_left - 1))
    done
fi

case ${1:-} in
list | ls)
    "$LAB_HELM" "$@" || exit
    case $("$LAB_HELM" list --all-namespaces --output json 2>/dev/null) in
    *'"app_version":"recorded"'*)
        lab_say "Nothing runs of releases whose APP VERSION is recorded: their charts could not be had. See lab status."
        ;;
    esac
    ;;
install | upgrade | template | pull | show)
    "$LAB_HELM" "$@" || {
        lab_code=$?
        lab_explain "$@"
        exit "$lab_code"
    }
    ;;
*) exec "$LAB_HELM" "$@" ;;
esac
