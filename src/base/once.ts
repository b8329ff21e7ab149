/** Values made when they are first asked for: tables that few runs look at take nothing of a start's time. */
export function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
