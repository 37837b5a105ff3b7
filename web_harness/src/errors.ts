/** An error a user can meet: a stable code, as in docs/errors.md, and one line that helps. */
export class PicoError extends Error {
  override readonly name = 'PicoError';

  constructor(
    readonly code: string,
    message: string,
    /** Stable name of the core's status, where the core found the error. */
    readonly status = '',
  ) {
    super(message);
  }
}

/** What can be shown and posted of anything that was thrown. */
export function describe(error: unknown): { code: string; message: string } {
  if (error instanceof PicoError) return { code: error.code, message: error.message };
  const text = error instanceof Error ? error.message : String(error);
  return { code: 'error', message: text.replace(/\s+/g, ' ').trim() || 'unknown error' };
}
