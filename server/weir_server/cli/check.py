"""Is a configuration fit to start with? Every problem in one go, each with its fix."""

from pathlib import Path

from weir_server.cli.banner import models_words, providers_words, workers_words
from weir_server.cli.configuring import configured, told
from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.terminal import Terminal
from weir_server.settings.load import SettingsInvalid


def run(config: Path | None) -> ExitCode:
    """Print the problems, or what would be served."""
    terminal = Terminal()
    try:
        found = configured(config)
    except SettingsInvalid as invalid:
        for problem in invalid.problems:
            terminal.line(told(problem))
        count = len(invalid.problems)
        terminal.say(f"{count} problem{'s' if count > 1 else ''}; nothing was started", "red")
        return ExitCode.CONFIGURATION
    for warning in found.warnings:
        terminal.line(f"warning: {told(warning)}")
    terminal.line(f"ok ({found.source})")
    terminal.line(f"  listen     {found.settings.server.listen}")
    if found.settings.server.workers > 1:
        terminal.line(
            f"  workers    {found.settings.server.workers}; {workers_words(found.settings)}"
        )
    terminal.line(f"  providers  {providers_words(found.settings)}")
    terminal.line(f"  models     {models_words(found.settings)}")
    return ExitCode.OK
