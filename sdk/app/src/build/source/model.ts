/** An app's source as the build sees it: the marked classes, their fields and methods, and where in the text they are. */

export interface Place {
  readonly path: string;
  /** Offset in the file's text. */
  readonly at: number;
}

/** A type as it was written, taken apart: `Map<string, Note | null>`. */
export interface TypeRef {
  readonly name: string;
  readonly args: readonly TypeRef[];
  readonly nullable: boolean;
  /** As in the source, with `| null`. */
  readonly text: string;
  readonly place: Place;
}

export interface Decorator {
  readonly name: string;
  /** Whole numbers given to it, `undefined` for anything else. */
  readonly args: readonly (number | undefined)[];
  readonly place: Place;
}

export interface Parameter {
  readonly name: string;
  readonly type: TypeRef;
  /** Source of the default, where there is one. */
  readonly fallback?: string;
}

export interface Field extends Parameter {
  readonly decorators: readonly Decorator[];
  readonly isStatic: boolean;
  /** The type's place in the text, and where the field's declaration ends before a semicolon. */
  readonly typeStart: number;
  readonly typeEnd: number;
  readonly place: Place;
}

export interface Method {
  readonly name: string;
  readonly decorators: readonly Decorator[];
  readonly params: readonly Parameter[];
  /** `void` where nothing is returned. */
  readonly returns: TypeRef;
  /** Anybody may call it: neither private nor protected, static, an accessor or a constructor. */
  readonly exported: boolean;
  readonly generic: boolean;
  readonly place: Place;
}

export interface ClassModel {
  readonly name: string;
  readonly decorators: readonly Decorator[];
  readonly fields: readonly Field[];
  readonly methods: readonly Method[];
  readonly hasConstructor: boolean;
  readonly generic: boolean;
  readonly extendsAnother: boolean;
  /** Offset of the closing brace. */
  readonly end: number;
  readonly place: Place;
}

/** A stretch of text to blank out: a decorator, which the compiler need not see. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly classes: readonly ClassModel[];
  readonly decorators: readonly Span[];
  /** Specifiers of its imports, in order. */
  readonly imports: readonly string[];
}
