/**
 * Every message, enum and service of the contract's package `weir.admin.v1`, which is for operators.
 *
 * @packageDocumentation
 */

export * from "./weir/admin/v1/admin_service_pb.js";
export * from "./weir/admin/v1/key_admin_service_pb.js";
export * from "./weir/admin/v1/usage_admin_service_pb.js";
