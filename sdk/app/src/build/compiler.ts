/**
 * AssemblyScript's compiler, by as much of it as the build uses. Its own declarations are global (`abs`, `f64`, an `Array` whose
 * `at` always finds something) and would change what the type checker believes of all other code, so they are kept from it:
 * the modules are asked for by names that only the runtime resolves.
 */
import type { Diagnostic } from "./diagnosed.ts";

export interface Range {
  readonly start: number;
  readonly end: number;
}

interface Node {
  readonly kind: number;
  readonly range: Range;
}

interface Identifier extends Node {
  readonly text: string;
}

export type Expression = Node;
export type TypeNode = Node;

export interface NamedTypeNode extends Node {
  readonly name: { readonly identifier: Identifier };
  readonly typeArguments: readonly TypeNode[] | null;
  readonly isNullable: boolean;
}

export interface DecoratorNode extends Node {
  readonly name: Node;
  readonly args: readonly Expression[] | null;
}

interface Declaration extends Node {
  readonly name: Identifier;
  readonly decorators: readonly DecoratorNode[] | null;
  readonly typeParameters: readonly Node[] | null;
  is(flag: number): boolean;
}

export interface ParameterNode extends Node {
  readonly name: Identifier;
  readonly type: TypeNode;
  readonly initializer: Expression | null;
}

export interface FieldDeclaration extends Declaration {
  readonly type: TypeNode | null;
  readonly initializer: Expression | null;
  /** Of the constructor's parameter that declares the field; negative where none does. */
  readonly parameterIndex: number;
}

export interface MethodDeclaration extends Declaration {
  readonly signature: { readonly parameters: readonly ParameterNode[]; readonly returnType: TypeNode };
}

export interface ClassDeclaration extends Declaration {
  readonly members: readonly Declaration[];
  readonly extendsType: Node | null;
}

export interface ImportStatement extends Node {
  readonly path: { readonly value: string } | null;
}

interface Compiler {
  readonly Parser: new () => {
    parseFile(text: string, path: string, isEntry: boolean): void;
    readonly sources: readonly { readonly statements: readonly Node[] }[];
  };
  readonly NodeKind: Readonly<
    Record<"ClassDeclaration" | "FieldDeclaration" | "MethodDeclaration" | "Import" | "Export" | "NamedType", number>
  >;
  readonly CommonFlags: Readonly<Record<"Constructor" | "Private" | "Protected" | "Static" | "Get" | "Set", number>>;
}

interface CommandLine {
  readonly main: (
    options: readonly string[],
    host: {
      readFile(path: string): Promise<string | null>;
      writeFile(path: string, contents: string | Uint8Array): void;
      listFiles(): readonly string[];
      reportDiagnostic(diagnostic: Diagnostic): void;
    },
  ) => Promise<{ readonly error: Error | null }>;
}

const [COMPILER, COMMAND_LINE]: readonly [string, string] = ["assemblyscript", "assemblyscript/asc"];

export const { Parser, NodeKind, CommonFlags } = (await import(COMPILER)) as Compiler;
export const { main } = (await import(COMMAND_LINE)) as CommandLine;
