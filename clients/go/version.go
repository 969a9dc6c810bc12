package weir

// Version is the release of this client: one number for the clients of all languages.
const Version = "0.1.0"
