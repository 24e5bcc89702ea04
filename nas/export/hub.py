"""Trained networks on the Hugging Face Hub: sent by ``nas push``, read by :func:`load`."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from nas.architectures import with_counts
from nas.data.formats.hub import PREFIX
from nas.errors import UserError
from nas.export.loaded import LoadedNetwork
from nas.export.model_card import model_card
from nas.export.request import PREDICT, Request
from nas.export.source import check_exportable, find_source
from nas.export.write import write
from nas.versions import versions
from nas.weights import Model
from reward.metric import describe_metric

WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"
LIBRARY = "nas-engine"
_NAME = re.compile(r"(?:[\w.-]+/)?[\w.-]+", re.ASCII)
_TOKEN = re.compile(r"\bhf_\w+")


@dataclass(frozen=True)
class Push:
    """What ``nas push`` is asked for: the network's name on the Hub, and what its card says.

    ``dataset`` is the Hub's name of the data that it was trained on, by default that of
    ``--data hub:NAME``.
    """

    name: str
    license: str | None = None
    tags: tuple[str, ...] = ()
    dataset: str | None = None
    is_private: bool = False

    def check(self) -> None:
        """Check, before anything is loaded, what can be.

        Raises:
            UserError: the name is none of the Hub's, or a package is not installed.
        """
        _check_name(self.name, "NAME")
        _check_package("nas push")


def push(model: Model, request: Push) -> str:
    """Send the network with its config, its card and what runs it to the Hub; return its address.

    The token is that of the environment variable HF_TOKEN, or of ``hf auth login``.

    Raises:
        UserError: the Hub cannot be reached, or refuses it.
    """
    check_exportable(model.file)
    from huggingface_hub import HfApi

    with TemporaryDirectory(prefix="nas-push-") as folder:
        write_folder(Path(folder), model, request)
        with _one_line_errors(request.name):
            api = HfApi(library_name=LIBRARY, library_version=versions().get(LIBRARY))
            address = api.create_repo(request.name, private=request.is_private, exist_ok=True)
            api.upload_folder(
                repo_id=address.repo_id,
                folder_path=folder,
                commit_message=f"{model.file.name}, by nas push",
            )
    return str(address)


def write_folder(folder: Path, model: Model, request: Push) -> list[Path]:
    """Write the files that are sent to the Hub into a folder, and return them."""
    model = replace(model, file=with_counts(model.file, "SOURCE"))
    written = write(model, Request(folder / WEIGHTS), seed=0)
    (folder / WEIGHTS).with_suffix(".md").unlink()  # the card on the Hub is README.md
    (folder / CONFIG).write_text(json.dumps(_config(model), indent=2) + "\n", encoding="utf-8")
    has_predict = any(path.name == PREDICT for path in written.paths)
    predict = f"python {PREDICT} {WEIGHTS} IMAGE..." if has_predict else ""
    card = model_card(
        model, _use(request.name), model.preprocessing, predict, _front_matter(model, request)
    )
    (folder / CARD).write_text(card, encoding="utf-8")
    return sorted(folder.iterdir())


def load(source: str | Path) -> LoadedNetwork:
    """Load a trained network, from this machine or from the Hub.

    ``source`` is the directory of a ``nas train``, a checkpoint, a .safetensors file of ``nas
    export``, or ``hub:NAME`` for one that ``nas push`` sent; ``hub:NAME@REVISION`` is one of its
    revisions.

    Raises:
        UserError: it is none of these, or cannot be read.
    """
    text = str(source)
    path = _downloaded(text) if text.startswith(PREFIX) else text
    if Path(path, WEIGHTS).is_file():  # a folder as on the Hub
        path = str(Path(path, WEIGHTS))
    model = find_source(path, None)
    if not isinstance(model, Model):
        raise UserError(
            f"SOURCE: got {text}, an architecture without weights, must be of a nas train or "
            "hub:NAME"
        )
    return LoadedNetwork.of(model)


def _downloaded(source: str) -> str:
    """Return the path of the weights of ``hub:NAME`` in the Hub's own cache."""
    name, _, revision = source.removeprefix(PREFIX).partition("@")
    _check_name(name, "SOURCE")
    _check_package(source)
    from huggingface_hub import hf_hub_download

    with _one_line_errors(name):
        return hf_hub_download(name, WEIGHTS, revision=revision or None, library_name=LIBRARY)


