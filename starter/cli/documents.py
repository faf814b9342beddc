"""`kinds`, `schema` and `check`: what can be written, and whether a document is right. Nothing is asked of anybody."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import typer

from holdfast.contract import Exit
from starter.cli.frame import WRITE, Format, Output, ParamFiles, Params, command
from starter.cli.writing import many, table, write, write_json

CLOUDS = {"aws": "AWS", "gcp": "GCP", "azure": "Azure"}  # any other by the first half of its kinds

if TYPE_CHECKING:
    from holdfast.desired import Goal
    from holdfast.model import JsonValue
    from holdfast.run import Source

File = Annotated[str, typer.Argument(metavar="FILE", help="The document; - reads it from stdin.")]
KindOrCloud = Annotated[
    str | None, typer.Argument(metavar="KIND", help="One kind, as aws.vpc; or a cloud, as gcp, for all of its own.")
]
Kind = Annotated[str | None, typer.Argument(metavar="KIND", help="One kind, as aws.vpc.")]


class _Facts(TypedDict):
    kind: str
    words: str
    fields: list[tuple[str, str, str, str]]
    outputs: dict[str, str]
    permissions: dict[str, list[str]]
    example: str


def add(app: typer.Typer) -> None:
    """Register the commands."""
    command(app, WRITE, "holdfast kinds", "holdfast kinds gcp", "holdfast kinds aws.s3_bucket")(kinds)
    command(app, WRITE, "holdfast schema > holdfast.schema.json", "holdfast schema aws.vpc")(schema)
    command(app, WRITE, "holdfast check shop.yaml", "holdfast check shop.yaml --param size=t3.large")(check)


def kinds(kind: KindOrCloud = None, output: Output = Format.text) -> int:
    """What can be built and looked up, or that of one cloud; with a KIND, its fields, outputs and permissions."""
    from workers.catalog import catalog

    known = catalog()
    if kind is None or kind in known.clouds:
        rows = [(k.kind, "build", _first(k.spec)) for k in known]
        rows += [(name, "look up", _first(known.data(name).filter)) for name in known.data_kinds]
        rows = [row for row in rows if kind is None or row[0].startswith(f"{kind}.")]
        if output is Format.json:
            write_json(
                [
                    {"kind": name, "cloud": name.partition(".")[0], "use": use, "words": words}
                    for name, use, words in rows
                ]
            )
        else:
            shown = ((name, _cloud(name), use, words) for name, use, words in rows)
            write(table(("KIND", "CLOUD", "USE", "WHAT IT IS"), shown))
        return Exit.done
    facts = _facts(kind)
    if output is Format.json:
        write_json(facts)
        return Exit.done
    write(f"{kind}: {facts['words']}\n")
    write(table(("FIELD", "", "TYPE", "DEFAULT"), facts["fields"]))
    write("\n" + table(("OUTPUT", "WHAT IT IS"), facts["outputs"].items()))
    write("\n" + table(("VERB", "PERMISSIONS"), [(v, ", ".join(p)) for v, p in facts["permissions"].items()]))
    if facts["example"]:
        write(f"\n{facts['example']}")
    return Exit.done


def schema(kind: Kind = None) -> int:
    """The JSON Schema of documents, for editors; with a KIND, of its spec."""
    from holdfast.document import json_schema
    from workers.catalog import catalog

    write_json(json_schema(catalog(), kind))
    return Exit.done


def check(file: File, param: Params = None, param_file: ParamFiles = None, output: Output = Format.text) -> int:
    """Read a document as strictly as a run would. Every fault is named with its line. Asks no server and no cloud."""
    source, goal = read_source(file, param, param_file)
    if output is Format.json:
        write_json(
            {
                "valid": True,
                "file": source.file,
                "stack": goal.stack,
                "owner": goal.owner,
                "environment": goal.environment,
                "resources": [str(r.address) for r in goal.resources],
                "data": [d.name for d in goal.data],
                "scopes": [str(s) for s in goal.scopes],
                "uses": list(goal.uses),
            }
        )
        return Exit.done
    names = {r.address.kind for r in goal.resources}
    held = f"{many(len(goal.resources), 'resource')} of {many(len(names), 'kind')}" if names else "no resources"
    places = f" in {', '.join(map(str, goal.scopes))}" if goal.scopes else ""
    write(f"{source.file} is right: {goal.stack}, {held}{places}")
    return Exit.done


def read_source(file: str, params: Iterable[str] | None, param_files: Iterable[str] | None) -> tuple[Source, Goal]:
    """A document with its parameters, read strictly: flags win over files, and the later over the earlier.

    Raises `InvalidDocument` and `InvalidInput`.
    """
    from holdfast.document import bind_text, parse_param, read_parameters
    from holdfast.run import Source
    from workers.catalog import catalog
    from workers.settings import Settings

    values: dict[str, JsonValue] = {}
    for name in param_files or ():
        values |= read_parameters(read_text(name), name)
    values |= dict(parse_param(text) for text in params or ())
    source = Source(file="stdin" if file == "-" else file, text=read_text(file), parameters=values)
    return source, bind_text(source.text, source.file, catalog(), values, Settings.read().installation)


def read_text(file: str) -> str:
    """A file, or stdin for `-`. Raises `InvalidInput`."""
    from holdfast.errors import InvalidInput

    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidInput(
            f"cannot read {file}: {error.strerror}",
            standing="nothing was touched",
            next="give the path of a file of YAML; - reads it from stdin",
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"{'stdin' if file == '-' else file} is not UTF-8 text",
            standing="nothing was touched",
            next="save it as UTF-8, then give the same command again",
        ) from error


def _cloud(kind: str) -> str:
    cloud = kind.partition(".")[0]
    return CLOUDS.get(cloud, cloud)


def _first(spec: type[Any]) -> str:
    """What a person who writes it gets, in a line."""
    return (inspect.getdoc(spec) or "").partition("\n")[0]


def _facts(kind: str) -> _Facts:
    from holdfast.document import json_schema
    from workers.catalog import catalog

    known = catalog()
    looked_up = known.looks_up(kind)
    thing: Any = known.data(kind) if looked_up else known[kind]
    of = json_schema(known, kind)
    required = of.get("required", [])
    rows = [
        (name, "required" if name in required else "", _type(field), _default(field))
        for name, field in of["properties"].items()
    ]
    return {
        "kind": kind,
        "words": inspect.getdoc(thing.filter if looked_up else thing.spec) or "",
        "fields": rows,
        "outputs": {name: output.description for name, output in thing.outputs.items()},
        "permissions": {str(verb): list(names) for verb, names in thing.permissions.items()},
        "example": inspect.cleandoc(thing.example),
    }


def _type(field: dict[str, Any]) -> str:
    """A field's type in a word or two; that a path would do as well goes without saying."""
    parts = [p for p in field.get("anyOf", [field]) if p.get("pattern") != r"\$\{"]
    words = [str(p.get("type") or ("one of " + ", ".join(map(str, p["enum"])) if "enum" in p else "")) for p in parts]
    return " or ".join(dict.fromkeys(word for word in words if word)) or "any"


def _default(field: dict[str, Any]) -> str:
    return json.dumps(field["default"], ensure_ascii=False) if "default" in field else ""
