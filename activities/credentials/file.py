"""Reads the file of a worker's credentials, as strictly as a document: every mistake at once, each with its line.

A value is never repeated in a letter, since a secret may have been written where none belongs. Field by field:
docs/how-to/give-credentials.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from activities.credentials.ways import (
    CLOUDS,
    AssumeRole,
    Aws,
    Azure,
    AzureWorkloadIdentity,
    Google,
    Impersonate,
    ManagedIdentity,
    Pattern,
    ServicePrincipal,
    Way,
    WebIdentity,
)
from holdfast.document.duration import parse_duration
from holdfast.document.fields import Fields
from holdfast.document.nodes import Node, dotted
from holdfast.document.problems import Problem, Problems
from holdfast.document.text import compose
from holdfast.errors import InvalidInput
from holdfast.secret import Secret

FIELDS = {
    "aws": ("scope", "profile", "assume_role", "web_identity"),
    "gcp": ("scope", "key_file", "credentials_file", "impersonate"),
    "azure": ("scope", "service_principal", "managed_identity", "workload_identity"),
}
NO_FIELD = "there is no such field"  # what `Fields` says: the only suggestion that repeats no value

PART = r"\*|[A-Za-z0-9][A-Za-z0-9._:-]*\*?"
PATTERN = re.compile(rf"({'|'.join(CLOUDS)})/({PART})/({PART})")
ROLE = r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+"
ROLE_LIKE = "the ARN of a role (arn:aws:iam::123456789012:role/NAME)"
SESSION = r"[A-Za-z0-9_+=,.@-]{2,64}"  # RoleSessionName, STS API reference
ACCOUNT = r"[^@\s]+@[^@\s]+\.gserviceaccount\.com"
ID = r"[A-Za-z0-9][A-Za-z0-9.-]*"
VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"
FILE = r"/[^\x00-\x1f\x7f]+"
TAGS, TAG_KEY, TAG_VALUE = 50, 128, 256  # "Pass session tags in AWS STS", IAM User Guide
SHORTEST, LONGEST = timedelta(minutes=15), timedelta(hours=12)  # DurationSeconds, STS API reference
LIFETIME = timedelta(hours=12)  # generateAccessToken; more than an hour needs an organization policy

Entries = dict[Pattern, Way]


def read(path: str) -> Entries:
    """The ways by their patterns. Raises `InvalidInput`, with file, line and field, and never a value."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise InvalidInput(
            f"the credentials file {path} cannot be read: {why}",
            standing="nothing was touched",
            next="mend HOLDFAST_CREDENTIALS where this worker is started, or mount the file there",
        ) from None
    problems = Problems()
    tree = compose(text, path, problems)
    entries = {} if tree is None else _entries(tree, problems)
    if problems:
        raise _letter(path, problems)
    return entries


def _letter(path: str, problems: Problems) -> InvalidInput:
    found = problems.error().problems
    count = "1 problem" if len(found) == 1 else f"{len(found)} problems"
    return InvalidInput(
        "\n".join([f"the credentials file {path} has {count}:", *map(_line, found)]),
        standing="nothing was touched",
        next="mend the file, and start the worker again",
    )


def _line(problem: Problem) -> str:
    path = f"{problem.path}: " if problem.path else ""
    near = f"; did you mean {problem.nearest}?" if problem.nearest and problem.message == NO_FIELD else ""
    return f"{problem.where}: {path}{problem.message}{near}"


def _entries(tree: Node, problems: Problems) -> Entries:
    if not isinstance(tree.value, list):
        problems.add(tree.where, "", f"a list of entries is expected here, not {tree.kind}")
        return {}
    entries: Entries = {}
    first: dict[Pattern, int] = {}
    for index, node in enumerate(tree.value):
        path = f"[{index}]"
        pattern = _pattern(node, path, problems)
        if pattern is None:
            continue
        if pattern in first:
            line = f"line {first[pattern]}"
            problems.add(node.where, f"{path}.scope", f"{pattern} has an entry already, in {line}")
            continue
        first[pattern] = node.where.line
        entries[pattern] = _WAYS[pattern.cloud](_Entry(node, path, FIELDS[pattern.cloud], problems))
    return entries


def _pattern(node: Node, path: str, problems: Problems) -> Pattern | None:
    every = [*{name: None for fields in FIELDS.values() for name in fields}]
    text = Fields(node, path, every, problems).text("scope", required=True)
    if text is None:
        return None
    match = PATTERN.fullmatch(text)
    if match is None:
        clouds = ", ".join(CLOUDS)
        like = f"CLOUD/ACCOUNT/REGION is expected here, the cloud one of {clouds}, the others a name, a beginning* or *"
        problems.add(node.member("scope").where, dotted(path, "scope"), like)
        return None
    return Pattern(*match.groups())


