"""What certificates and KMS keys are worth, asked of the API server's endpoint and of KMS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from typing_extensions import override

from exercises.crypto.answers import key_ids
from exercises.crypto.authorities import NAMES, foreign
from exercises.crypto.names import CONTEXT, DISABLED_KEY_ID, ENVELOPE, KEY_ID, NAMESPACE
from grading.outcomes import Done, Outcome
from grading.probes import Lab, OwnQuestion

Use = Literal["right", "wrong-context", "disabled-key"]
SERVER: Final = "$(kubectl config view --minify -o jsonpath='{.clusters[0].cluster.server}')"
_OWN: Final = (
    "kubectl config view --minify --raw -o jsonpath='{.clusters[0].cluster.certificate-authority-data}' | base64 -d"
)
_NAME: Final = f"{_OWN} | openssl x509 -noout -subject -nameopt compat | cut -d= -f2-"
_FOREIGN: Final = f'openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -subj "$({_NAME})" 2>/dev/null'


@dataclass(frozen=True)
class Greeting(OwnQuestion):
    """A TLS greeting with the API server, by one who trusts one certificate authority alone."""

    own: bool
    """The cluster's own authority, or a foreign one of the same name."""

    @property
    @override
    def brief(self) -> str:
        return "curl --cacert, the cluster's authority" if self.own else "curl --cacert, a foreign authority"

    @property
    @override
    def typed(self) -> str:
        return f'{_OWN if self.own else _FOREIGN} > /tmp/ca.crt; curl -sS --cacert /tmp/ca.crt "{SERVER}/livez"'

    @override
    def ask(self, lab: Lab) -> Outcome:
        own = lab.api.authority
        return lab.api.handshake(own if self.own else foreign(lab.names["ISSUER"], NAMES[0], own))


@dataclass(frozen=True)
class DataKey(OwnQuestion):
    """A data key from KMS, and its decryption."""

    how: Use

    @property
    @override
    def brief(self) -> str:
        return {
            "right": "aws kms decrypt of a data key",
            "wrong-context": "aws kms decrypt, another context",
            "disabled-key": "aws kms generate-data-key, a disabled key",
        }[self.how]

    @property
    @override
    def typed(self) -> str:
        name = DISABLED_KEY_ID if self.how == "disabled-key" else KEY_ID
        key = f"kubectl get cm {ENVELOPE} -n {NAMESPACE} -o jsonpath='{{.data.{name}}}'"
        make = (
            f'aws kms generate-data-key --key-id "$({key})" --key-spec AES_256 --encryption-context {CONTEXT}=check'
            " --query CiphertextBlob --output text"
        )
        if self.how == "disabled-key":
            return make
        context = "other" if self.how == "wrong-context" else "check"
        return (
            f"{make} | base64 -d > /tmp/key.bin; aws kms decrypt --ciphertext-blob fileb:///tmp/key.bin"
            f" --encryption-context {CONTEXT}={context} --query KeyId"
        )

    @override
    def ask(self, lab: Lab) -> Outcome:
        keys = key_ids(lab)
        if not isinstance(keys, dict):
            return keys
        name = DISABLED_KEY_ID if self.how == "disabled-key" else KEY_ID
        context = {CONTEXT: "check"}
        made = lab.aws.call("kms", "generate_data_key", KeyId=keys[name], KeySpec="AES_256", EncryptionContext=context)
        if not isinstance(made, Done):
            return made
        if self.how == "wrong-context":
            context = {CONTEXT: "other"}
        found = lab.aws.call("kms", "decrypt", CiphertextBlob=made.value["CiphertextBlob"], EncryptionContext=context)
        if not isinstance(found, Done):
            return found
        # Neither the key nor its text goes anywhere.
        same = found.value["Plaintext"] == made.value["Plaintext"]
        return Done("same" if same else "another", "the same data key again" if same else "another data key")
