/** Which release of the client is this? The same number as in the package's metadata. */
export const VERSION = "0.1.0";
