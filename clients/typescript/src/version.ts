/** Which release of the client is this? The same number as the contract's and package.json's. */
export const VERSION = "0.1.0";
