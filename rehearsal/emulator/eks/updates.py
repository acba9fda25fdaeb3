"""Updates: what EKS is changing, as DescribeUpdate and ListUpdates tell it.

Every change that takes a while is an update with a life of its own; clients
wait for it. Only one at a time is let in for a cluster or a node group.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from rehearsal.emulator.eks.state import Cluster, in_use, not_found
from rehearsal.emulator.errors import AwsError

log = logging.getLogger(__name__)

TAKES = 0.1
"""Seconds that a change takes that has nothing to do: long enough to be seen in progress."""


class Updates:
    """Begins, runs and tells updates."""

    def __init__(self) -> None:
        """Starts with none."""
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(
        self,
        cluster: Cluster,
        view: dict[str, Any],
        kind: str,
        params: dict[str, str],
        work: Callable[[], Awaitable[None]] | None = None,
        **owner: str,
    ) -> dict[str, Any]:
        """Begin an update of what `view` shows; gives it as EKS describes it.

        `kind` and `params` are EKS's own names; `owner` names a part of the cluster ("nodegroupName",
        "addonName"). While `work` runs the view's status is UPDATING. When it raises, the update has
        failed, and the error says why.
        """
        update: dict[str, Any] = {
            "id": str(uuid.uuid4()),
            "status": "InProgress",
            "type": kind,
            "params": [{"type": name, "value": value} for name, value in params.items()],
            "createdAt": time.time(),
            "errors": [],
        }
        cluster.updates[update["id"]] = {"update": update, "owner": owner}
        view["status"] = "UPDATING"
        task = asyncio.get_running_loop().create_task(_run(update, view, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return dict(update)

    def check_free(self, cluster: Cluster, **owner: str) -> None:
        """Refuse a change while another of the same thing is in progress."""
        for record in cluster.updates.values():
            if record["owner"] == owner and record["update"]["status"] == "InProgress":
                thing = next(iter(owner.values()), cluster.name)
                message = f"{thing} currently has update {record['update']['id']} in progress"
                raise in_use(f"Cannot update because {message}", clusterName=cluster.name, **owner)

    def describe(self, cluster: Cluster, update_id: str, owner: dict[str, str]) -> dict[str, Any]:
        """One update; `owner` as it was begun with."""
        record = cluster.updates.get(update_id)
        if record is None or record["owner"] != owner:
            raise not_found(f"No update found for ID: {update_id}", clusterName=cluster.name)
        return record["update"]

    def listed(self, cluster: Cluster, owner: dict[str, str]) -> list[str]:
        """Ids of the updates of one thing."""
        return [update_id for update_id, record in cluster.updates.items() if record["owner"] == owner]

    async def stop(self) -> None:
        """Break off whatever is in progress."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _run(update: dict[str, Any], view: dict[str, Any], work: Callable[[], Awaitable[None]] | None) -> None:
    try:
        await asyncio.sleep(TAKES)
        if work:
            await work()
    except AwsError as error:
        _failed(update, error.message)
    except Exception as error:
        # Whatever it was, a client that waits for the update must hear of it.
        log.exception("an update failed")
        _failed(update, str(error))
    else:
        update["status"] = "Successful"
    finally:
        if view["status"] == "UPDATING":
            view["status"] = "ACTIVE"


def _failed(update: dict[str, Any], message: str) -> None:
    update["status"] = "Failed"
    update["errors"] = [{"errorCode": "Unknown", "errorMessage": message, "resourceIds": []}]
