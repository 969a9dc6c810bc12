// Why did a call fail? What Connect throws, as the error of Weir that it stands for.

import { ConnectError, decodeBinaryHeader } from "@connectrpc/connect";
import { errorFromStatus, type Progress, WeirError } from "weir-client/web";

/** The error to show; `progress` says how far the call had come. */
export function failureOf(thrown: unknown, progress?: Progress): WeirError {
  if (thrown instanceof WeirError) return thrown;
  const { code, rawMessage: message, metadata, cause } = ConnectError.from(thrown);
  const details = metadata.get("grpc-status-details-bin");
  return errorFromStatus(
    {
      code,
      message,
      details: details === null ? undefined : decodeBinaryHeader(details),
      // Headers and trailers both have it, and are one here.
      requestId: metadata.get("weir-request-id")?.split(", ")[0],
      cause,
    },
    progress,
  );
}
