// The version that status and --version tell; a test holds it to package.json's, which nothing running reads.
export const VERSION = "0.1.0";
