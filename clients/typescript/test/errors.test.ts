/** Does every failure become an error that says what to do next? */

import assert from "node:assert/strict";
import { test } from "node:test";

import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack, type Any } from "@bufbuild/protobuf/wkt";
import * as weir from "weir-client/web";
import { ErrorReason, FailureInfoSchema } from "weir-client/v1";
import * as rpc from "#dist/google/rpc/details_pb.js";

function details(...packed: Any[]): Uint8Array {
  return toBinary(rpc.StatusSchema, create(rpc.StatusSchema, { details: packed }));
}

const info = (reason: string, domain = "weir") =>
  anyPack(rpc.ErrorInfoSchema, create(rpc.ErrorInfoSchema, { reason, domain, metadata: { model: "m" } }));

/** The code decides the class, unless the reason knows better. */
for (const [code, reason, kind] of [
  [weir.Code.INVALID_ARGUMENT, "INVALID_REQUEST", weir.InvalidRequestError],
  [weir.Code.UNAUTHENTICATED, "API_KEY_INVALID", weir.UnauthenticatedError],
  [weir.Code.PERMISSION_DENIED, "POLICY_BLOCKED", weir.PermissionDeniedError],
  [weir.Code.NOT_FOUND, "MODEL_NOT_FOUND", weir.NotFoundError],
  [weir.Code.ABORTED, "IDEMPOTENCY_IN_PROGRESS", weir.ConflictError],
  [weir.Code.UNIMPLEMENTED, "FEATURE_DISABLED", weir.UnsupportedError],
  [weir.Code.RESOURCE_EXHAUSTED, "RATE_LIMITED", weir.RateLimitedError],
  [weir.Code.RESOURCE_EXHAUSTED, "BUDGET_EXCEEDED", weir.QuotaExceededError],
  [weir.Code.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE", weir.InvalidRequestError],
  [weir.Code.RESOURCE_EXHAUSTED, "SLOW_CONSUMER", weir.StreamBrokenError],
  [weir.Code.UNAVAILABLE, "CIRCUIT_OPEN", weir.UnavailableError],
  [weir.Code.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", weir.DeadlineExceededError],
  [weir.Code.ABORTED, "UPSTREAM_STREAM_BROKEN", weir.StreamBrokenError],
  [weir.Code.INTERNAL, "INTERNAL", weir.ServerError],
  [weir.Code.NOT_FOUND, "A_REASON_OF_TOMORROW", weir.NotFoundError],
  [99, "", weir.ServerError],
] as const) {
  test(`${code} ${reason} is ${kind.name}`, () => {
    const error = weir.errorFromStatus({ code, message: "no", details: details(info(reason)) });
    assert.equal(error.constructor, kind);
    assert.equal(error.name, kind.name);
    assert.equal(error.reason, reason);
  });
}

/** Every detail of a status is a field of the error. */
test("details", () => {
  const failure = create(FailureInfoSchema, {
    responseId: "resp_1",
    usage: { totalTokens: 5n },
    lastSequence: 3n,
    attempts: [{ provider: "providers/p" }],
  });
  const error = weir.errorFromStatus({
    code: 8,
    message: "Too much.",
    requestId: "r",
    details: details(
      info("RATE_LIMITED"),
      anyPack(rpc.RetryInfoSchema, create(rpc.RetryInfoSchema, { retryDelay: { seconds: 1n, nanos: 5e8 } })),
      anyPack(rpc.BadRequestSchema, create(rpc.BadRequestSchema, { fieldViolations: [{ field: "f", reason: "R" }] })),
      anyPack(rpc.QuotaFailureSchema, create(rpc.QuotaFailureSchema, { violations: [{ subject: "s", description: "d" }] })),
      anyPack(rpc.ResourceInfoSchema, create(rpc.ResourceInfoSchema, { resourceType: "model", resourceName: "m" })),
      anyPack(FailureInfoSchema, failure),
    ),
  });
  assert.ok(error instanceof weir.RateLimitedError);
  assert.equal(error.message, "Too much.");
  assert.equal(error.retryAfterMs, 1500);
  assert.deepEqual(error.metadata, { model: "m" });
  assert.equal(error.fieldViolations[0]?.rule, "R");
  assert.deepEqual(error.quotaViolations, [{ subject: "s", description: "d" }]);
  assert.deepEqual(error.resource, { type: "model", name: "m" });
  assert.equal(error.responseId, "resp_1");
  assert.equal(error.usage?.totalTokens, 5n);
  assert.equal(error.lastSequence, 3n);
  assert.equal(error.attempts[0]?.provider, "providers/p");
  assert.equal(error.requestId, "r");
  assert.equal(error.reasonNumber, ErrorReason.RATE_LIMITED);
});

/** Someone else's details, and bytes that are none, leave what the status says. */
test("details of others", () => {
  const foreign = weir.errorFromStatus({ code: 5, message: "no", details: details(info("X", "example.com")) });
  const torn = weir.errorFromStatus({ code: 5, message: "", details: Uint8Array.of(255, 255) });
  assert.equal(foreign.reason, "");
  assert.ok(torn instanceof weir.NotFoundError);
  assert.equal(torn.message, "The call failed with NOT_FOUND.");
  assert.equal(torn.reasonNumber, ErrorReason.UNSPECIFIED);
});

/** How far the call had come tells a cut answer from one that was never begun. */
test("a cut answer", () => {
  const lost = { code: weir.Code.UNAVAILABLE, message: "gone" };
  assert.ok(weir.errorFromStatus(lost) instanceof weir.UnavailableError);
  assert.ok(weir.errorFromStatus(lost, { started: true }) instanceof weir.StreamBrokenError);
  const draining = { ...lost, details: details(info("GATEWAY_DRAINING")) };
  assert.ok(weir.errorFromStatus(draining, { started: true }) instanceof weir.UnavailableError);
  assert.ok(weir.errorFromStatus(draining, { started: true, answered: true }) instanceof weir.StreamBrokenError);
});
