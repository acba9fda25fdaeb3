"""Pod Identity associations: which service account has which role."""

import secrets
import string
import time
from typing import Any

from rehearsal.emulator.eks.lookups import Lookups
from rehearsal.emulator.eks.state import Cluster, Clusters, bad_request, in_use, not_found
from rehearsal.emulator.settings import Settings


class PodIdentity:
    """EKS's operations on Pod Identity associations."""

    def __init__(self, settings: Settings, lookups: Lookups, clusters: Clusters) -> None:
        """`lookups` checks roles."""
        self._settings = settings
        self._lookups = lookups
        self._clusters = clusters

    async def make(self, cluster: Cluster, params: dict[str, Any], owner: str = "") -> dict[str, Any]:
        """A new association; `owner` is the ARN of the add-on that it belongs to."""
        _check_played(params)
        await self._lookups.pod_role(params["roleArn"])
        where = (params["namespace"], params["serviceAccount"])
        if any((each["namespace"], each["serviceAccount"]) == where for each in cluster.associations.values()):
            raise in_use(f"Association already exists: {where[0]}/{where[1]}", clusterName=cluster.name)
        alphabet = string.ascii_lowercase + string.digits
        association_id = "a-" + "".join(secrets.choice(alphabet) for _ in range(18))
        region, account, now = self._settings.region, self._settings.account_id, time.time()
        view: dict[str, Any] = {
            "clusterName": cluster.name,
            "namespace": where[0],
            "serviceAccount": where[1],
            "roleArn": params["roleArn"],
            "associationArn": f"arn:aws:eks:{region}:{account}:podidentityassociation/{cluster.name}/{association_id}",
            "associationId": association_id,
            "tags": params.get("tags", {}),
            "createdAt": now,
            "modifiedAt": now,
            "disableSessionTags": params.get("disableSessionTags", False),
        }
        if owner:
            view["ownerArn"] = owner
        cluster.associations[association_id] = view
        return view

    def drop(self, cluster: Cluster, association_id: str) -> None:
        """Take an association away; one that is gone is fine."""
        cluster.associations.pop(association_id, None)

    def _get(self, params: dict[str, Any]) -> tuple[Cluster, dict[str, Any]]:
        cluster, association_id = self._clusters.get(params["clusterName"]), params["associationId"]
        if association_id not in cluster.associations:
            message = f"No association found with id: {association_id}"
            raise not_found(message, clusterName=cluster.name)
        return cluster, cluster.associations[association_id]

    async def create(self, params: dict[str, Any]) -> dict[str, Any]:
        """CreatePodIdentityAssociation."""
        cluster = self._clusters.active(params["clusterName"])
        return {"association": await self.make(cluster, params)}

    def describe(self, params: dict[str, Any]) -> dict[str, Any]:
        """DescribePodIdentityAssociation."""
        return {"association": self._get(params)[1]}

    def listed(self, params: dict[str, Any]) -> dict[str, Any]:
        """ListPodIdentityAssociations."""
        cluster = self._clusters.get(params["clusterName"])
        shown = ("clusterName", "namespace", "serviceAccount", "associationArn", "associationId", "ownerArn")
        found = [
            {name: view[name] for name in shown if name in view}
            for view in cluster.associations.values()
            if params.get("namespace", view["namespace"]) == view["namespace"]
            and params.get("serviceAccount", view["serviceAccount"]) == view["serviceAccount"]
        ]
        return {"associations": found}

    async def update(self, params: dict[str, Any]) -> dict[str, Any]:
        """UpdatePodIdentityAssociation."""
        _, view = self._get(params)
        _check_played(params)
        if "roleArn" in params:
            await self._lookups.pod_role(params["roleArn"])
        for name in ("roleArn", "disableSessionTags"):
            if name in params:
                view[name] = params[name]
        view["modifiedAt"] = time.time()
        return {"association": view}

    def delete(self, params: dict[str, Any]) -> dict[str, Any]:
        """DeletePodIdentityAssociation."""
        cluster, view = self._get(params)
        self.drop(cluster, view["associationId"])
        return {"association": view}


def _check_played(params: dict[str, Any]) -> None:
    """Refuse what would change whose credentials a pod gets and is not played."""
    for name in ("targetRoleArn", "policy"):
        if params.get(name):
            raise bad_request(f"The rehearsal does not play {name} of a Pod Identity association.")
