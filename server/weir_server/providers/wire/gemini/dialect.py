"""In what do Google's two doors to Gemini differ, and in what its generations? Data, not code.

AI Studio is the reference "Gemini API" (ai.google.dev), Vertex the reference "Vertex AI
generateContent" (docs.cloud.google.com). Names of models are read as google-genai reads them.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote

_GENERATION = re.compile(r"(?:^|/)gemini-(?P<major>[0-9]{1,2})(?:[.-]|$)")
_FILE_ID = re.compile(r"(?:files/)?(?P<id>[A-Za-z0-9_-]{1,128})")
_FILES = "https://generativelanguage.googleapis.com/v1beta/files/"
_OWN_ADDRESS = ("https://", "http://", "gs://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One of the doors. The defaults are AI Studio's."""

    kind: str = "gemini"
    """Kind of provider: whose extensions and whose states of earlier turns are sent."""
    vertex: bool = False
    """Whether this is Vertex."""
    parent: str = ""
    """What stands before a model's name in a path, such as `projects/p/locations/global`."""

    def model_name(self, model: str) -> str:
        """Return a model's full name below `parent`, such as `models/gemini-3-flash`."""
        if not self.vertex:
            return model if model.startswith(("models/", "tunedModels/")) else f"models/{model}"
        # Another project's would be asked in the name of this one.
        model = model.removeprefix(f"{self.parent}/")
        if model.startswith(("publishers/", "endpoints/")):
            return model
        publisher, slash, name = model.removeprefix("models/").partition("/")
        if slash:
            return f"publishers/{publisher}/models/{name}"
        return f"publishers/google/models/{publisher}"

    def path(self, model: str, method: str) -> str:
        """Return the path of a model's method; nothing in a name can lead elsewhere."""
        name = self.model_name(model)
        if self.parent:
            name = f"{self.parent}/{name}"
        # A segment of dots alone would be taken for a way up.
        segments = (quote(s, safe="@:") if s.strip(".") else "-" for s in name.split("/"))
        return f"/{'/'.join(segments)}:{method}"

    def file_uri(self, file_id: str) -> str:
        """Return the address of a file that was uploaded before; empty: there are none here."""
        if file_id.startswith(_OWN_ADDRESS):
            return file_id
        found = None if self.vertex else _FILE_ID.fullmatch(file_id)
        return f"{_FILES}{found['id']}" if found else ""

    def takes_call_ids(self, model: str) -> bool:
        """Whether a call's identity may be sent back: Vertex refuses it for old generations."""
        return not self.vertex or generation(model) not in (1, 2)


AI_STUDIO = Dialect()


def generation(model: str) -> int:
    """Return the generation that a model's name tells, such as 3; 0: it tells none."""
    found = _GENERATION.search(model)
    return int(found["major"]) if found else 0
