/** The languages of zod's messages. */
export { default as en } from "zod/v4/locales/en.js";
