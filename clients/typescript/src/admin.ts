/** What is in the contract's package weir.admin.v1, for operators? */
export * from "./weir/admin/v1/admin_service_pb.js";
export * from "./weir/admin/v1/key_admin_service_pb.js";
export * from "./weir/admin/v1/usage_admin_service_pb.js";
