package org.picodeploy.kit

/** What went wrong, in one line that says what was found and what to try; [code] is stable. */
abstract class PicoException(val code: String, message: String) : Exception(message)

/** The core refused. [status] is its number, [name] the status's stable name ("stream-damaged"). */
class CoreException(val status: Int, val name: String, message: String) : PicoException(name, message)

/** The bundle is incomplete, altered or made for something else. */
class BundleException(message: String) : PicoException("bundle", message)

/** A runtime gave something that is no symbol, or other symbols came back than were sent. */
class VerificationException(message: String) : PicoException("verification", message)

/** A thing that this device, system or runtime does not have. */
class UnavailableException(message: String) : PicoException("unavailable", message)

/** The caller asked for something that cannot be. */
class UsageException(message: String) : PicoException("usage", message)
