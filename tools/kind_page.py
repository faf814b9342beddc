"""The reference page of a kind, from what the kind itself declares."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from holdfast.catalog import Catalog
from holdfast.plan import UndoLabel
from holdfast.resource import Carrier, DataType, Output, ResourceType, Safety
from holdfast.tree import short
from tools.field_table import fields, table

Kind = ResourceType[Any]
Data = DataType[Any]
Verbs = Mapping[str, Sequence[str]]  # what each needs, in the cloud's own names

HEAD = "<!-- Generated from the catalog by `make pages`. Change the kind's file, not this page. -->"
SAFE = {
    Safety.by_token: "The cloud honours a client token: a create that is sent twice makes one resource.",
    Safety.by_name: (
        "The name is unique where it lives: a second create is refused by the cloud, and what stands at the name is "
        "taken for ours only when it carries our marks."
    ),
    Safety.by_tag: (
        "The cloud has neither token nor unique name for it. A create that may have been sent before first looks for "
        "our token, until nothing new can show up any more."
    ),
}
SAFE_UNMARKED = {**SAFE, Safety.by_name: "The name is unique where it lives: a second create is refused by the cloud."}
BUILT = (
    "What a document may build. `holdfast kinds` prints the same list, and `holdfast kinds KIND` the fields of one. "
    "The undo of a delete: `exact` means that all of it comes back, with a new id; the others lose something, and the "
    "kind's page says what."
)
ALLOWED = (
    "What a worker's role needs for this kind and no other, a statement for each verb. To read is enough for planning. "
    "Narrow `Resource` to what is yours."
)
ORDER = ("observe", "discover", "create", "update", "delete", "operate", "adopt", "disown")
ALLOWED_BY_GOOGLE = (
    "What a worker's principal needs for this kind and no other, as a custom role: grant it on the project, or on what "
    "the kind's page says holds it. To read is enough for planning."
)
ALLOWED_BY_AZURE = (
    "What a worker's principal needs for this kind and no other, as a custom role. Narrow `AssignableScopes` to the "
    "resource groups that are yours. To read is enough for planning."
)
POLICY_VERSION = "2012-10-17"  # of IAM's policy language, not of ours


def of_kind(kind: Kind) -> str:
    """The page of something that can be built."""
    parts = [
        HEAD,
        f"# {kind.kind}",
        _words(kind.spec),
        "## Example",
        f"```yaml\nresources:\n{_indented(kind.example)}\n```" if kind.example else "",
        "## Fields",
        fields(kind.spec, lambda name: _change(kind, name)),
        "A reference (`${net.id}`) may stand for any value.",
        "## Outputs",
        _outputs(kind.outputs),
        "## How a create is made safe",
        _safety(kind),
        "## How it is taken back",
        _undo(kind),
        "## What replaces it",
        _replacing(kind),
        *_operations(kind),
        "## How long it may take",
        _deadlines(kind),
        "## Permissions",
        _permissions(kind.kind, kind.permissions),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def of_data(data: Data) -> str:
    """The page of something that is looked up."""
    parts = [
        HEAD,
        f"# {data.kind}",
        _words(data.filter),
        "It is looked up while planning, and never changed.",
        _words(type(data)),
        f"## Example\n\n```yaml\ndata:\n{_indented(data.example)}\n```" if data.example else "",
        "## Filter",
        fields(data.filter),
        "## Outputs",
        table(("output", "what it is"), [(f"`{name}`", output.description) for name, output in data.outputs.items()]),
        "## Permissions",
        _permissions(data.kind, data.permissions),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def index(known: Catalog) -> str:
    """The list of all kinds."""
    rows = [(f"[{k.kind}]({k.kind}.md)", _first(k.spec), _deleted(k), "yes" if k.holds_data else "") for k in known]
    parts = [
        HEAD,
        "# Kinds",
        BUILT,
        table(("kind", "what it is", "undo of a delete", "holds data"), rows),
    ]
    if known.data_kinds:
        looked_up = [(f"[{name}]({name}.md)", _first(known.data(name).filter)) for name in known.data_kinds]
        parts += ["What a document may look up:", table(("kind", "what it is"), looked_up)]
    return "\n\n".join(parts) + "\n"


def _deleted(kind: Kind) -> str:
    """The undo of its delete, in few words."""
    some = f"; {UndoLabel.lossy} for {_listed(kind.delete_lossy)}" if kind.delete_lossy else ""
    return f"{kind.delete_undo}{some}"


def _words(thing: type[Any]) -> str:
    return inspect.getdoc(thing) or ""


def _first(thing: type[Any]) -> str:
    return _words(thing).partition("\n")[0]


def _indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in inspect.cleandoc(text).splitlines())


def _change(kind: Kind, name: str) -> str:
    if name in kind.immutable:
        return "replaces it"
    if name in kind.stopped_for:
        before, after = kind.stopped_for[name]
        return f"in place, between `{before}` and `{after}`"
    return f"in place; not taken back: {kind.one_way[name]}" if name in kind.one_way else "in place"


def _outputs(outputs: Mapping[str, Output]) -> str:
    rows = [
        (
            f"`{name}`",
            output.description + (" (hidden wherever it is shown)" if output.sensitive else ""),
            "stays" if output.stable else "may change",
        )
        for name, output in outputs.items()
    ]
    return table(("output", "what it is", "after an update"), rows)


def _safety(kind: Kind) -> str:
    out = [(SAFE_UNMARKED if kind.carrier is Carrier.parent else SAFE)[kind.safety]]
    if kind.token_window is not None:
        out.append(f"The cloud remembers the token for {short(kind.token_window)}; later we look first.")
    out.append(f"A new one may stay out of lists for {short(kind.visible_within)}.")
    if kind.carrier is Carrier.parent:
        out.append(
            "The cloud has no place for a mark on it: it is ours because the stack's ledger says so. Only an exact "
            "match is found again, and one that stood before is refused and not taken over."
        )
    else:
        out.append(f"Owner, address and token are carried in its {kind.carrier}.")
    if kind.safety_note:
        out.append(kind.safety_note)
    if kind.marks_fixed:
        out.append(f"They are written once, so it is never adopted, moved or let go of: {kind.marks_fixed}.")
    own = _words(type(kind))
    return "\n\n".join((" ".join(out), f"From the kind itself: {own}" if own else ""))


def _undo(kind: Kind) -> str:
    note = f": {kind.delete_note}" if kind.delete_note else ""
    some = "".join(f"; `{UndoLabel.lossy}` for {one}, which loses {lost}" for one, lost in kind.delete_lossy.items())
    rows = [
        ("create", f"`{UndoLabel.exact}`: what carries our token is removed"),
        (
            "update",
            f"`{UndoLabel.exact}`, field by field, where nobody else has changed it since"
            + _except(UndoLabel.lossy, kind.lossy)
            + _except(UndoLabel.irreversible, kind.one_way),
        ),
        ("delete", f"`{kind.delete_undo}`{note}{some}"),
    ]
    data = "\n\nIt holds data: `holdfast down` asks again before it deletes one." if kind.holds_data else ""
    return table(("act", "undo"), rows) + data


def _except(label: UndoLabel, about: Mapping[str, str]) -> str:
    return "".join(f"; `{label}` for `{name}`: {why}" for name, why in about.items())


def _replacing(kind: Kind) -> str:
    if not kind.immutable:
        return "Nothing: every field changes in place."
    if not kind.kept_in_use:
        return _exchanged(kind)
    return (
        f"{_exchanged(kind)} But its cloud does not delete what something else uses: then the plan is refused, and the "
        f"way is to {kind.kept_in_use}."
    )


def _exchanged(kind: Kind) -> str:
    """Which half of a replace comes first."""
    what = "A change of " + _listed(f"`{name}`" for name in sorted(kind.immutable)) + ". "
    if type(kind).collides is not ResourceType.collides:
        why = inspect.getdoc(type(kind).collides) or ""
        said = (
            f" ({why[:1].lower()}{why[1:].rstrip('.')})" if why and why != inspect.getdoc(ResourceType.collides) else ""
        )
        return what + (
            "The new one is made first, and the old one goes last, unless the two cannot stand side by side"
            f"{said}. Then the old one goes first, and the plan says so and asks."
        )
    if kind.safety is Safety.by_name:
        return what + "Old and new cannot stand side by side: the old one goes first, and the plan says so and asks."
    return what + "The new one is made first; the old one goes last, after everything that used it has moved."


def _listed(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last


def _operations(kind: Kind) -> list[str]:
    if not kind.operations:
        return []
    rows = [
        (f"`{name}`", done.description, f"`{done.undo}`" if done.undo else "leaves nothing to take back")
        for name, done in kind.operations.items()
    ]
    return ["## Operations", table(("operation", "what it does", "undo"), rows)]


def _deadlines(kind: Kind) -> str:
    spans: Mapping[Any, timedelta] = kind.settle_within
    rows = [(str(verb), short(span)) for verb, span in spans.items()]
    return (
        "At most; mostly far less. What has not settled by then is *not stabilized*, and is kept.\n\n"
        + table(("act", "settles within"), rows)
        + "\n\nA document's `timeouts` say otherwise for one resource."
    )


def _permissions(kind: str, permissions: Mapping[str, tuple[str, ...]]) -> str:
    order = sorted(permissions, key=lambda verb: (ORDER.index(verb) if verb in ORDER else len(ORDER), verb))
    verbs = {verb: sorted(permissions[verb]) for verb in order if permissions[verb]}
    cloud = kind.partition(".")[0]
    if cloud not in ROLES:
        return table(("verb", "permissions"), [(verb, ", ".join(f"`{p}`" for p in verbs[verb])) for verb in verbs])
    words, write = ROLES[cloud]
    return f"{words}\n\n{write(kind, verbs)}"


def _aws_policy(_: str, verbs: Verbs) -> str:
    statements = [
        {"Sid": _sid(verb), "Effect": "Allow", "Action": allowed, "Resource": "*"} for verb, allowed in verbs.items()
    ]
    return f"```json\n{json.dumps({'Version': POLICY_VERSION, 'Statement': statements}, indent=2)}\n```"


def _google_role(kind: str, verbs: Verbs) -> str:
    lines = [f"title: Holdfast {kind}", "stage: GA", "includedPermissions:"]
    said: set[str] = set()
    for verb, allowed in verbs.items():
        new = [permission for permission in allowed if permission not in said]
        said.update(new)
        lines += [f"  # {verb}", *(f"  - {permission}" for permission in new)] if new else []
    return "```yaml\n" + "\n".join(lines) + "\n```"


def _azure_role(kind: str, verbs: Verbs) -> str:
    role = {
        "Name": f"Holdfast {kind}",
        "IsCustom": True,
        "Actions": list(dict.fromkeys(permission for allowed in verbs.values() for permission in allowed)),
        "AssignableScopes": ["/subscriptions/SUBSCRIPTION"],
    }
    by_verb = table(
        ("verb", "actions"), [(verb, ", ".join(f"`{p}`" for p in allowed)) for verb, allowed in verbs.items()]
    )
    return f"{by_verb}\n\n```json\n{json.dumps(role, indent=2)}\n```"


def _sid(verb: str) -> str:
    return "".join(part.capitalize() for part in verb.replace("-", "_").split("_"))


ROLES: Mapping[str, tuple[str, Callable[[str, Verbs], str]]] = {
    "aws": (ALLOWED, _aws_policy),
    "gcp": (ALLOWED_BY_GOOGLE, _google_role),
    "azure": (ALLOWED_BY_AZURE, _azure_role),
}
