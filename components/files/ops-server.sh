# Sets up an ops server at its first boot. The lines before this file set MYEKS_* variables.
# A step that fails (a registry that is down) must not keep the later ones from running: each reports for itself
# in /var/log/cloud-init-output.log.
set -u
export HOME=/root

say() { echo "ops-server: $*"; }

# The public address is attached some seconds after the start.
for _ in $(seq 60); do
  curl --silent --fail --max-time 5 --output /dev/null https://dl.k8s.io/release/stable.txt && break
  sleep 5
done

step() {
  local name=$1
  shift
  for attempt in 1 2 3; do
    # A process of its own: where the caller is a condition, `set -e` is without effect in a subshell too.
    if bash -euo pipefail -c '"$@"' step "$@"; then
      say "$name: done"
      return 0
    fi
    say "$name: attempt $attempt failed"
    sleep 10
  done
  say "$name: given up"
  return 1
}

fetch() { curl --silent --show-error --fail --location --retry 3 --max-time 300 --output "$2" "$1"; }

packages() {
  dnf install --assumeyes --setopt=strict=0 git jq tar unzip bash-completion tree bind-utils htop
}

install_kubectl() {
  cd "$(mktemp -d)"
  local base="https://dl.k8s.io/release/v${MYEKS_KUBECTL_VERSION}/bin/linux/amd64"
  fetch "$base/kubectl" kubectl
  fetch "$base/kubectl.sha256" kubectl.sha256
  echo "$(cat kubectl.sha256)  kubectl" | sha256sum --check --quiet
  install -m 0755 kubectl /usr/local/bin/kubectl
}

install_helm() {
  cd "$(mktemp -d)"
  local archive="helm-v${MYEKS_HELM_VERSION}-linux-amd64.tar.gz"
  fetch "https://get.helm.sh/$archive" "$archive"
  fetch "https://get.helm.sh/$archive.sha256sum" "$archive.sha256sum"
  sha256sum --check --quiet "$archive.sha256sum"
  tar -xzf "$archive"
  install -m 0755 linux-amd64/helm /usr/local/bin/helm
}

# The AMI brings an AWS CLI v2; this one is the lab's own version. AWS publishes a PGP signature and no digest.
install_aws_cli() {
  cd "$(mktemp -d)"
  fetch "https://awscli.amazonaws.com/awscli-exe-linux-x86_64-${MYEKS_AWS_CLI_VERSION}.zip" awscliv2.zip
  unzip -q awscliv2.zip
  ./aws/install --update
}

install_krew() {
  cd "$(mktemp -d)"
  local base="https://github.com/kubernetes-sigs/krew/releases/download/v${MYEKS_KREW_VERSION}"
  fetch "$base/krew-linux_amd64.tar.gz" krew-linux_amd64.tar.gz
  fetch "$base/krew-linux_amd64.tar.gz.sha256" krew.sha256
  echo "$(cut -d' ' -f1 krew.sha256)  krew-linux_amd64.tar.gz" | sha256sum --check --quiet
  tar -xzf krew-linux_amd64.tar.gz
  ./krew-linux_amd64 install krew
}

install_plugin() { kubectl krew install "$1"; }

export "${!MYEKS_@}"
export -f fetch packages install_kubectl install_helm install_aws_cli install_krew install_plugin

# One krew for everybody; root writes, others read.
export KREW_ROOT=/opt/krew
export PATH="$KREW_ROOT/bin:/usr/local/bin:$PATH"
mkdir -p "$KREW_ROOT"

# For every login: the variables of the study note, as they are now. The nodes' addresses are asked each time,
# because nodes come and go.
cat >/etc/profile.d/myeks.sh <<PROFILE
export KREW_ROOT=$KREW_ROOT
export PATH="$KREW_ROOT/bin:/usr/local/bin:\$PATH"
export CLUSTER_NAME=$MYEKS_CLUSTER_NAME
export AWS_DEFAULT_REGION=$MYEKS_REGION
export AWS_REGION=$MYEKS_REGION
export ACCOUNT_ID=$MYEKS_ACCOUNT_ID
export VPCID=$MYEKS_VPC_ID
export PubSubnet1=$MYEKS_PUBLIC_SUBNET_1
export PubSubnet2=$MYEKS_PUBLIC_SUBNET_2
export PubSubnet3=$MYEKS_PUBLIC_SUBNET_3
myeks_node() {
  kubectl get node --request-timeout=3s --selector="topology.kubernetes.io/zone=\$1" \\
    --output=jsonpath='{.items[0].status.addresses[?(@.type=="InternalIP")].address}' 2>/dev/null
}
if [ -s "\${HOME:-}/.kube/config" ]; then
  export N1=\$(myeks_node ${MYEKS_ZONE_1}) N2=\$(myeks_node ${MYEKS_ZONE_2}) N3=\$(myeks_node ${MYEKS_ZONE_3})
fi
alias k=kubectl
PROFILE

# The cluster takes longer than this server, and may be made anew under the same name: ask until it answers, at every
# boot, without holding up anything else.
cat >/usr/local/bin/myeks-kubeconfig <<'SCRIPT'
#!/bin/bash
set -e
. /etc/profile.d/myeks.sh
write_as() { # USER HOME
  runuser -u "$1" -- env HOME="$2" aws eks update-kubeconfig \
    --region "$AWS_REGION" --name "$CLUSTER_NAME" --alias "$CLUSTER_NAME" --kubeconfig "$2/.kube/config"
  chmod 0600 "$2/.kube/config"
}
# Session Manager logs in as ssm-user, whom its agent makes at the first session, with `useradd -m`: until then
# the file waits where useradd copies a new home from.
write_as root /etc/skel
for user in root ec2-user ssm-user; do
  home=$(getent passwd "$user" | cut -d: -f6)
  if [ -n "$home" ]; then write_as "$user" "$home"; fi
done
SCRIPT
chmod 0755 /usr/local/bin/myeks-kubeconfig
cat >/etc/systemd/system/myeks-kubeconfig.service <<'UNIT'
[Unit]
Description=Write the kubeconfig of the lab's cluster
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=/usr/local/bin/myeks-kubeconfig
Restart=on-failure
RestartSec=20
RemainAfterExit=yes

[Install]
WantedBy=multi-user.target
UNIT

timedatectl set-timezone Asia/Seoul
hostnamectl set-hostname "$MYEKS_HOSTNAME"
step packages packages
step kubectl install_kubectl
step helm install_helm
step "AWS CLI" install_aws_cli
if step krew install_krew; then
  for plugin in $MYEKS_KREW_PLUGINS; do
    step "krew plugin $plugin" install_plugin "$plugin"
  done
fi
kubectl completion bash >/etc/bash_completion.d/kubectl
systemctl daemon-reload
systemctl enable --now --no-block myeks-kubeconfig.service
say "ready"
