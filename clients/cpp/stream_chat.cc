// Streams a chat with nothing but the generated stubs: stream_chat localhost:50051
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <iostream>

#include "weir/v1/provider_service.grpc.pb.h"

int main(int argc, char** argv) {
  auto channel = grpc::CreateChannel(argc > 1 ? argv[1] : "localhost:50051",
                                     grpc::InsecureChannelCredentials());
  auto stub = weir::v1::LLMProviderService::NewStub(channel);

  weir::v1::StreamChatRequest request;
  auto* message = request.mutable_request()->add_messages();
  message->set_role(weir::v1::ROLE_USER);
  message->add_parts()->set_text("Name three rivers.");

  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(5));
  // With a key: context.AddMetadata("authorization", "Bearer weir_...");
  auto stream = stub->StreamChat(&context, request);
  weir::v1::StreamChatResponse batch;
  while (stream->Read(&batch)) {
    for (const auto& event : batch.events()) {
      std::cout << event.part_delta().text() << std::flush;
    }
  }
  // Only a status that is OK says that the answer is whole.
  grpc::Status status = stream->Finish();
  if (!status.ok()) {
    std::cerr << status.error_message() << "\n";
    return 1;
  }
}
