"""Dalvik code, as baksmali prints it, run instruction by instruction: enough for the activity.

On the way it checks some of what Android's verifier checks before: a register is read only after it
was written, values have the types that methods and fields declare, constructors come first, a
method is called in its own way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from smali_text import Class, Method, parameters

_CALL = re.compile(r"\{(.*)\}, (L[^;]+;)->(.+)")
_FIELD = re.compile(r"(L[^;]+;)->(\w+):(.+)")
OBJECT = "Ljava/lang/Object;"
_PLAIN = {
    "Ljava/lang/String;": str,
    "Ljava/lang/CharSequence;": str,
    "I": int,
    "[B": bytearray,
}
"""Types whose values are Python's own."""


class VerifyError(Exception):
    """Code that Android would refuse to load."""


class JavaError(Exception):
    """A Java exception on its way."""


@dataclass(eq=False)
class Instance:
    """An object; ``value`` is what stands for it here. ``type`` is its class."""

    type: str
    value: Any = None
    fields: dict[str, Any] = field(default_factory=dict)
    initialised: bool = False


Framework = dict[str, Callable[..., Any]]
"""Methods by ``class->signature``; the object comes first unless the name is in ``STATIC``."""


class Machine:
    """Classes of the APK over a framework. ``parents``: what framework classes are too."""

    def __init__(
        self, classes: Iterable[Class], framework: Framework, parents: dict[str, list[str]]
    ) -> None:
        self.classes = {found.name: found for found in classes}
        self.framework, self.parents = framework, parents
        self._started: set[str] = set()

    def new(self, kind: str) -> Instance:
        """An object, constructed without parameters."""
        made = Instance(kind)
        self.invoke("invoke-direct", kind, "<init>()V", [made])
        return made

    def is_a(self, kind: str, wanted: str) -> bool:
        """Is a class another one, or made of it?"""
        above = self._above(kind)
        return wanted in (kind, OBJECT) or any(self.is_a(parent, wanted) for parent in above)

    def _above(self, kind: str) -> list[str]:
        own = self.classes.get(kind)
        return self.parents.get(kind, []) if own is None else own.parents

    def check(self, value: Any, wanted: str) -> None:
        """Raises ``VerifyError`` unless a value has a declared type."""
        if wanted in _PLAIN:
            good = isinstance(value, _PLAIN[wanted]) or (value in (None, 0) and wanted != "I")
        elif wanted.startswith("["):
            good = value is None or isinstance(value, list)
        elif isinstance(value, Instance):
            good = value.initialised and self.is_a(value.type, wanted)
        else:
            good = value in (None, 0) or (wanted == OBJECT and isinstance(value, str))
        if not good:
            raise VerifyError(f"{value!r} is no {wanted}")

    def invoke(self, kind: str, owner: str, signature: str, arguments: list[Any]) -> Any:
        """Call a method as an ``invoke-...`` instruction does."""
        declared = parameters(signature)
        static, constructor = kind == "invoke-static", signature.startswith("<init>")
        if len(arguments) != len(declared) + (not static):
            raise VerifyError(f"{owner}->{signature} takes other arguments")
        this = None if static else arguments[0]
        if this in (None, 0) and not static:
            raise JavaError("java.lang.NullPointerException")
        if not static:
            if constructor != (isinstance(this, Instance) and not this.initialised):
                raise VerifyError(f"{owner}->{signature}: constructed twice or never")
            if isinstance(this, Instance) and not self.is_a(this.type, owner):
                raise VerifyError(f"{this.type} is no {owner}")
        for value, wanted in zip(arguments[not static :], declared, strict=True):
            self.check(value, wanted)
        start = this.type if kind == "invoke-virtual" and isinstance(this, Instance) else owner
        place, method = self._find(start, signature)
        if method is None:
            result = self.framework[f"{place}->{signature}"](*arguments)
        else:
            _check_kind(kind, method, constructor)
            result = self._run(place, method, arguments)
        if constructor and isinstance(this, Instance):
            this.initialised = True
        return result

    def _find(self, owner: str, signature: str) -> tuple[str, Method | None]:
        above = [owner]
        while above:
            name = above.pop(0)
            if name in self.classes and signature in self.classes[name].methods:
                self._start(name)
                return name, self.classes[name].methods[signature]
            if f"{name}->{signature}" in self.framework:
                return name, None
            above += self._above(name)
        raise VerifyError(f"there is no {owner}->{signature}")

    def _start(self, name: str) -> None:
        if name not in self._started:
            self._started.add(name)
            initialiser = self.classes[name].methods.get("<clinit>()V")
            if initialiser is not None:
                self._run(name, initialiser, [])

    def _run(self, owner: str, method: Method, arguments: list[Any]) -> Any:
        if "native" in method.flags:
            return self.framework[f"{owner}->{method.signature}"](*arguments)
        frame = _Frame(self, method, arguments)
        while True:
            try:
                if frame.step():
                    return frame.result
            except JavaError as thrown:
                frame.handle(thrown)


