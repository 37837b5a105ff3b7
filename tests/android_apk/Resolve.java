import java.lang.invoke.MethodType;
import java.lang.reflect.Executable;
import java.util.Arrays;
import java.util.stream.Stream;

/** Prints those of its arguments, "java.io.File delete()Z", that this Java does not have. */
final class Resolve {
    private Resolve() {}

    public static void main(String[] arguments) {
        for (String wanted : arguments) if (!exists(wanted)) System.out.println(wanted);
    }

    private static boolean exists(String wanted) {
        String[] words = wanted.split(" ");
        int open = words[1].indexOf('(');
        String name = words[1].substring(0, open);
        try {
            Class<?> owner = Class.forName(words[0]);
            MethodType type = MethodType.fromMethodDescriptorString(words[1].substring(open), null);
            Stream<? extends Executable> candidates =
                    name.equals("<init>")
                            ? Arrays.stream(owner.getConstructors())
                            : Arrays.stream(owner.getMethods())
                                    .filter(m -> m.getName().equals(name) && m.getReturnType() == type.returnType());
            return candidates.anyMatch(found -> Arrays.equals(found.getParameterTypes(), type.parameterArray()));
        } catch (ClassNotFoundException error) {
            return false;
        }
    }
}
