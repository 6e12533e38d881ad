export { VERSION } from "../protocol/version.ts";
