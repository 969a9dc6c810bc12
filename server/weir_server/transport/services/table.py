"""Which servicer answers which RPC? The one table of all methods."""

from collections.abc import Sequence

from weir.admin.v1 import admin_service_pb2, usage_admin_service_pb2
from weir.v1 import (
    embedding_service_pb2,
    model_service_pb2,
    provider_service_pb2,
    usage_service_pb2,
)
from weir.v1.provider_service_pb2 import StreamChatResponse, StreamCompleteResponse
from weir_server.core.target import Operation
from weir_server.transport.methods import Method
from weir_server.transport.services.admin import Admin
from weir_server.transport.services.counting import Counting
from weir_server.transport.services.generation import Generation
from weir_server.transport.services.models import Models
from weir_server.transport.services.providers import Providers
from weir_server.transport.services.usage import Usage
from weir_server.transport.services.usage_admin import UsageAdmin

LLM = "weir.v1.LLMProviderService"
EMBEDDING = "weir.v1.EmbeddingService"
MODEL = "weir.v1.ModelService"
USAGE = "weir.v1.UsageService"
ADMIN = "weir.admin.v1.ProviderAdminService"
USAGE_ADMIN = "weir.admin.v1.UsageAdminService"
SERVICES = (LLM, EMBEDDING, MODEL, USAGE, ADMIN, USAGE_ADMIN)


def methods(
    *,
    generation: Generation,
    counting: Counting,
    providers: Providers,
    models: Models,
    usage: Usage,
    admin: Admin,
    usage_admin: UsageAdmin,
) -> Sequence[Method]:
    """Return every RPC that Weir serves; health and reflection come from their own packages."""
    llm, embedding, model = provider_service_pb2, embedding_service_pb2, model_service_pb2
    return (
        Method(
            service=LLM,
            name="Initialize",
            decode=llm.InitializeRequest.FromString,
            operation=Operation.INFO,
            unary=providers.initialize,
        ),
        Method(
            service=LLM,
            name="ValidateConfig",
            decode=llm.ValidateConfigRequest.FromString,
            operation=Operation.INFO,
            unary=providers.validate_config,
        ),
        Method(
            service=LLM,
            name="Complete",
            decode=llm.CompleteRequest.FromString,
            operation=Operation.COMPLETE,
            unary=generation.complete,
        ),
        Method(
            service=LLM,
            name="StreamComplete",
            decode=llm.StreamCompleteRequest.FromString,
            operation=Operation.COMPLETE,
            stream=generation.stream_complete,
            frame=StreamCompleteResponse,
        ),
        Method(
            service=LLM,
            name="Chat",
            decode=llm.ChatRequest.FromString,
            operation=Operation.CHAT,
            unary=generation.chat,
        ),
        Method(
            service=LLM,
            name="StreamChat",
            decode=llm.StreamChatRequest.FromString,
            operation=Operation.CHAT,
            stream=generation.stream_chat,
            frame=StreamChatResponse,
        ),
        Method(
            service=LLM,
            name="CountTokens",
            decode=llm.CountTokensRequest.FromString,
            operation=Operation.COUNT,
            unary=counting.count_tokens,
        ),
        Method(
            service=LLM,
            name="ValidateTokenCount",
            decode=llm.ValidateTokenCountRequest.FromString,
            operation=Operation.COUNT,
            unary=counting.validate_token_count,
        ),
        Method(
            service=EMBEDDING,
            name="Embed",
            decode=embedding.EmbedRequest.FromString,
            operation=Operation.EMBED,
            unary=generation.embed,
        ),
        Method(
            service=MODEL,
            name="ListModels",
            decode=model.ListModelsRequest.FromString,
            operation=Operation.INFO,
            unary=models.list_models,
        ),
        Method(
            service=MODEL,
            name="GetModel",
            decode=model.GetModelRequest.FromString,
            operation=Operation.INFO,
            unary=models.get_model,
        ),
        Method(
            service=MODEL,
            name="GetServerInfo",
            decode=model.GetServerInfoRequest.FromString,
            operation=Operation.INFO,
            unary=models.get_server_info,
        ),
        Method(
            service=USAGE,
            name="GetResponseUsage",
            decode=usage_service_pb2.GetResponseUsageRequest.FromString,
            operation=Operation.INFO,
            unary=usage.get_response_usage,
        ),
        *admin_methods(admin),
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
            unary=admin.list_targets,
        ),
        Method(
            service=ADMIN,
            name="WatchTargets",
            decode=admin_service_pb2.WatchTargetsRequest.FromString,
            operation=Operation.INFO,
            watch=admin.watch_targets,
        ),
        Method(
            service=ADMIN,
            name="SetCircuitState",
            decode=admin_service_pb2.SetCircuitStateRequest.FromString,
            operation=Operation.INFO,
            unary=admin.set_circuit_state,
        ),
        Method(
            service=ADMIN,
            name="ExplainRoute",
            decode=admin_service_pb2.ExplainRouteRequest.FromString,
            operation=Operation.INFO,
            unary=admin.explain_route,
        ),
    )


def usage_admin_methods(admin: UsageAdmin) -> Sequence[Method]:
    """Return the RPCs by which operators ask the ledger and set budgets."""
    messages = usage_admin_service_pb2
    return (
        Method(
            service=USAGE_ADMIN,
            name="QueryUsage",
            decode=messages.QueryUsageRequest.FromString,
            operation=Operation.INFO,
            unary=admin.query_usage,
        ),
        Method(
            service=USAGE_ADMIN,
            name="WatchUsage",
            decode=messages.WatchUsageRequest.FromString,
            operation=Operation.INFO,
            watch=admin.watch_usage,
        ),
        Method(
            service=USAGE_ADMIN,
            name="ListCalls",
            decode=messages.ListCallsRequest.FromString,
            operation=Operation.INFO,
            unary=admin.list_calls,
        ),
        Method(
            service=USAGE_ADMIN,
            name="SetBudget",
            decode=messages.SetBudgetRequest.FromString,
            operation=Operation.INFO,
            unary=admin.set_budget,
        ),
        Method(
            service=USAGE_ADMIN,
            name="ListBudgets",
            decode=messages.ListBudgetsRequest.FromString,
            operation=Operation.INFO,
            unary=admin.list_budgets,
        ),
        Method(
            service=USAGE_ADMIN,
            name="DeleteBudget",
            decode=messages.DeleteBudgetRequest.FromString,
            operation=Operation.INFO,
            unary=admin.delete_budget,
        ),
        Method(
            service=USAGE_ADMIN,
            name="WatchBudgets",
            decode=messages.WatchBudgetsRequest.FromString,
            operation=Operation.INFO,
            watch=admin.watch_budgets,
        ),
    )
