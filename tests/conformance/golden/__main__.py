"""Write the golden files of the modules beside this one: `python -m tests.conformance.golden`."""

from tests.conformance.golden.files import FOLDER, texts

for name, text in texts().items():
    (FOLDER / name).write_text(text, encoding="utf-8")
