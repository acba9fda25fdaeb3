"""Listeners, and the certificates that they have.

Codes and texts: Elastic Load Balancing API Reference, version 2015-12-01, seen 2026-11. A listener has one
default certificate, which is set with the listener, and others, which are added one by one.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from rehearsal.emulator.elbv2.state import Record, State, groups_of, new_id, selected
from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.internal_calls import Calls

SECURE: Final = ("HTTPS", "TLS")
SSL_POLICY: Final = "ELBSecurityPolicy-2016-08"
"""Of a secure listener for which none is named."""
MOST_CERTIFICATES: Final = 25
"""Of an application load balancer, the default one not counted (User Guide, "Quotas")."""
REDIRECT: Final = {
    "Protocol": "#{protocol}",
    "Port": "#{port}",
    "Host": "#{host}",
    "Path": "/#{path}",
    "Query": "#{query}",
}
"""What AWS shows of a redirect for what was not said."""


class Listeners:
    """The actions on listeners."""

    def __init__(self, calls: Calls, state: State) -> None:
        """`calls` looks up certificates."""
        self._calls = calls
        self._state = state

    def actions(self) -> dict[str, Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]]:
        """Each action by its name."""
        return {
            "CreateListener": self._create,
            "DescribeListeners": self._describe,
            "ModifyListener": self._modify,
            "DeleteListener": self._delete,
            "AddListenerCertificates": self._add_certificates,
            "RemoveListenerCertificates": self._remove_certificates,
            "DescribeListenerCertificates": self._describe_certificates,
        }

    async def _create(self, params: dict[str, Any]) -> dict[str, Any]:
        balancer = self._state.balancer(params["LoadBalancerArn"])
        for needed in ("Protocol", "Port"):
            if needed not in params:
                raise AwsError("ValidationError", f"A {needed} must be specified")
        listeners = self._state.listeners_of(balancer["LoadBalancerArn"])
        if any(each["Port"] == params["Port"] for each in listeners):
            message = "A listener already exists on this port for this load balancer"
            raise AwsError("DuplicateListener", f"{message} '{balancer['LoadBalancerArn']}'")
        base = balancer["LoadBalancerArn"].replace(":loadbalancer/", ":listener/", 1)
        arn = f"{base}/{new_id()}"
        record: Record = {"ListenerArn": arn, "LoadBalancerArn": balancer["LoadBalancerArn"]}
        await self._set(record, balancer, params)
        rule: Record = {
            "RuleArn": f"{arn.replace(':listener/', ':listener-rule/', 1)}/{new_id()}",
            "Priority": "default",
            "Conditions": [],
            "Actions": record["DefaultActions"],
            "IsDefault": True,
        }
        self._state.listeners[arn] = record
        self._state.rules[rule["RuleArn"]] = rule
        self._state.tags[arn] = {each["Key"]: each.get("Value", "") for each in params.get("Tags", [])}
        self._state.attributes[arn] = {"routing.http.response.server.enabled": "true"}
        return {"Listeners": [record]}

    async def _set(self, record: Record, balancer: Record, params: dict[str, Any]) -> None:
        """Take a request's settings over; raises AwsError before anything is changed."""
        protocol = params.get("Protocol", record.get("Protocol"))
        certificates = params.get("Certificates", record.get("Certificates", []))
        if len(certificates) > 1:
            message = f"Up to '1' certificate ARNs can be specified, but '{len(certificates)}' were specified"
            raise AwsError("TooManyCertificates", message)
        if protocol in SECURE:
            if not certificates:
                message = f"A certificate must be specified for {protocol} listeners"
                raise AwsError("ValidationError", message)
            await self._check_certificates(certificates)
        actions = shown_actions(params.get("DefaultActions", record.get("DefaultActions", [])))
        check_actions(self._state, balancer, actions)
        record |= {"Port": params.get("Port", record.get("Port")), "Protocol": protocol, "DefaultActions": actions}
        if protocol in SECURE:
            record["Certificates"] = [{"CertificateArn": each["CertificateArn"]} for each in certificates]
            record["SslPolicy"] = params.get("SslPolicy", record.get("SslPolicy", SSL_POLICY))
            record["MutualAuthentication"] = params.get("MutualAuthentication", {"Mode": "off"})
        else:
            for name in ("Certificates", "SslPolicy", "MutualAuthentication"):
                record.pop(name, None)

    async def _check_certificates(self, certificates: list[Record]) -> None:
        for certificate in certificates:
            arn = certificate["CertificateArn"]
            try:
                found = (await self._calls("acm", "DescribeCertificate", CertificateArn=arn))["Certificate"]
            except AwsError as error:
                raise AwsError("CertificateNotFound", f"Certificate '{arn}' not found") from error
            if found["Status"] != "ISSUED":
                message = f"The certificate '{arn}' must have a fully-qualified domain name, a supported signature, and"
                raise AwsError("UnsupportedCertificate", f"{message} a supported key size.")

    async def _describe(self, params: dict[str, Any]) -> dict[str, Any]:
        found: list[Record] = list(self._state.listeners.values())
        if balancer := params.get("LoadBalancerArn"):
            self._state.balancer(balancer)
            found = self._state.listeners_of(balancer)
        wanted = params.get("ListenerArns", [])
        return {"Listeners": selected(found, "ListenerArn", wanted, "ListenerNotFound")}

    async def _modify(self, params: dict[str, Any]) -> dict[str, Any]:
        record = self._state.listener(params["ListenerArn"])
        balancer = self._state.balancer(record["LoadBalancerArn"])
        others = [each for each in self._state.listeners_of(balancer["LoadBalancerArn"]) if each is not record]
        if any(each["Port"] == params.get("Port") for each in others):
            raise AwsError("DuplicateListener", "A listener already exists on this port for this load balancer")
        await self._set(record, balancer, params)
        for rule in self._state.rules_of(record["ListenerArn"]):
            if rule["IsDefault"]:
                rule["Actions"] = record["DefaultActions"]
        return {"Listeners": [record]}

    async def _delete(self, params: dict[str, Any]) -> dict[str, Any]:
        record = self._state.listener(params["ListenerArn"])
        self._state.forget_listener(record["ListenerArn"])
        return {}

    def _secure(self, arn: str) -> Record:
        record = self._state.listener(arn)
        if record["Protocol"] not in SECURE:
            message = f"Certificates cannot be specified for {record['Protocol']} listeners"
            raise AwsError("ValidationError", message)
        return record

    async def _add_certificates(self, params: dict[str, Any]) -> dict[str, Any]:
        arn = self._secure(params["ListenerArn"])["ListenerArn"]
        await self._check_certificates(params["Certificates"])
        known = self._state.certificates.get(arn, [])
        added = [each["CertificateArn"] for each in params["Certificates"]]
        both = list(dict.fromkeys([*known, *added]))
        if len(both) > MOST_CERTIFICATES:
            raise AwsError("TooManyCertificates", f"A load balancer has at most {MOST_CERTIFICATES} certificates")
        self._state.certificates[arn] = both
        return {"Certificates": [{"CertificateArn": each, "IsDefault": False} for each in added]}

    async def _remove_certificates(self, params: dict[str, Any]) -> dict[str, Any]:
        record = self._secure(params["ListenerArn"])
        gone = {each["CertificateArn"] for each in params["Certificates"]}
        known = self._state.certificates.get(record["ListenerArn"], [])
        default = record["Certificates"][0]["CertificateArn"]
        if default in gone - set(known):
            raise AwsError("OperationNotPermitted", f"The default certificate '{default}' cannot be removed")
        self._state.certificates[record["ListenerArn"]] = [each for each in known if each not in gone]
        return {}

    async def _describe_certificates(self, params: dict[str, Any]) -> dict[str, Any]:
        record = self._state.listener(params["ListenerArn"])
        default = [{**each, "IsDefault": True} for each in record.get("Certificates", [])]
        others = self._state.certificates.get(record["ListenerArn"], [])
        return {"Certificates": [*default, *({"CertificateArn": each, "IsDefault": False} for each in others)]}


