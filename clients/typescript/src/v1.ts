/** What is in the contract's package weir.v1? Messages and services, without any transport. */
export * from "./weir/v1/content_pb.js";
export * from "./weir/v1/embedding_service_pb.js";
export * from "./weir/v1/error_pb.js";
export * from "./weir/v1/generation_pb.js";
export * from "./weir/v1/model_pb.js";
export * from "./weir/v1/model_service_pb.js";
export * from "./weir/v1/provider_service_pb.js";
export * from "./weir/v1/usage_pb.js";
export * from "./weir/v1/usage_service_pb.js";
