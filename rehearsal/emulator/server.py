"""The emulator's process: `python -m rehearsal.emulator.server --dir DIR --region REGION --bin-dir DIR`.

It is started by `rehearsal.world`, which waits for DIR/world.json: that file
appears whole, and only when every AWS call will be answered.
"""

import argparse
import asyncio
import json
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rehearsal import collector
from rehearsal.emulator import ministack
from rehearsal.emulator.settings import Settings

if TYPE_CHECKING:
    from rehearsal.emulator.eks.state import ControlPlaneFactory


def main(control_plane: "ControlPlaneFactory | None" = None) -> None:
    """Serve until SIGTERM, SIGINT or POST /_rehearsal/shutdown; exits 0 then.

    `control_plane` makes the clusters' control planes; the real ones when none is given.
    """
    parser = argparse.ArgumentParser(description="The AWS emulator of the rehearsal.")
    parser.add_argument("--dir", type=Path, required=True, help="the world's directory")
    parser.add_argument("--region", required=True, help="AWS region to play, as ap-northeast-2")
    parser.add_argument("--bin-dir", type=Path, required=True, help="directory of the control plane's programs")
    arguments = parser.parse_args()
    os.umask(0o077)
    collector.off()
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    # Whoever asks an API server from several tasks has it complain about every spare connection.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    # The port is taken before ministack is imported, because ministack puts it into what it answers,
    # and kept open until it is served, so that nobody can take it in between.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", 0))
    settings = Settings(
        dir=arguments.dir.resolve(),
        region=arguments.region,
        bin_dir=arguments.bin_dir.resolve(),
        port=listener.getsockname()[1],
    )
    ministack.clean_environment(settings)
    asyncio.run(_serve(settings, listener, control_plane))


async def _serve(settings: Settings, listener: socket.socket, control_plane: "ControlPlaneFactory | None") -> None:
    """Run the emulator on a bound socket until it is stopped."""
    # Here and not above: importing ministack reads the environment that main() has just set.
    from hypercorn.asyncio import serve as hypercorn_serve
    from hypercorn.config import Config

    from rehearsal.cluster.control_plane import ControlPlane
    from rehearsal.emulator.emulator import Emulator
    from rehearsal.emulator.files import write_private

    emulator = Emulator(settings, control_plane or ControlPlane)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, emulator.ended.set)
    write_private(settings.dir / "secret", settings.secret)
    await emulator.start()
    collector.seldom()

    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.accesslog = None
    config.errorlog = logging.getLogger("hypercorn.error")
    config.graceful_timeout = 1
    config.keep_alive_timeout = 75
    world_file = settings.dir / "world.json"
    announced = {
        "id": settings.world_id,
        "pid": os.getpid(),
        "endpoint": settings.endpoint,
        "account_id": settings.account_id,
        "region": settings.region,
    }
    serving = asyncio.create_task(
        hypercorn_serve(emulator.app, config, shutdown_trigger=emulator.ended.wait)  # pyright: ignore[reportArgumentType]  # hypercorn's ASGI types are narrower than the protocol
    )
    ended = asyncio.create_task(emulator.ended.wait())
    try:
        # The listener queues connections from here on, so that nobody can meet a closed door.
        listener.listen(128)
        write_private(world_file, json.dumps(announced))
        await asyncio.wait({serving, ended}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        world_file.unlink(missing_ok=True)
        emulator.ended.set()
        await emulator.stop()
        await serving


if __name__ == "__main__":
    main()
