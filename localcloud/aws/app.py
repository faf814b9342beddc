"""AWS as a `Dialect`: moto carries requests out; what it lacks is a proper 400, and its state can be put in a file."""

from __future__ import annotations

import importlib
import io
import os
import re
from functools import cache
from types import ModuleType
from typing import Any

from localcloud.aws import answers, reading
from localcloud.core.asked import Answer, Asked, Environ, texts
from localcloud.core.cloud import Cloud, Json

# Moto takes a sub-resource that it does not know for the bucket or the object itself, and makes one.
NOT_IN_S3 = re.compile(
    r"Analytics|IntelligentTiering|BucketMetrics|BucketMetadata|Annotation|Abac|RequestPayment|Torrent|RenameObject"
    r"|UpdateObjectEncryption|WriteGetObjectResponse|CreateSession|ListDirectoryBuckets"
)
# Read by moto as it is imported.
SETTINGS = {
    "MOTO_DISABLE_GLOBAL_CORS": "true",
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "true",
}


class Aws:
    """See the module."""

    def __init__(self, cloud: Cloud, models: ModuleType | None = None) -> None:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication

        self._cloud = cloud
        self._models = models or importlib.import_module("localcloud.aws.models")
        self._models.install(cloud)
        self._moto = DomainDispatcherApplication(_open_backend)
        # It lists a directory of 180 modules for every request: half of the time that one takes.
        self._moto.get_backend_for_host = cache(self._moto.get_backend_for_host)  # type: ignore[method-assign]
        self._seed()

    def read(self, environ: Environ, body: bytes) -> Asked:
        """See `Dialect`."""
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        return reading.read(environ, body)

    def waits(self, asked: Asked) -> bool:
        """A long poll of a queue sleeps inside moto."""
        return asked.service == "sqs" and asked.action == "ReceiveMessage"

    def execute(self, environ: Environ, body: bytes, asked: Asked) -> Answer:
        """See `Dialect`."""
        if not asked.action or (asked.service == "s3" and NOT_IN_S3.search(asked.action)):
            return self.refusal(asked, *answers.unknown(asked))
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = asked.account
        said: list[tuple[int, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
            said.append((int(status.split(" ", 1)[0]), headers))

        try:
            body = b"".join(self._moto(environ, start))
        except NotImplementedError:
            return self.refusal(asked, *answers.unknown(asked))
        status, headers = said[-1]
        answer = Answer(status, tuple(headers), body)
        if status in {404, 405} and body[:9].lower() == b"<!doctype":  # Flask's own page: nothing of moto's is there
            return self.refusal(asked, *answers.unknown(asked))
        return answer

    def refusal(self, asked: Asked, code: str, message: str, status: int) -> Answer:
        """See `Dialect`."""
        return answers.refusal(asked, code, message, status)

    def throttled(self, asked: Asked) -> tuple[str, str, int]:
        """See `Dialect`."""
        return answers.throttled(asked)

    def internal(self, asked: Asked) -> tuple[str, str, int]:
        """See `Dialect`."""
        return answers.internal(asked)

    def signed(self, asked: Asked, answer: Answer, request_id: str) -> Answer:
        """See `Dialect`."""
        return answers.signed(asked, answer, request_id)

    def code(self, asked: Asked, answer: Answer) -> str:
        """See `Dialect`."""
        return answers.code(answer)

    def made(self, asked: Asked, answer: Answer) -> tuple[str, ...]:
        """See `Dialect`. A bucket is made by its name; what no request or answer has named before, by this one."""
        if asked.service == "s3":
            return (str(asked.parameters["Bucket"]),) if asked.action == "CreateBucket" else ()
        known: set[str] = self._cloud.memory.setdefault("aws.named", set())
        known.update(self._sent(asked))
        new = tuple(one for one in answers.ids(answer.body.decode("utf-8", "replace")) if one not in known)
        known.update(new)
        return new

    def touched(self, asked: Asked, answer: Answer) -> tuple[str, ...]:
        """See `Dialect`. The models may know better."""
        better = getattr(self._models, "touched", None)
        if better is not None:
            return tuple(better(asked.service, asked.action, asked.parameters, answer.body.decode("utf-8", "replace")))
        return self._sent(asked)

    def _sent(self, asked: Asked) -> tuple[str, ...]:
        if asked.service == "s3":
            return tuple(str(asked.parameters[k]) for k in ("Bucket",) if k in asked.parameters)
        return answers.ids("\n".join(texts(asked.parameters)))

    def world(self) -> dict[str, Json]:
        """See `Dialect`."""
        world: dict[str, Json] = self._models.world()
        return world

    def reset(self) -> None:
        """See `Dialect`."""
        from moto.core.base_backend import BackendDict
        from moto.core.model_instances import reset_model_data
        from moto.s3.models import s3_backends

        # Not BackendDict.reset(), which fills every backend anew (a thousand images each) before it forgets it.
        for one in _in_use():
            one.clear()
        BackendDict._instances.clear()  # type: ignore[misc]  # noqa: SLF001
        s3_backends.bucket_accounts.clear()
        reset_model_data()
        self._seed()

    def dump(self) -> dict[str, Any]:
        """See `Dialect`. Every backend in one piece, because they refer to each other."""
        from moto.moto_api._internal import mock_random
        from moto.s3.models import s3_backends

        backends = [
            (one.service_name, account, region, backend)
            for one in _in_use()
            for account, region, backend in one.iter_backends()
            if one.service_name != "moto_api"
        ]
        return {
            "random": mock_random.getstate(),
            "backends": backends,
            "buckets": dict(s3_backends.bucket_accounts),
        }

    def load(self, state: dict[str, Any]) -> None:
        """See `Dialect`."""
        from moto.backends import get_backend
        from moto.moto_api._internal import mock_random
        from moto.s3.models import s3_backends

        self.reset()
        for service, account, region, backend in state["backends"]:
            get_backend(service)[account][region] = backend
        s3_backends.bucket_accounts.update(state["buckets"])
        mock_random.setstate(state["random"])

    def _seed(self) -> None:
        from moto.moto_api._internal import mock_random

        mock_random.seed(self._cloud.seed)


def _open_backend(service: Any) -> Any:
    """Moto's application for a service, whose errors reach us instead of becoming a page of HTML with status 500."""
    from moto.moto_server.werkzeug_app import create_backend_app

    if service is None:
        raise NotImplementedError("moto has no such service")
    app = create_backend_app(service)
    app.config["PROPAGATE_EXCEPTIONS"] = True
    app.debug = False
    return app


def _in_use() -> list[Any]:
    """Moto's own list of services that were used; there is no public one."""
    from moto.core.base_backend import BackendDict

    used: list[Any] = list(BackendDict._instances)  # type: ignore[misc]  # noqa: SLF001
    return used


def build(cloud: Cloud) -> Aws:
    """The local AWS of a cloud. Once in a process: moto's state is global."""
    os.environ.update(SETTINGS)
    os.environ.pop("MOTO_ACCOUNT_ID", None)  # it would make all accounts one
    return Aws(cloud)
