"""Which servicer answers which RPC? The one table of all methods."""

from collections.abc import Sequence

from weir.admin.v1 import admin_service_pb2, key_admin_service_pb2, usage_admin_service_pb2
from weir.v1 import (
    embedding_service_pb2,
    model_service_pb2,
    provider_service_pb2,
    usage_service_pb2,
)
from weir.v1.provider_service_pb2 import StreamChatResponse, StreamCompleteResponse
from weir_server.core.caller import Role
from weir_server.core.target import Operation
from weir_server.transport.methods import Method, UnaryServicer, WatchServicer
from weir_server.transport.services.admin import Admin
from weir_server.transport.services.counting import Counting
from weir_server.transport.services.generation import Generation
from weir_server.transport.services.keys import KeyAdmin
from weir_server.transport.services.models import Models
from weir_server.transport.services.providers import Providers
from weir_server.transport.services.usage import Usage
from weir_server.transport.services.usage_admin import UsageAdmin

LLM = "weir.v1.LLMProviderService"
EMBEDDING = "weir.v1.EmbeddingService"
MODEL = "weir.v1.ModelService"
USAGE = "weir.v1.UsageService"
ADMIN = "weir.admin.v1.ProviderAdminService"
KEYS = "weir.admin.v1.KeyAdminService"
USAGE_ADMIN = "weir.admin.v1.UsageAdminService"
SERVICES = (LLM, EMBEDDING, MODEL, USAGE, ADMIN, KEYS, USAGE_ADMIN)


def methods(
    *,
    generation: Generation,
    counting: Counting,
    providers: Providers,
    models: Models,
    usage: Usage,
    admin: Admin,
    keys: KeyAdmin,
    usage_admin: UsageAdmin,
) -> Sequence[Method]:
    """Return every RPC that Weir serves, each with who may call it.

    Health and reflection come from their own packages and ask for no key: what balances the load
    has none, and reflection is off where other machines can reach the port, unless it is set.
    """
    llm, embedding, model = provider_service_pb2, embedding_service_pb2, model_service_pb2
    return (
        Method(
            service=LLM,
            name="Initialize",
            decode=llm.InitializeRequest.FromString,
            operation=Operation.INFO,
            role=Role.OPERATOR,
            unary=providers.initialize,
        ),
        Method(
            service=LLM,
            name="ValidateConfig",
            decode=llm.ValidateConfigRequest.FromString,
            operation=Operation.INFO,
            role=Role.OPERATOR,
            unary=providers.validate_config,
        ),
        Method(
            service=LLM,
            name="Complete",
            decode=llm.CompleteRequest.FromString,
            operation=Operation.COMPLETE,
            role=Role.CALLER,
            unary=generation.complete,
        ),
        Method(
            service=LLM,
            name="StreamComplete",
            decode=llm.StreamCompleteRequest.FromString,
            operation=Operation.COMPLETE,
            role=Role.CALLER,
            stream=generation.stream_complete,
            frame=StreamCompleteResponse,
        ),
        Method(
            service=LLM,
            name="Chat",
            decode=llm.ChatRequest.FromString,
            operation=Operation.CHAT,
            role=Role.CALLER,
            unary=generation.chat,
        ),
        Method(
            service=LLM,
            name="StreamChat",
            decode=llm.StreamChatRequest.FromString,
            operation=Operation.CHAT,
            role=Role.CALLER,
            stream=generation.stream_chat,
            frame=StreamChatResponse,
        ),
        Method(
            service=LLM,
            name="CountTokens",
            decode=llm.CountTokensRequest.FromString,
            operation=Operation.COUNT,
            role=Role.CALLER,
            unary=counting.count_tokens,
        ),
        Method(
            service=LLM,
            name="ValidateTokenCount",
            decode=llm.ValidateTokenCountRequest.FromString,
            operation=Operation.COUNT,
            role=Role.CALLER,
            unary=counting.validate_token_count,
        ),
        Method(
            service=EMBEDDING,
            name="Embed",
            decode=embedding.EmbedRequest.FromString,
            operation=Operation.EMBED,
            role=Role.CALLER,
            unary=generation.embed,
        ),
        Method(
            service=MODEL,
            name="ListModels",
            decode=model.ListModelsRequest.FromString,
            operation=Operation.INFO,
            role=Role.CALLER,
            unary=models.list_models,
        ),
        Method(
            service=MODEL,
            name="GetModel",
            decode=model.GetModelRequest.FromString,
            operation=Operation.INFO,
            role=Role.CALLER,
            unary=models.get_model,
        ),
        Method(
            service=MODEL,
            name="GetServerInfo",
            decode=model.GetServerInfoRequest.FromString,
            operation=Operation.INFO,
            role=Role.CALLER,
            unary=models.get_server_info,
        ),
        Method(
            service=USAGE,
            name="GetResponseUsage",
            decode=usage_service_pb2.GetResponseUsageRequest.FromString,
            operation=Operation.INFO,
            role=Role.CALLER,
            unary=usage.get_response_usage,
        ),
        *admin_methods(admin),
        *key_methods(keys),
        *usage_admin_methods(usage_admin),
    )


