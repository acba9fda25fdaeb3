"""One AWS resource type, described by what is special about it; all the rest is the same for each.

A subclass names its inputs and says how its object is made, described, changed
and removed. Checking, defaults, names, comparison, previews, tags and refresh
follow from that and from the SDK's schema, so that no type can do them differently.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from typing_extensions import override

from rehearsal.providers.aws.boto_calls import Aws, Call, in_awss_words, is_gone
from rehearsal.providers.aws.compare import Input, differences, projected, same, unplayed
from rehearsal.providers.aws.naming import AutoName
from rehearsal.providers.aws.schema import TypeSchema, coerce, is_zero, schemas, without_nulls, zero
from rehearsal.providers.properties import UNKNOWN, Change, Properties, render
from rehearsal.providers.protocol import (
    CheckFailure,
    Context,
    Diff,
    InvalidPropertiesError,
    ProviderError,
    Resource,
    State,
)

DEFAULTS = "__defaults"
"""Names of the inputs that the provider filled in; the real provider keeps them under the same key."""
_REGION = Input(replace=True, computed=True)
_TAGS = Input()

Strings = dict[str, str]


class AwsResource(Resource):
    """Base of the resource types.

    Handlers get a `Call`. In its `new` are the checked inputs, with the
    provider's default tags among the `tags`.
    """

    pulumi_type: ClassVar[str]
    inputs: ClassVar[Mapping[str, Input]]
    """Inputs that are played, beside `region` and `tags`. The others of the schema are refused."""
    autoname: ClassVar[AutoName | None] = None
    delete_before_replace: ClassVar[bool] = False
    recomputed: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Output → inputs whose change gives it a value that only AWS knows."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.schema: TypeSchema = schemas()[self.pulumi_type]
        self.specs = dict(self.inputs)
        if "region" in self.schema.inputs:
            self.specs.setdefault("region", _REGION)
        if "tags" in self.schema.inputs:
            self.specs.setdefault("tags", _TAGS)

    # -- what a type is

    @abstractmethod
    def make(self, call: Call) -> str:
        """Create the object from `call.new` and return its id, at once: the rest belongs to `settle`."""

    def settle(self, call: Call) -> None:
        """What is to be done or waited for between creation, or a change, and use.

        What belongs to the creation is done when `call.unfinished`, which may be
        the second time: it must do no harm to what is done already.
        """

    @abstractmethod
    def describe(self, call: Call) -> Properties | None:
        """What AWS says of the object, inputs and outputs alike, None when it is gone.

        `call.known` holds what is known of it; after an import, only `call.id`
        is. AWS's not-found errors may pass.
        """

    def change(self, call: Call) -> None:
        """Bring the object from `call.old` to `call.new`; `call.changed` names the inputs that differ."""
        raise ProviderError(f"{self.pulumi_type} ({call.id}) cannot change {', '.join(sorted(call.changed))}.")

    def retag(self, call: Call, put: Strings, drop: list[str]) -> None:
        """Put these tags on the object and take those keys off."""
        raise ProviderError(f"{self.pulumi_type} ({call.id}) takes no tags: {sorted(put)}, {drop}.")

    @abstractmethod
    def remove(self, call: Call) -> None:
        """Delete the object and wait until it is gone. Not-found errors may pass."""

    def validate(self, new: Properties, failures: list[CheckFailure]) -> None:
        """Add what is wrong with inputs that are of the right type each."""

    # -- Resource

    @override
    def check(self, ctx: Context, old: Properties | None, new: Properties) -> Properties:
        failures: list[CheckFailure] = []
        given = {key: v for key, v in without_nulls(new).items() if not key.startswith("__")}
        checked: Properties = {}
        for name, value in given.items():
            if name not in self.schema.inputs:
                failures.append(CheckFailure(name, f"{self.pulumi_type} has no such property"))
            elif name not in self.specs:
                failures.append(CheckFailure(name, f"the rehearsal does not play this property of {self.pulumi_type}"))
            else:
                checked[name] = coerce(value, self.schema.inputs[name], (name,), failures)
                plays = self.specs[name].plays
                unknown = () if plays is None else unplayed(checked[name], plays, (name,))
                failures += [
                    CheckFailure(render(path), f"the rehearsal does not play this property of {self.pulumi_type}")
                    for path in unknown
                ]
        for name in self.schema.required:
            if name not in checked:
                failures.append(CheckFailure(name, f"{self.pulumi_type} requires this property"))
        defaults: list[str] = []
        try:
            defaults = self._fill(ctx, old or {}, checked)
        except InvalidPropertiesError as error:
            failures += error.failures
        if not failures:
            self.validate(checked, failures)
        if failures:
            raise InvalidPropertiesError(failures)
        return {**checked, DEFAULTS: defaults}

    def _fill(self, ctx: Context, old: Properties, checked: Properties) -> list[str]:
        defaults: list[str] = []
        for name, spec in self.specs.items():
            if name not in checked and spec.default is not None:
                checked[name] = spec.default
                defaults.append(name)
        if "region" in self.specs and "region" not in checked:
            checked["region"] = self.aws.region
        rule = self.autoname
        if rule and rule.property not in checked and rule.prefix_property not in checked:
            kept = old.get(rule.property) if rule.property in old.get(DEFAULTS, ()) else None
            checked[rule.property] = kept or rule.make(ctx)
            defaults.append(rule.property)
        return sorted(defaults)

    @override
    def diff(self, ctx: Context, old: State, new: Properties) -> Diff:
        del ctx
        found: list[Change] = []
        for name, spec in self.specs.items():
            for change in self._differences(name, spec, old, new):
                replaces = self.replaces(change, spec, old, new)
                found.append(Change(change.path, change.kind, replaces))
        if "tagsAll" in self.schema.outputs and not any(c.path[0] == "tags" for c in found):
            wanted = self._tags(new)
            if wanted is not UNKNOWN and "tagsAll" in old.outputs:
                found += differences(old.outputs["tagsAll"] or {}, wanted, _TAGS, ("tagsAll",))
        return Diff(found, self._must_go_first(old.inputs, new, found))

    def _must_go_first(self, old: Properties, new: Properties, found: list[Change]) -> bool:
        if not any(change.replace for change in found):
            return False
        if self.delete_before_replace:
            return True
        # A name that the program gave cannot be taken twice.
        rule = self.autoname
        if rule is None or rule.property not in new or rule.property in new.get(DEFAULTS, ()):
            return False
        return old.get(rule.property) == new[rule.property]

    def replaces(self, change: Change, spec: Input, old: State, new: Properties) -> bool:
        """Whether a change needs a new resource."""
        name = str(change.path[0])
        if spec.unread and name not in old.inputs:
            return False  # imported: what it was is not known
        touched = set(map(str, change.path[1:]))
        if spec.replace_members and len(change.path) == 1:  # the whole object comes or goes, with its members
            touched.update((new if change.kind == "add" else old.inputs).get(name) or ())
        return spec.replace or bool(spec.replace_members & touched)

    def _differences(self, name: str, spec: Input, old: State, new: Properties) -> list[Change]:
        was, now = old.inputs.get(name), new.get(name)
        if now is None:
            if was is None or spec.computed or is_zero(was) or was == spec.default:
                return []
            return [Change((name,), "delete")]
        if was is None:
            was = spec.default if spec.unread else old.outputs.get(name)
            if is_zero(was):
                return [] if is_zero(now) else [Change((name,), "add")]
        return differences(was, now, spec, (name,))

    @override
    def preview(self, ctx: Context, old: State | None, inputs: Properties) -> Properties:
        changed = {str(c.path[0]) for c in self.diff(ctx, old, inputs).changes} if old else set[str]()
        outputs: Properties = {}
        for name, shape in self.schema.outputs.items():
            if name in inputs:
                outputs[name] = self._expected(name, old, inputs)
            elif name == "tagsAll":
                outputs[name] = self._tags(inputs)
            elif name in self.recomputed and changed.intersection(self.recomputed[name]):
                outputs[name] = UNKNOWN
            elif name in self.specs and not self.specs[name].computed:
                outputs[name] = zero(shape)
            else:
                outputs[name] = old.outputs.get(name, UNKNOWN) if old else UNKNOWN
        return outputs

    def _expected(self, name: str, old: State | None, inputs: Properties) -> Any:
        """An input as output: where the program leaves members to AWS, they stay as they were."""
        spec, now = self.specs[name], inputs[name]
        if old and name in old.outputs and not self._differences(name, spec, old, inputs):
            return old.outputs[name]
        if not spec.partial:
            return now
        was = old.outputs.get(name) if old else None
        return {**was, **now} if isinstance(was, dict) and isinstance(now, dict) else UNKNOWN

    @override
    def create(self, ctx: Context, inputs: Properties) -> State:
        call = self._call(ctx, new={**inputs, "tags": self._tags(inputs)})
        call.unfinished = True
        with in_awss_words(f"creating {self.pulumi_type} ({ctx.name})"):
            call.id = self.make(call)
            ctx.created(call.id)
            self.settle(call)
            return State(call.id, inputs, self._read_back(call, inputs))

    @override
    def update(self, ctx: Context, old: State, inputs: Properties) -> Properties:
        changed = frozenset(str(c.path[0]) for c in self.diff(ctx, old, inputs).changes)
        rest = changed - {"tags", "tagsAll"}
        new = {**inputs, "tags": self._tags(inputs)}
        call = self._call(ctx, old.id, old.outputs, old.inputs, new, rest)
        call.unfinished = not changed  # without a change, the engine asks only after a failed creation
        with in_awss_words(f"updating {self.pulumi_type} ({old.id})"):
            if rest:
                self.change(call)
            if changed != rest:
                had: Strings = old.outputs.get("tagsAll") or {}
                put = {key: value for key, value in new["tags"].items() if had.get(key) != value}
                self.retag(call, put, sorted(had.keys() - new["tags"].keys()))
            self.settle(call)
            return self._read_back(call, inputs)

    @override
    def read(self, ctx: Context, identity: str, known: State | None) -> State | None:
        known = known or State(identity, {}, {})
        inputs = known.inputs
        call = self._call(ctx, identity, known.outputs, inputs)
        with in_awss_words(f"reading {self.pulumi_type} ({identity})"):
            try:
                described = self.describe(call)
            except Exception as error:
                if is_gone(error):
                    return None
                raise
            if described is None:
                return None
            described = self._with_common(call, described, inputs)
        seen = self._managed(described, inputs) if inputs else self._imported(ctx, described)
        return State(identity, seen, self._outputs(described, {**inputs, **seen}))

    @override
    def delete(self, ctx: Context, old: State) -> None:
        call = self._call(ctx, old.id, old.outputs, old.inputs)
        with in_awss_words(f"deleting {self.pulumi_type} ({old.id})"):
            try:
                self.remove(call)
            except Exception as error:
                if not is_gone(error):
                    raise

    # -- shared

    def _call(
        self,
        ctx: Context,
        identity: str = "",
        outputs: Properties | None = None,
        old: Properties | None = None,
        new: Properties | None = None,
        changed: frozenset[str] = frozenset(),
    ) -> Call:
        known = {**(outputs or {}), **(old or {}), **(new or {})}
        region = known.get("region") or self.aws.region
        return Call(self.aws, ctx, region, identity, outputs or {}, old or {}, new or {}, changed)

    def _tags(self, inputs: Properties) -> Any:
        tags = inputs.get("tags", {})
        return UNKNOWN if tags is UNKNOWN else {**self.aws.default_tags, **tags}

    def _read_back(self, call: Call, inputs: Properties) -> Properties:
        described = self.describe(call)
        if described is None:
            raise ProviderError(f"{self.pulumi_type} {call.id} was there a moment ago and is gone. Run it again.")
        return self._outputs(self._with_common(call, described, inputs), inputs)

    def _with_common(self, call: Call, described: Properties, inputs: Properties) -> Properties:
        """Region, and the tags with the default tags apart, for all types alike."""
        described = dict(described)
        if "region" in self.schema.outputs:
            described["region"] = call.region
        if "tagsAll" in self.schema.outputs:
            tags = {k: v for k, v in (described.get("tags") or {}).items() if not k.startswith("aws:")}
            own = inputs.get("tags", {})
            described["tagsAll"] = tags
            described["tags"] = {k: v for k, v in tags.items() if k in own or self.aws.default_tags.get(k) != v}
        return described

    def _outputs(self, described: Properties, inputs: Properties) -> Properties:
        outputs: Properties = {}
        for name, shape in self.schema.outputs.items():
            value, given = described.get(name), inputs.get(name)
            if value is None:
                value = zero(shape) if given is None else given
            elif given is not None and name in self.specs and not self.specs[name].partial:
                # Two texts of one policy, two orders of one set: the program's stays.
                value = given if same(given, value, self.specs[name]) else value
            outputs[name] = value
        return outputs

    def _managed(self, described: Properties, inputs: Properties) -> Properties:
        """The inputs as AWS has them; what the program left out appears only when someone changed it."""
        seen: Properties = {DEFAULTS: inputs[DEFAULTS]} if DEFAULTS in inputs else {}
        for name, spec in self.specs.items():
            was, value = inputs.get(name), described.get(name)
            if was is None:
                if not (spec.computed or spec.unread or is_zero(value) or value == spec.default):
                    seen[name] = value
            elif value is None or spec.unread or same(was, value, spec):
                seen[name] = was
            else:
                seen[name] = projected(value, was) if spec.partial else value
        return seen

    def _imported(self, ctx: Context, described: Properties) -> Properties:
        seen = {
            name: described[name]
            for name, spec in self.specs.items()
            if described.get(name) is not None and (spec.default is not None or not is_zero(described[name]))
        }
        rule = self.autoname
        made = rule is not None and rule.is_made(str(seen.get(rule.property, "")), ctx)
        return {**seen, DEFAULTS: [rule.property] if rule and made else []}
