"""How does an operator bring a provider in, or try a configuration out?"""

from weir.v1.error_pb2 import FieldViolation
from weir.v1.provider_service_pb2 import (
    InitializeRequest,
    InitializeResponse,
    ValidateConfigRequest,
    ValidateConfigResponse,
)
from weir_server.core.errors import ConfigInvalid, FeatureDisabled, WeirError
from weir_server.core.providers import ProviderHost, ProviderRegistrar
from weir_server.transport import status
from weir_server.transport.methods import Rpc
from weir_server.validation.config import validate_initialize, validate_provider_config
from weir_server.validation.limits import ValidationLimits

PROBE_ID = "probe"


class Providers:
    """Serves Initialize and ValidateConfig."""

    def __init__(
        self,
        *,
        host: ProviderHost,
        registrar: ProviderRegistrar,
        limits: ValidationLimits,
        enabled: bool,
    ) -> None:
        self._host = host
        self._registrar = registrar
        self._limits = limits
        self._enabled = enabled

    async def initialize(self, rpc: Rpc, request: InitializeRequest) -> InitializeResponse:
        """Register or renew a provider. Raises FeatureDisabled, and as the registrar does."""
        self._refuse_if_disabled()
        validate_initialize(request, self._limits)
        facts, expires_ns = await self._registrar.initialize(
            request.provider_id,
            request.config,
            validate_only=request.validate_only,
            request_id=request.request_id,
            tenant=rpc.call.caller.tenant,
        )
        response = InitializeResponse(
            provider=facts.name, model=facts.default_model, capabilities=facts.capabilities
        )
        if expires_ns:
            response.expire_time.FromNanoseconds(expires_ns)
        return response

    async def validate_config(
        self, rpc: Rpc, request: ValidateConfigRequest
    ) -> ValidateConfigResponse:
        """Say whether a configuration is usable; one that is not is an answer, not an error."""
        self._refuse_if_disabled()
        if request.HasField("config"):
            violations = validate_provider_config(request.config, "config.", self._limits)
        else:
            violations = [
                FieldViolation(
                    field="config", rule="REQUIRED", description="Say how to reach the provider."
                )
            ]
        if not violations:
            try:
                self._host.check(PROBE_ID, request.config)
            except ConfigInvalid as invalid:
                violations = list(invalid.violations)
        response = ValidateConfigResponse(valid=not violations, violations=violations)
        if request.probe and not violations:
            try:
                await self._host.probe(rpc.call, request.config)
            except WeirError as failure:
                response.valid = False
                response.probe_error.CopyFrom(status.to_message(failure))
        return response

    def _refuse_if_disabled(self) -> None:
        if not self._enabled:
            raise FeatureDisabled(metadata={"feature": "initialize"})
