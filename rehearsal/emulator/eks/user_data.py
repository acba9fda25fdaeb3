"""Node user data, read as nodeadm reads it.

EKS merges its own part into the user data of a launch template, so it has to
be MIME multi-part; AL2023's nodeadm takes the kubelet's settings from a part
of its own kind. The kubelet's settings there are what the node shows.

Format: https://awslabs.github.io/amazon-eks-ami/nodeadm/ , seen 2026-11.
"""

import base64
import binascii
import email
import re
from typing import Any, Final

import yaml

from rehearsal.emulator.eks.state import bad_request

NODE_CONFIG: Final = "application/node.eks.aws"


def node_configs(user_data: str) -> list[dict[str, Any]]:
    """The NodeConfig documents in a launch template's user data (base64); raises AwsError when EKS cannot read it."""
    if not user_data:
        return []
    refused = bad_request("Ec2LaunchTemplateInvalidConfiguration: User data was not in the MIME multipart format.")
    try:
        text = base64.b64decode(user_data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise refused from error
    message = email.message_from_string(text)
    if not message.is_multipart():
        raise refused
    found: list[dict[str, Any]] = []
    for part in message.walk():
        if part.get_content_type() == NODE_CONFIG:
            payload = part.get_payload(decode=True)
            try:
                document = yaml.safe_load(payload) if isinstance(payload, bytes) else None
            except yaml.YAMLError as error:
                raise refused from error
            if isinstance(document, dict):
                found.append(document)
    return found


def max_pods(configs: list[dict[str, Any]], default: int) -> int:
    """The kubelet's number of pods: the last flag, else the last configuration's, else the default.

    nodeadm joins all flags and lets a later configuration override an earlier one; to the kubelet a flag counts more
    than any configuration, also than a later one.
    """
    flagged: int | None = None
    configured: int | None = None
    for config in configs:
        kubelet = (config.get("spec") or {}).get("kubelet") or {}
        written = (kubelet.get("config") or {}).get("maxPods")
        if isinstance(written, int):
            configured = written
        for flag in kubelet.get("flags") or []:
            if found := re.fullmatch(r"--max-pods[= ](\d+)", str(flag)):
                flagged = int(found[1])
    return next((found for found in (flagged, configured) if found is not None), default)


def node_labels(configs: list[dict[str, Any]]) -> dict[str, str]:
    """Labels that the kubelet registers its node with (--node-labels)."""
    labels: dict[str, str] = {}
    for config in configs:
        kubelet = (config.get("spec") or {}).get("kubelet") or {}
        for flag in kubelet.get("flags") or []:
            if found := re.fullmatch(r"--node-labels[= ](.*)", str(flag)):
                pairs = (pair.partition("=") for pair in found[1].split(",") if pair)
                labels |= {name: value for name, _, value in pairs}
    return labels
