/** What the code that the build writes into an app refers to; an app itself imports from `index.ts` alone. */
export {
  begin,
  demandNone,
  flush,
  givesDocument,
  keep,
  keepPrivate,
  migrates,
  persist,
  returns,
  syncNext,
} from "./call";
export { PrivateMap, PrivateRegister } from "./collections/private";
export { decode, encode, zero } from "./json/codec";
export { Reader } from "./json/reader";
export { Writer } from "./json/writer";
