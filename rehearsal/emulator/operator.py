"""The account's first user, and the files in which commands find that user's key.

Any user of the account may damage both, by hand or by a tool: then nothing could be repaired any more. So the
emulator keeps what it wrote, and puts the user, the key and the files back when the world's owner asks for that.
"""

import asyncio
import shutil
from pathlib import Path
from typing import Final

from rehearsal.emulator.errors import AwsError
from rehearsal.emulator.files import write_private
from rehearsal.emulator.iam import MOST_KEYS
from rehearsal.emulator.internal_calls import Calls
from rehearsal.emulator.settings import OPERATOR, Settings

ADMINISTRATOR: Final = "arn:aws:iam::aws:policy/AdministratorAccess"


class Operator:
    """The IAM user of OPERATOR with one access key, and DIR/aws/config and DIR/aws/credentials."""

    def __init__(self, calls: Calls, settings: Settings) -> None:
        """`calls` reaches IAM with the account root's rights."""
        self._calls, self._settings = calls, settings
        self._key_id, self._secret = "", ""
        self._one_at_a_time = asyncio.Lock()

    async def restore(self) -> list[str]:
        """Make what is missing or damaged; says in a few words what that was. Raises OSError."""
        async with self._one_at_a_time:
            return [*await self._user(), *self._files()]

    async def _user(self) -> list[str]:
        try:
            await self._calls("iam", "GetUser", UserName=OPERATOR)
            done: list[str] = []
        except AwsError as error:
            if error.code != "NoSuchEntity":
                raise
            await self._calls("iam", "CreateUser", UserName=OPERATOR)
            done = ["the IAM user"]
        attached = await self._calls("iam", "ListAttachedUserPolicies", UserName=OPERATOR)
        if ADMINISTRATOR not in (each["PolicyArn"] for each in attached["AttachedPolicies"]):
            await self._calls("iam", "AttachUserPolicy", UserName=OPERATOR, PolicyArn=ADMINISTRATOR)
            done.append("the IAM user's rights")
        found = (await self._calls("iam", "ListAccessKeys", UserName=OPERATOR))["AccessKeyMetadata"]
        states = {each["AccessKeyId"]: each["Status"] for each in found}
        if states.get(self._key_id) == "Active":
            return done
        # An inactive one was switched off by hand: whoever has it meanwhile shall not come back in by it. And IAM
        # allows two, of which nobody here knows the secrets.
        others = [one for one in states if one != self._key_id]
        for one in [*(states.keys() - others), *others[MOST_KEYS - 1 :]]:
            await self._calls("iam", "DeleteAccessKey", UserName=OPERATOR, AccessKeyId=one)
        key = (await self._calls("iam", "CreateAccessKey", UserName=OPERATOR))["AccessKey"]
        self._key_id, self._secret = key["AccessKeyId"], key["SecretAccessKey"]
        return [*done, "the access key"]

    def _files(self) -> list[str]:
        settings = self._settings
        directory = settings.dir / "aws"
        if not directory.is_dir():
            directory.unlink(missing_ok=True)
            directory.mkdir(mode=0o700)
        directory.chmod(0o700)
        wanted = {
            "config": f"[default]\nregion = {settings.region}\noutput = json\nendpoint_url = {settings.endpoint}\n",
            "credentials": f"[default]\naws_access_key_id = {self._key_id}\naws_secret_access_key = {self._secret}\n",
        }
        return [f"aws/{name}" for name, text in wanted.items() if _put(directory / name, text)]


def _put(path: Path, text: str) -> bool:
    """Whether a file had not this text, or not for its owner alone; now it has."""
    try:
        if not path.is_symlink() and path.stat().st_mode & 0o777 == 0o600 and path.read_text() == text:
            return False
    except (OSError, UnicodeDecodeError):
        pass
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    write_private(path, text)
    return True
