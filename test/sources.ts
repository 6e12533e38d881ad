// The project's own sources, parsed: for tests about the shape of the code.
import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import ts from "typescript";

export const ROOT = join(import.meta.dirname, "..");

export interface Import {
  /** "node:fs", "zod", or the path of a file of ours from the root. */
  readonly to: string;
  readonly ours: boolean;
  readonly types: boolean;
  readonly dynamic: boolean;
  /** The names taken; empty for a namespace or a bare import. */
  readonly names: readonly string[];
}

export interface Source {
  /** From the root: "signer/ledger/ledger.ts". */
  readonly path: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
  readonly imports: readonly Import[];
}

/** Top-level folder of a path. */
export const folderOf = (path: string): string => path.slice(0, path.indexOf("/"));

/** Every TypeScript file under these folders, sorted. */
export const sourcesIn = (folders: readonly string[]): Source[] =>
  folders
    .flatMap((folder) => globSync(`${folder}/**/*.{ts,mts,js,mjs}`, { cwd: ROOT }))
    .sort()
    .map((path) => parseSource(path, readFileSync(join(ROOT, path), "utf8")));

export function parseSource(path: string, text: string): Source {
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  return { path, text, tree, imports: importsOf(path, tree) };
}

function importsOf(path: string, tree: ts.SourceFile): Import[] {
  const found: Import[] = [];
  visit(tree, (node) => {
    const specifier = specifierOf(node);
    if (specifier === undefined) return;
    const ours = specifier.startsWith(".");
    const to = ours ? normalize(join(dirname(path), specifier)) : specifier;
    found.push({ to, ours, types: isTypes(node), dynamic: ts.isCallExpression(node), names: namesOf(node) });
  });
  return found;
}

/** Calls `each` for the node and everything below it. */
export function visit(node: ts.Node, each: (node: ts.Node) => void): void {
  each(node);
  ts.forEachChild(node, (child) => {
    visit(child, each);
  });
}

function specifierOf(node: ts.Node): string | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return textOf(node.moduleSpecifier);
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    // A specifier that is computed could be anything.
    return textOf(node.arguments[0]) ?? "./(computed)";
  }
  return ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)
    ? textOf(node.argument.literal)
    : undefined;
}

const textOf = (node: ts.Node | undefined): string | undefined =>
  node && ts.isStringLiteralLike(node) ? node.text : undefined;

function isTypes(node: ts.Node): boolean {
  if (ts.isImportTypeNode(node)) return true;
  if (ts.isExportDeclaration(node)) return node.isTypeOnly;
  if (!ts.isImportDeclaration(node) || !node.importClause) return false;
  const { importClause } = node;
  if (importClause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const bindings = importClause.namedBindings;
  return (
    importClause.name === undefined &&
    bindings !== undefined &&
    ts.isNamedImports(bindings) &&
    bindings.elements.every((element) => element.isTypeOnly)
  );
}

function namesOf(node: ts.Node): string[] {
  if (!ts.isImportDeclaration(node)) return [];
  const bindings = node.importClause?.namedBindings;
  if (!bindings || !ts.isNamedImports(bindings)) return [];
  return bindings.elements.map(({ propertyName, name }) => (propertyName ?? name).text);
}
