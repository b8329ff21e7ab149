/** Which sources this bundle was made from, so that what one version left behind is not taken for another's. */
declare const __BUILD__: string | undefined;

/** A digest of the sources; undefined when running from them. */
export const BUILD = typeof __BUILD__ === 'string' ? __BUILD__ : undefined;
