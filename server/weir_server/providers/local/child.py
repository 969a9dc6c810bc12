"""What runs in the engine's own process? This program: it loads the model and serves it.

Run by path, isolated, with the standard library and `xllamacpp` alone. It reads one line of JSON
from standard input (see `engine.py`), answers with one line on standard output, `{"address": …}`
or `{"error": …}`, and lives until standard input ends, be it that Weir stops it or that Weir is
gone.

Why a process: the engine's constructor and destructor hold Python's interpreter lock, 0.6 s to
load and, with a generation running, 30 s and more to stop, during which nothing else in the
process runs; and a failed assertion in it ends the process it is in.
"""

import json
import os
import signal
import sys
from typing import Any


def main() -> None:
    """Serve until standard input ends."""
    # A terminal's Ctrl-C and a supervisor's SIGTERM go to every process of the group. Weir drains
    # then, and needs the model for it; it closes standard input when it is done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # What native code may print must not mix with the one line that Weir reads.
    reply = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    order: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    sys.path[:] = order["import_path"]
    os.nice(order["niceness"])
    try:
        server = _serve(order)
    except Exception as error:  # noqa: BLE001 the native layer raises what it likes; all is told
        reply.write(json.dumps({"error": f"{type(error).__name__}: {error}"}) + "\n")
        reply.flush()
        os._exit(1)
    # Nobody reads standard error from here on, and a full pipe would stop the engine.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    reply.write(json.dumps({"address": server.listening_address}) + "\n")
    reply.close()
    while sys.stdin.buffer.read(4096):
        pass
    # At once, without the destructor: it would wait for running generations to end.
    os._exit(0)


def _serve(order: dict[str, Any]) -> Any:  # noqa: ANN401 the package has no types
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = order["weights_path"]
    params.model_alias = {order["model_name"]}
    params.api_keys = [order["api_key"]]
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    # Each open request holds a thread. By default there are slots + 4, more come only sometimes,
    # and a token count was seen to wait 15 s for one behind 50 streams.
    params.n_threads_http = 64
    params.verbosity = -1
    params.n_parallel = order["slots"]
    params.n_ctx = order["slots"] * order["context_tokens_per_slot"]
    params.n_batch = order["batch_tokens"]
    params.n_ubatch = order["batch_tokens"]
    params.cpuparams.n_threads = order["threads"]
    params.cpuparams_batch.n_threads = order["threads"]
    params.sampling.temp = order["temperature"]
    params.sampling.top_p = order["top_p"]
    params.sampling.penalty_repeat = order["repeat_penalty"]
    params.n_gpu_layers = 0
    params.fit_params = False  # the sizes above are meant, not a wish
    params.kv_unified = False  # each slot has its own share of the context
    params.cache_ram_mib = 0  # by default it keeps up to 8 GiB of old prompts
    params.offline = True
    params.ui = False
    params.endpoint_slots = False
    return xllamacpp.Server(params)


if __name__ == "__main__":
    main()
