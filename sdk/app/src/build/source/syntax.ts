/**
 * The parts of the compiler's syntax tree that the build looks at. The compiler declares its kinds as ambient constants, which
 * nothing compiled file by file may use, so they are taken from the objects that it exports at run time.
 */
import * as compiler from "assemblyscript";
import type { CommonFlags as Flags, NodeKind as Kinds } from "assemblyscript";

type Kind = "ClassDeclaration" | "FieldDeclaration" | "MethodDeclaration" | "Import" | "Export" | "NamedType";
type Flag = "Constructor" | "Private" | "Protected" | "Static" | "Get" | "Set";

export const { NodeKind, CommonFlags } = compiler as unknown as {
  readonly NodeKind: Readonly<Pick<typeof Kinds, Kind>>;
  readonly CommonFlags: Readonly<Pick<typeof Flags, Flag>>;
};
