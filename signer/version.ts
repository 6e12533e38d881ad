// The version that status tells; a test holds it to package.json's, which the running signer does not read.
export const VERSION = "0.1.0";
