"""The configuration as a running Pulumi program sees it: every key of the namespace, and which of them are
secret.

``pulumi.Config`` reads single keys only, and an unknown key is a mistake worth telling, so this looks where
the SDK itself looks (``pulumi.runtime.config``): what the engine or a test has set, then ``PULUMI_CONFIG``.
"""

from __future__ import annotations

import pulumi
from pulumi.runtime import config as runtime

from infra.config.loading import advice, parse
from infra.config.model import LabConfig, keys_of
from infra.config.problems import NAMESPACE, ConfigError


class ProgramConfigError(ConfigError, pulumi.RunError):
    """A ConfigError that ends a Pulumi program with its text alone, without a Python trace."""


def read() -> LabConfig:
    """The running program's configuration, checked; advice is logged as warnings.

    Raises:
        ProgramConfigError: everything that is wrong.
    """
    ours = pulumi.Config(NAMESPACE)
    prefix = f"{NAMESPACE}:"
    named = {*runtime.CONFIG.get(), *runtime.get_config_env()}
    keys = [*keys_of(LabConfig), *sorted(key.removeprefix(prefix) for key in named if key.startswith(prefix))]
    # dict.fromkeys: each once, the known ones first and in the model's order.
    values = {key: value for key in dict.fromkeys(keys) if (value := ours.get(key)) is not None}
    secret = {
        *runtime.get_config_secret_keys_env(),
        *(prefix + key for key in values if runtime.is_config_secret(prefix + key)),
    }
    try:
        config = parse(
            values,
            pulumi.Config("aws").get("region"),
            secret_keys={key.removeprefix(prefix) for key in secret},
        )
    except ConfigError as error:
        raise ProgramConfigError(error.problems) from None
    for remark in advice(config):
        pulumi.log.warn(str(remark))
    return config
