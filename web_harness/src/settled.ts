/** A promise that runs ahead: its rejection waits until somebody asks for it. */
export function settled<T>(promise: Promise<T>): () => Promise<T> {
  promise.catch(() => {});
  return () => promise;
}