def _check_name(name: str, argument: str) -> None:
    if not _NAME.fullmatch(name):
        raise UserError(f"{argument}: got {name!r}, must be a name on the Hub such as me/flowers")


def _check_package(what: str) -> None:
    if find_spec("huggingface_hub") is None:
        raise UserError(f"{what}: needs huggingface_hub: pip install 'nas-engine[hub]'")


@contextmanager
def _one_line_errors(name: str) -> Iterator[None]:
    """Turn errors of the Hub into one line, in which no token can stand."""
    from huggingface_hub import errors

    logger = logging.getLogger("huggingface_hub")  # tells of each attempt
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    except errors.LocalEntryNotFoundError as error:  # an EntryNotFoundError, by its type
        raise UserError(
            f"{name}: the Hub cannot be reached, and it was not read here before", 1
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise UserError(
            f"{name}: not on the Hub, or private; log in by hf auth login, or set HF_TOKEN", 1
        ) from error
    except errors.EntryNotFoundError as error:
        raise UserError(f"{name}: has no {WEIGHTS}, as nas push writes it", 1) from error
    except errors.RevisionNotFoundError as error:
        raise UserError(f"{name}: has no such revision", 1) from error
    except errors.HfHubHTTPError as error:
        raise UserError(f"{name}: {_reason(error)}", 1) from error
    except (errors.LocalTokenNotFoundError, errors.HFValidationError) as error:
        raise UserError(f"{name}: {_line(error)}", 1) from error
    except (OSError, RuntimeError, ValueError) as error:  # no connection, among others
        raise UserError(f"{name}: the Hub cannot be reached ({_line(error)})", 1) from error
    finally:
        logger.setLevel(level)


def _reason(error: Any) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return (
            f"the Hub refuses it ({status}); log in by hf auth login, or set HF_TOKEN to a token "
            "that may write"
        )
    return f"the Hub's answer is {status or 'an error'} ({_line(error)})"


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return _TOKEN.sub("hf_...", text)[:200]


def _use(name: str) -> str:
    lines = (
        "import nas  # pip install nas-engine[hub]",
        "",
        f'model = nas.load("hub:{name}")',
        'print(model.predict(["image.jpg"]))  # probabilities by class',
        "network = model.network  # a torch.nn.Module; with torch alone: model.py",
    )
    return "\n".join(lines)


def _config(model: Model) -> dict[str, Any]:
    """Return the content of config.json, by which the Hub also counts downloads."""
    training = model.training
    return {
        "library_name": LIBRARY,
        "versions": {name: versions()[name] for name in (LIBRARY, "torch") if name in versions()},
        "architecture": model.file.to_json(),
        "class_names": list(model.class_names),
        "preprocessing": model.preprocessing and model.preprocessing.to_json(),
        "training": training
        and {
            "data": training.data,
            "epoch": training.epoch,
            "metric": training.metric,
            "value": training.accuracy,
        },
    }


def _front_matter(model: Model, request: Push) -> str:
    """Return the card's YAML: license, tags, data, metrics, and results as ``model-index``."""
    training = model.training
    data = training.data if training else ""
    dataset = request.dataset
    if dataset is None and data.startswith(PREFIX) and "/" in data:
        dataset = data.removeprefix(PREFIX).partition(",")[0]
    tags = ("image-classification", "neural-architecture-search", *request.tags)
    content: dict[str, Any] = {
        **({"license": request.license} if request.license else {}),
        "library_name": LIBRARY,
        "pipeline_tag": "image-classification",
        "tags": list(dict.fromkeys(tags)),
    }
    if dataset:
        content["datasets"] = [dataset]
    if training:
        metric = describe_metric(training.metric)
        content["metrics"] = [training.metric]
        result = {
            "task": {"type": "image-classification", "name": "Image classification"},
            "dataset": {
                "type": dataset or data or "unknown",
                "name": data or dataset,
                "split": "validation",
            },
            "metrics": [
                {
                    "type": training.metric,
                    "value": training.accuracy,
                    "name": f"{metric.title} on the minival",
                }
            ],
        }
        content["model-index"] = [{"name": model.file.name, "results": [result]}]
    text: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    return text