def shown_actions(actions: list[Record]) -> list[Record]:
    """Actions as AWS tells them: with the order, and with both forms of a forward to one group."""
    shown: list[Record] = []
    for number, action in enumerate(actions, 1):
        told: Record = {"Order": number, **action}
        config = action.get("ForwardConfig")
        if action["Type"] == "forward" and not config:
            told["ForwardConfig"] = {"TargetGroups": [{"TargetGroupArn": action["TargetGroupArn"], "Weight": 1}]}
        if config:
            told["ForwardConfig"] = {
                **config,
                "TargetGroups": [{"Weight": 1, **each} for each in config["TargetGroups"]],
            }
            if len(config["TargetGroups"]) == 1:
                told["TargetGroupArn"] = config["TargetGroups"][0]["TargetGroupArn"]
        if action["Type"] == "forward":
            told["ForwardConfig"] = {"TargetGroupStickinessConfig": {"Enabled": False}, **told["ForwardConfig"]}
        if action["Type"] == "redirect":
            told["RedirectConfig"] = {**REDIRECT, **action["RedirectConfig"]}
        shown.append(told)
    return shown


def check_actions(state: State, balancer: Record, actions: list[Record]) -> None:
    """Raises AwsError for a target group that is not there, elsewhere, or another load balancer's."""
    for arn in sorted(groups_of(actions)):
        group = state.target_group(arn)
        if group["VpcId"] != balancer["VpcId"]:
            message = f"Target group '{arn}' is not in the same VPC as load balancer"
            raise AwsError("InvalidConfigurationRequest", f"{message} '{balancer['LoadBalancerArn']}'")
        if any(user != balancer["LoadBalancerArn"] for user in state.users(arn)):
            message = f"The following target groups cannot be associated with more than one load balancer: {arn}"
            raise AwsError("TargetGroupAssociationLimit", message)
