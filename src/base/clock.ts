/** A clock that never goes back. */

/** Milliseconds, with fractions, since some moment. Under Node not `performance`: what that is Node loads at its first use, which takes 2 ms of a start. */
export const milliseconds: () => number =
  typeof process === 'undefined'
    ? () => performance.now()
    : () => {
        const [seconds, nanoseconds] = process.hrtime();
        return seconds * 1e3 + nanoseconds / 1e6;
      };
