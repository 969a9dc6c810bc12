/**
 * What of the client runs in a browser too: the fold, errors and messages, for use with the stubs in
 * `weir-client/v1` and a gRPC-Web transport of your choice. Nothing here imports gRPC.
 *
 * @packageDocumentation
 */

export * from "./errors.js";
export { errorFromEnd, errorFromStatus, type Progress, type Status } from "./failure.js";
export { ChatFold, CompleteFold, Fold, foldChat, foldComplete } from "./fold.js";
export {
  assistant,
  type Content,
  type EmbedInputInit,
  type MessageInit,
  type PartInit,
  system,
  toolFailure,
  toolResult,
  user,
} from "./messages.js";
export { VERSION } from "./version.js";
