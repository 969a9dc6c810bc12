package weir.conformance;

import com.google.protobuf.Message;
import io.grpc.Channel;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthGrpc;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.List;
import weir.admin.v1.KeyAdminServiceGrpc;
import weir.admin.v1.ProviderAdminServiceGrpc;
import weir.admin.v1.UsageAdminServiceGrpc;
import weir.v1.EmbeddingServiceGrpc;
import weir.v1.LLMProviderServiceGrpc;
import weir.v1.ModelServiceGrpc;
import weir.v1.UsageServiceGrpc;

/** How is any method of any service called? Through its generated stub, found by its name. */
final class Stubs {
    private static final List<Class<?>> SERVICES =
            List.of(
                    LLMProviderServiceGrpc.class,
                    EmbeddingServiceGrpc.class,
                    ModelServiceGrpc.class,
                    UsageServiceGrpc.class,
                    ProviderAdminServiceGrpc.class,
                    UsageAdminServiceGrpc.class,
                    KeyAdminServiceGrpc.class,
                    HealthGrpc.class);

    private final Class<?> service;
    private final Method method;

    /** Find "package.Service/Method". */
    Stubs(String fullName) throws ReflectiveOperationException {
        String[] names = fullName.split("/", 2);
        service = service(names[0]);
        String name = names[1].substring(0, 1).toLowerCase() + names[1].substring(1);
        Class<?> stub = service.getMethod("newBlockingStub", Channel.class).getReturnType();
        method =
                Arrays.stream(stub.getMethods())
                        .filter(each -> each.getName().equals(name) && each.getParameterCount() == 1)
                        .findFirst()
                        .orElseThrow(() -> new NoSuchMethodException(fullName));
    }

    /** An empty request of the method. */
    Message.Builder request() throws ReflectiveOperationException {
        Class<?> type = method.getParameterTypes()[0];
        return ((Message) type.getMethod("getDefaultInstance").invoke(null)).newBuilderForType();
    }

    /** Call it; a message for a unary method, an Iterator for a stream. */
    Object call(Channel channel, Message request) throws ReflectiveOperationException {
        Object stub = service.getMethod("newBlockingStub", Channel.class).invoke(null, channel);
        try {
            return method.invoke(stub, request);
        } catch (InvocationTargetException failed) {
            if (failed.getCause() instanceof StatusRuntimeException status) {
                throw status;
            }
            throw failed;
        }
    }

    private static Class<?> service(String name) throws ReflectiveOperationException {
        for (Class<?> each : SERVICES) {
            if (each.getField("SERVICE_NAME").get(null).equals(name)) {
                return each;
            }
        }
        throw new ClassNotFoundException("no service " + name);
    }
}