def admin_methods(admin: Admin) -> Sequence[Method]:
    """Return the RPCs of operators."""
    return (
        Method(
            service=ADMIN,
            name="ListTargets",
            decode=admin_service_pb2.ListTargetsRequest.FromString,
            operation=Operation.INFO,
            role=Role.OPERATOR,
            unary=admin.list_targets,
        ),
        Method(
            service=ADMIN,
            name="WatchTargets",
            decode=admin_service_pb2.WatchTargetsRequest.FromString,
            operation=Operation.INFO,
            role=Role.OPERATOR,
            watch=admin.watch_targets,
        ),
        Method(
            service=ADMIN,
            name="SetCircuitState",
            decode=admin_service_pb2.SetCircuitStateRequest.FromString,
            operation=Operation.INFO,
            role=Role.OPERATOR,
            unary=admin.set_circuit_state,
        ),
        Method(
            service=ADMIN,
            name="ExplainRoute",
            decode=admin_service_pb2.ExplainRouteRequest.FromString,
            operation=Operation.INFO,
            role=Role.OPERATOR,
            unary=admin.explain_route,
        ),
    )


def key_methods(keys: KeyAdmin) -> Sequence[Method]:
    """Return the RPCs about keys."""
    servicers: dict[str, UnaryServicer] = {
        "CreateKey": keys.create_key,
        "GetKey": keys.get_key,
        "ListKeys": keys.list_keys,
        "UpdateKey": keys.update_key,
        "RotateKey": keys.rotate_key,
        "RevokeKey": keys.revoke_key,
    }
    return tuple(
        Method(
            service=KEYS,
            name=name,
            decode=getattr(key_admin_service_pb2, f"{name}Request").FromString,
            operation=Operation.INFO,
            role=Role.OPERATOR,
            unary=servicer,
        )
        for name, servicer in servicers.items()
    )


def usage_admin_methods(admin: UsageAdmin) -> Sequence[Method]:
    """Return the RPCs by which operators ask the ledger and set budgets."""
    unary: dict[str, UnaryServicer] = {
        "QueryUsage": admin.query_usage,
        "ListCalls": admin.list_calls,
        "SetBudget": admin.set_budget,
        "ListBudgets": admin.list_budgets,
        "DeleteBudget": admin.delete_budget,
    }
    watches: dict[str, WatchServicer] = {
        "WatchUsage": admin.watch_usage,
        "WatchBudgets": admin.watch_budgets,
    }
    return tuple(
        Method(
            service=USAGE_ADMIN,
            name=name,
            decode=getattr(usage_admin_service_pb2, f"{name}Request").FromString,
            operation=Operation.INFO,
            role=Role.OPERATOR,
            unary=unary.get(name),
            watch=watches.get(name),
        )
        for name in (*unary, *watches)
    )
