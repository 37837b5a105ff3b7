"""What goes wrong between this machine and a target. All leave with exit code 15; ``code`` tells
them apart.
"""

from __future__ import annotations

from pico_deploy.errors import PicoError


class TargetError(PicoError):
    """A target refused, or answered something that cannot be understood."""

    code = "target-failed"
    exit_code = 15


class NoSuchDeviceError(TargetError):
    """No device of that name is connected."""

    code = "no-such-device"


class UnauthorisedError(TargetError):
    """The device is connected and does not trust this machine yet."""

    code = "unauthorised"


class DeviceFullError(TargetError):
    """There is no room for a file on the device."""

    code = "device-full"


class DisconnectedError(TargetError):
    """The connection broke in the middle of something."""

    code = "disconnected"


class TargetTimeoutError(TargetError):
    """The device did not answer in time; what it ran there was stopped where that is possible."""

    code = "target-timeout"


class NotOnTargetError(TargetError):
    """A file or program is not on the device."""

    code = "not-on-target"


class UnsupportedError(TargetError):
    """This kind of target cannot do that at all."""

    code = "unsupported-on-target"
