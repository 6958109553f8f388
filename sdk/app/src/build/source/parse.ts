/**
 * Reads one file of an app with the compiler's own parser. Syntax that does not parse is left for the compiler to report: what
 * is found here is then of no consequence.
 */
import {
  CommonFlags,
  NodeKind,
  Parser,
  type ClassDeclaration,
  type DecoratorNode,
  type Expression,
  type FieldDeclaration,
  type ImportStatement,
  type MethodDeclaration,
  type NamedTypeNode,
  type ParameterNode,
  type Range,
  type TypeNode,
} from "../compiler.ts";
import type { ClassModel, Decorator, Field, Method, Parameter, Place, SourceFile, Span, TypeRef } from "./model.ts";

export function parseSource(path: string, text: string): SourceFile {
  const parser = new Parser();
  parser.parseFile(text, path, true);
  const statements = parser.sources[0]?.statements ?? [];
  const reading = new Reading(path, text);
  const classes = statements
    .filter((statement) => statement.kind === NodeKind.ClassDeclaration)
    .map((statement) => reading.classOf(statement as ClassDeclaration));
  const imports = statements
    .filter((statement) => statement.kind === NodeKind.Import || statement.kind === NodeKind.Export)
    .flatMap((statement) => (statement as ImportStatement).path?.value ?? []);
  return { path, text, classes, decorators: reading.spans, imports };
}

class Reading {
  readonly spans: Span[] = [];
  readonly #path: string;
  readonly #text: string;

  constructor(path: string, text: string) {
    this.#path = path;
    this.#text = text;
  }

  classOf(declaration: ClassDeclaration): ClassModel {
    const methods = declaration.members
      .filter((member) => member.kind === NodeKind.MethodDeclaration)
      .map((member) => member as MethodDeclaration);
    const constructor = methods.find((method) => method.is(CommonFlags.Constructor));
    const fields = declaration.members
      .filter((member) => member.kind === NodeKind.FieldDeclaration)
      .map((member) => this.#field(member as FieldDeclaration, constructor?.signature.parameters ?? []));
    return {
      name: declaration.name.text,
      decorators: this.#decorators(declaration.decorators),
      fields,
      methods: methods.filter((method) => method !== constructor).map((method) => this.#method(method)),
      hasConstructor: constructor !== undefined,
      generic: (declaration.typeParameters ?? []).length > 0,
      extendsAnother: declaration.extendsType !== null,
      end: declaration.range.end - 1,
      place: this.#place(declaration.name.range),
    };
  }

  /** A field that is declared as a parameter of the constructor has its default there. */
  #field(node: FieldDeclaration, parameters: readonly ParameterNode[]): Field {
    const type = node.type;
    const parameter = node.parameterIndex < 0 ? undefined : parameters[node.parameterIndex];
    return {
      name: node.name.text,
      decorators: [...this.#decorators(node.decorators), ...this.#private(node.range)],
      type: this.#type(type, node.name.range),
      ...this.#fallback(parameter?.initializer ?? node.initializer),
      isStatic: node.is(CommonFlags.Static),
      typeStart: type?.range.start ?? node.name.range.end,
      typeEnd: type?.range.end ?? node.name.range.end,
      place: this.#place(node.name.range),
    };
  }

  #method(node: MethodDeclaration): Method {
    const { Private, Protected, Static, Get, Set } = CommonFlags;
    const hidden = [Private, Protected, Static, Get, Set].some((flag) => node.is(flag));
    return {
      name: node.name.text,
      decorators: this.#decorators(node.decorators),
      params: node.signature.parameters.map((parameter) => this.#parameter(parameter)),
      returns: this.#type(node.signature.returnType, node.name.range),
      exported: !hidden,
      generic: (node.typeParameters ?? []).length > 0,
      place: this.#place(node.name.range),
    };
  }

  #parameter(node: ParameterNode): Parameter {
    return {
      name: node.name.text,
      type: this.#type(node.type, node.name.range),
      ...this.#fallback(node.initializer),
    };
  }

  #fallback(node: Expression | null): { readonly fallback?: string } {
    return node === null ? {} : { fallback: this.#slice(node.range) };
  }

  /** A type that is no name with arguments (a function's, or none at all) has the name `?`, which is no type of JSON. */
  #type(node: TypeNode | null, near: Range): TypeRef {
    const range = node?.range ?? near;
    const text = node === null ? "" : this.#slice(range);
    const place = this.#place(range);
    if (node?.kind !== NodeKind.NamedType) return { name: "?", args: [], nullable: false, text, place };
    const named = node as NamedTypeNode;
    const args = (named.typeArguments ?? []).map((argument) => this.#type(argument, range));
    return { name: named.name.identifier.text, args, nullable: named.isNullable, text, place };
  }

  #decorators(nodes: readonly DecoratorNode[] | null): readonly Decorator[] {
    return (nodes ?? []).map((node) => {
      this.spans.push({ start: node.range.start, end: node.range.end });
      return {
        name: this.#slice(node.name.range).replace(/^@/, ""),
        args: (node.args ?? []).map(({ range }) => {
          const text = this.#slice(range);
          return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
        }),
        place: this.#place(node.name.range),
      };
    });
  }

  /** `private` is a word of the language, so the parser reads `@private` as that and not as a decorator. */
  #private(range: Range): readonly Decorator[] {
    const mark = /^@private\b/.exec(this.#slice(range))?.[0];
    if (mark === undefined) return [];
    this.spans.push({ start: range.start, end: range.start + mark.length });
    return [{ name: "private", args: [], place: this.#place(range) }];
  }

  #slice(range: Range): string {
    return this.#text.slice(range.start, range.end);
  }

  #place(range: Range): Place {
    return { path: this.#path, at: range.start };
  }
}