class _Entry(Fields):
    """The fields of one map, with the shapes that this file has and a document has not."""

    def __init__(self, node: Node, path: str, known: tuple[str, ...], problems: Problems) -> None:
        super().__init__(node, path, known, problems)
        self._all = problems

    def inner(self, name: str, *known: str) -> _Entry | None:
        """A field that is a map."""
        node = self.node(name)
        return None if node is None else _Entry(node, dotted(self.path, name), known, self._all)

    def file(self, name: str, *, required: bool = False) -> str | None:
        """A path, the same wherever the worker is started."""
        return self.text(name, form=FILE, like="an absolute path", required=required)

    def duration(self, name: str, shortest: timedelta, longest: timedelta) -> timedelta | None:
        """A length of time between the two."""
        node = self.node(name)
        if node is None:
            return None
        try:
            found = parse_duration(str(node.value))
        except ValueError as wrong:
            self.complain(node, name, str(wrong))
            return None
        if not shortest <= found <= longest:
            self.complain(node, name, f"it is from {shortest} to {longest}")
        return found

    def tags(self, name: str) -> tuple[tuple[str, str], ...]:
        """Texts by their names, as they stand."""
        found: list[tuple[str, str]] = []
        for key, node in self.section(name):
            if not isinstance(node.value, str) or len(node.value) > TAG_VALUE or len(key) > TAG_KEY:
                like = f"a tag is text of at most {TAG_VALUE} characters, its key of {TAG_KEY}; a number is quoted"
                self.complain(node, f"{name}.{key}", like)
            else:
                found.append((key, node.value))
        if len(found) > TAGS:
            self.complain(self.at.member(name), name, f"at most {TAGS} tags are passed")
        return tuple(found)

    def apart(self, *names: str) -> None:
        """No two of these stand together."""
        given = [name for name in names if self.node(name) is not None]
        for name in given[1:]:
            self.complain(self.at.member(name), name, f"{given[0]} stands here already; one of the two")


def _aws(entry: _Entry) -> Aws:
    entry.apart("assume_role", "web_identity")
    entry.apart("profile", "web_identity")
    role = entry.inner("assume_role", "role", "external_id", "session_name", "session_tags", "duration")
    web = entry.inner("web_identity", "role", "token_file", "session_name", "duration")
    return Aws(
        profile=entry.text("profile"),
        assume_role=None
        if role is None
        else AssumeRole(
            role=_role(role),
            external_id=role.text("external_id", form=r"[\w+=,.@:/-]{2,1224}", like="an external id"),
            session_name=_session(role),
            session_tags=role.tags("session_tags"),
            duration=role.duration("duration", SHORTEST, LONGEST),
        ),
        web_identity=None
        if web is None
        else WebIdentity(
            role=_role(web),
            token_file=web.file("token_file", required=True) or "",
            session_name=_session(web),
            duration=web.duration("duration", SHORTEST, LONGEST),
        ),
    )


def _role(entry: _Entry) -> str:
    return entry.text("role", form=ROLE, like=ROLE_LIKE, required=True) or ""


def _session(entry: _Entry) -> str | None:
    return entry.text("session_name", form=SESSION, like="a name of 2 to 64 letters, digits and _+=,.@-")


def _google(entry: _Entry) -> Google:
    entry.apart("key_file", "credentials_file")
    other = entry.inner("impersonate", "service_account", "delegates", "lifetime")
    return Google(
        key_file=entry.file("key_file"),
        credentials_file=entry.file("credentials_file"),
        impersonate=None if other is None else _impersonate(other),
    )


def _impersonate(entry: _Entry) -> Impersonate:
    like = "the email of a service account"
    delegates = entry.texts("delegates")
    for index, node in enumerate(delegates):
        if re.fullmatch(ACCOUNT, str(node.value)) is None:
            entry.complain(node, f"delegates[{index}]", f"{like} is expected here")
    return Impersonate(
        service_account=entry.text("service_account", form=ACCOUNT, like=like, required=True) or "",
        delegates=tuple(str(node.value) for node in delegates),
        lifetime=entry.duration("lifetime", SHORTEST, LIFETIME) or Impersonate("").lifetime,
    )


def _azure(entry: _Entry) -> Azure:
    entry.apart("service_principal", "managed_identity", "workload_identity")
    principal = entry.inner("service_principal", "tenant", "client", "secret_env", "secret_file", "certificate")
    if principal is not None:
        return Azure(_principal(principal))
    managed = entry.inner("managed_identity", "client")
    if managed is not None:
        return Azure(ManagedIdentity(managed.text("client", form=ID, like="the client id of an identity")))
    workload = entry.inner("workload_identity", "tenant", "client", "token_file")
    if workload is not None:
        return Azure(AzureWorkloadIdentity(*_application(workload), workload.file("token_file")))
    return Azure()


def _principal(entry: _Entry) -> ServicePrincipal:
    proofs = ("secret_env", "secret_file", "certificate")
    entry.apart(*proofs)
    if entry.sound and not any(entry.node(name) is not None for name in proofs):
        entry.complain(entry.at, "", f"one of {', '.join(proofs)} is missing")
    variable = entry.text("secret_env", form=VARIABLE, like="the name of an environment variable")
    file = entry.file("secret_file")
    reference = f"env:{variable}" if variable else f"file:{file}" if file else None
    return ServicePrincipal(
        *_application(entry),
        secret=Secret(reference) if reference else None,
        certificate=entry.file("certificate"),
    )


def _application(entry: _Entry) -> tuple[str, str]:
    tenant = entry.text("tenant", form=ID, like="the id of a tenant", required=True)
    client = entry.text("client", form=ID, like="the client id of an application", required=True)
    return tenant or "", client or ""


_WAYS: dict[str, Callable[[_Entry], Way]] = {"aws": _aws, "gcp": _google, "azure": _azure}