def _check_kind(kind: str, method: Method, constructor: bool) -> None:
    direct = constructor or "private" in method.flags
    wanted = "invoke-static" if "static" in method.flags else "invoke-direct" if direct else ""
    if (wanted or kind) != kind or (not wanted and kind not in ("invoke-virtual", "invoke-super")):
        raise VerifyError(f"{method.signature} is not called by {kind}")


class _Frame:
    """One call."""

    def __init__(self, machine: Machine, method: Method, arguments: list[Any]) -> None:
        self.machine, self.method = machine, method
        self.first = method.registers - len(arguments)
        self.values = dict(enumerate(arguments, self.first))
        self.at = 0
        self.result: Any = None
        self.thrown: Any = None

    def _number(self, name: str) -> int:
        number = int(name[1:]) + (self.first if name[0] == "p" else 0)
        if number >= self.method.registers:
            raise VerifyError(f"{name} is beyond the registers of {self.method.signature}")
        return number

    def get(self, name: str) -> Any:
        number = self._number(name)
        if number not in self.values:
            raise VerifyError(f"{name} is read before it is written in {self.method.signature}")
        return self.values[number]

    def put(self, name: str, value: Any) -> None:
        self.values[self._number(name)] = value

    def handle(self, thrown: JavaError) -> None:
        for start, end, handler in self.method.catches:
            if self.method.labels[start] <= self.at - 1 < self.method.labels[end]:
                self.thrown = Instance("Ljava/lang/Throwable;", str(thrown), initialised=True)
                self.at = self.method.labels[handler]
                return
        raise thrown

    def step(self) -> bool:
        """One instruction; True when the call is over."""
        operation, operands = self.method.code[self.at]
        self.at += 1
        if operation.startswith("invoke"):
            registers, owner, signature = _CALL.findall(operands)[0]
            arguments = [self.get(name) for name in registers.split(", ") if name]
            self.result = self.machine.invoke(operation, owner, signature, arguments)
            return False
        if operation.startswith("return"):
            self.result = self.get(operands) if operands else None
            return True
        a, *rest = operands.split(", ", 1) if operation == "const-string" else operands.split(", ")
        self._simple(operation, a, rest)
        return False

    def _simple(self, operation: str, a: str, rest: list[str]) -> None:
        b, c = [*rest, "", ""][:2]
        if operation == "const-string":
            self.put(a, json.loads(b))
        elif operation in ("const/4", "const/high16"):
            self.put(a, int(b, 16))
        elif operation in ("move-result", "move-result-object"):
            self.put(a, self.result)
        elif operation == "move-exception":
            self.put(a, self.thrown)
        elif operation == "new-instance":
            self.put(a, Instance(b))
        elif operation == "new-array":
            self.put(a, bytearray(self.get(b)) if c == "[B" else [None] * self.get(b))
        elif operation == "array-length":
            self.put(a, len(self.get(b)))
        elif operation == "aget-object":
            self.put(a, self.get(b)[self.get(c)])
        elif operation == "add-int/lit8":
            self.put(a, self.get(b) + int(c, 16))
        elif operation in ("iget-object", "iput-object"):
            self._field(operation, a, b, c)
        elif operation == "goto" or self._holds(operation, a, b):
            self.at = self.method.labels[next(o for o in (a, b, c) if o.startswith(":"))]

    def _holds(self, operation: str, a: str, b: str) -> bool:
        value = self.get(a)
        if operation in ("if-eqz", "if-nez"):
            return (value in (None, 0)) == (operation == "if-eqz")
        if operation == "if-lez":
            return bool(value <= 0)
        if operation == "if-ge":
            return bool(value >= self.get(b))
        raise VerifyError(f"{operation} is not known here")

    def _field(self, operation: str, a: str, b: str, c: str) -> None:
        owner, name, kind = _FIELD.findall(c)[0]
        if self.machine.classes[owner].fields.get(name) != kind:
            raise VerifyError(f"there is no field {c}")
        held = self.get(b)
        self.machine.check(held, owner)
        if operation == "iput-object":
            self.machine.check(self.get(a), kind)
            held.fields[name] = self.get(a)
        else:
            self.put(a, held.fields.get(name))
