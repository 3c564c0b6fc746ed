/** How large a document may be: judged before it is validated, because rules of validation are what a huge one would keep busy. */
import {
  type ASTNode,
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  Lexer,
  type SelectionNode,
  type SelectionSetNode,
  Source,
  TokenKind,
  visit,
} from 'graphql'
import { GatewayError } from '../errors.ts'

export interface DocumentLimits {
  readonly maxBytes: number
  readonly maxTokens: number
  /** Brackets of all kinds inside each other, values included: the parser calls itself for each. */
  readonly maxNesting: number
  /** Fields inside each other; the introspection query of common tools has 15. */
  readonly maxDepth: number
  /** Fields, with every fragment counted where it is spread. */
  readonly maxFields: number
  readonly maxAliases: number
  /** Of one field in one selection set, under whatever alias. */
  readonly maxSameField: number
  readonly maxDirectivesPerNode: number
  readonly maxDirectives: number
  /** Fragments and operations. */
  readonly maxDefinitions: number
  /** Lists and objects inside each other in the variables. */
  readonly maxVariablesDepth: number
}

/** Room for 200 aliased calls with arguments of their own; what is larger belongs into variables. */
export const documentLimits: DocumentLimits = {
  maxBytes: 100_000,
  maxTokens: 10_000,
  maxNesting: 64,
  maxDepth: 15,
  maxFields: 5000,
  maxAliases: 1000,
  maxSameField: 100,
  maxDirectivesPerNode: 5,
  maxDirectives: 50,
  maxDefinitions: 100,
  maxVariablesDepth: 128,
}

/** By its text alone. @throws {GraphQLError} BUDGET_EXCEEDED */
export function requireModestText(text: string, limits: DocumentLimits = documentLimits): void {
  const bytes = Buffer.byteLength(text)
  requireWithin(bytes, limits.maxBytes, (has, most) => `The document has ${has} bytes; it takes at most ${most}.`)
  const { tokens, nesting } = countTokens(text)
  requireWithin(tokens, limits.maxTokens, (has, most) => `The document has ${has} tokens; it takes at most ${most}.`)
  requireWithin(
    nesting,
    limits.maxNesting,
    (has, most) => `The document nests brackets ${has} deep; it takes at most ${most}.`,
  )
}

/** @throws {GraphQLError} BUDGET_EXCEEDED */
export function requireModestDocument(document: DocumentNode, limits: DocumentLimits = documentLimits): void {
  const definitions = document.definitions.length
  requireWithin(
    definitions,
    limits.maxDefinitions,
    (has, most) => `The document has ${has} operations and fragments; it takes at most ${most}.`,
  )
  requireFewDirectives(document, limits)
  const { depth, fields, aliases } = measureDocument(document, limits)
  requireWithin(depth, limits.maxDepth, (has, most) => `The operation is ${has} fields deep; it takes at most ${most}.`)
  requireWithin(
    aliases,
    limits.maxAliases,
    (has, most) => `The operation has ${has} aliases; it takes at most ${most}.`,
  )
  requireWithin(
    fields,
    limits.maxFields,
    (has, most) => `The operation has ${has} fields, fragments included; it takes at most ${most}.`,
  )
}

/** What a request brings beside its document. @throws {GraphQLError} BUDGET_EXCEEDED */
export function requireModestVariables(variables: unknown, limits: DocumentLimits = documentLimits): void {
  const depth = measureDepth(variables)
  requireWithin(
    depth,
    limits.maxVariablesDepth,
    (has, most) => `The variables nest lists and objects ${has} deep; they take at most ${most}.`,
  )
}

/** A refusal as an error of GraphQL, behind which the server finds ours. */
export function refuse(message: string, node?: ASTNode): GraphQLError {
  return new GraphQLError(message, { nodes: node, originalError: new GatewayError('BUDGET_EXCEEDED', message) })
}

function requireWithin(has: number, most: number, say: (has: number, most: number) => string, node?: ASTNode): void {
  if (has > most) throw refuse(say(has, most), node)
}

const opening: ReadonlySet<string> = new Set([TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L])
const closing: ReadonlySet<string> = new Set([TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R])

/** Up to the first token that is none: the parser words what is wrong with it, and comes no further. */
function countTokens(text: string): { tokens: number; nesting: number } {
  const lexer = new Lexer(new Source(text))
  let tokens = 0
  let open = 0
  let nesting = 0
  try {
    for (let { kind } = lexer.advance(); kind !== TokenKind.EOF; { kind } = lexer.advance()) {
      tokens += 1
      if (opening.has(kind)) open += 1
      else if (closing.has(kind)) open -= 1
      nesting = Math.max(nesting, open)
    }
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error
  }
  return { tokens, nesting }
}

function requireFewDirectives(document: DocumentNode, { maxDirectives, maxDirectivesPerNode }: DocumentLimits): void {
  let total = 0
  visit(document, {
    enter(node) {
      const count = 'directives' in node ? (node.directives?.length ?? 0) : 0
      total += count
      requireWithin(
        count,
        maxDirectivesPerNode,
        (has, most) => `One place of the document has ${has} directives; it takes at most ${most}.`,
        node,
      )
    },
  })
  requireWithin(total, maxDirectives, (has, most) => `The document has ${has} directives; it takes at most ${most}.`)
}

interface Size {
  readonly depth: number
  readonly fields: number
  readonly aliases: number
}

const nothing: Size = { depth: 0, fields: 0, aliases: 0 }

/** The largest in each respect; a fragment is measured once, and one inside itself is left to validation. */
function measureDocument({ definitions }: DocumentNode, limits: DocumentLimits): Size {
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const node of definitions) if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node)
  const sizes = new Map<string, Size>()

  function measureFragment(name: string): Size {
    const fragment = fragments.get(name)
    const known = sizes.get(name)
    if (known !== undefined || fragment === undefined) return known ?? nothing
    sizes.set(name, nothing)
    const size = measureSet(fragment.selectionSet)
    sizes.set(name, size)
    return size
  }

  function measureSelection(node: SelectionNode): Size {
    if (node.kind === Kind.FRAGMENT_SPREAD) return measureFragment(node.name.value)
    const inner = node.selectionSet === undefined ? nothing : measureSet(node.selectionSet)
    if (node.kind === Kind.INLINE_FRAGMENT) return inner
    const alias = node.alias === undefined ? 0 : 1
    return { depth: inner.depth + 1, fields: inner.fields + 1, aliases: inner.aliases + alias }
  }

  function measureSet(set: SelectionSetNode): Size {
    requireFewSame(set, limits)
    let { depth, fields, aliases } = nothing
    for (const node of set.selections) {
      const size = measureSelection(node)
      depth = Math.max(depth, size.depth)
      fields += size.fields
      aliases += size.aliases
    }
    return { depth, fields, aliases }
  }

  let largest = nothing
  for (const node of definitions) {
    if (node.kind !== Kind.OPERATION_DEFINITION && node.kind !== Kind.FRAGMENT_DEFINITION) continue
    const size =
      node.kind === Kind.OPERATION_DEFINITION ? measureSet(node.selectionSet) : measureFragment(node.name.value)
    largest = {
      depth: Math.max(largest.depth, size.depth),
      fields: Math.max(largest.fields, size.fields),
      aliases: Math.max(largest.aliases, size.aliases),
    }
  }
  return largest
}

/** Calls are counted by what they cost instead. */
function requireFewSame(set: SelectionSetNode, { maxSameField }: DocumentLimits): void {
  if (set.selections.length <= maxSameField) return
  const counts = new Map<string, number>()
  for (const node of set.selections) {
    if (node.kind !== Kind.FIELD || node.name.value === 'passthrough') continue
    counts.set(node.name.value, (counts.get(node.name.value) ?? 0) + 1)
  }
  for (const [name, count] of counts) {
    requireWithin(
      count,
      maxSameField,
      (has, most) => `One selection has the field ${name} ${has} times; it takes one at most ${most} times.`,
    )
  }
}

/** Level by level, so that no depth is too much for it; files and raw numbers are leaves. */
function measureDepth(value: unknown): number {
  let level: object[] = isHolder(value) ? [value] : []
  // The variables themselves are an object that every request has.
  let depth = -1
  while (level.length > 0) {
    depth += 1
    const next: object[] = []
    for (const holder of level) {
      for (const inner of Array.isArray(holder) ? holder : Object.values(holder)) if (isHolder(inner)) next.push(inner)
    }
    level = next
  }
  return Math.max(depth, 0)
}

function isHolder(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !(value instanceof Blob) && !JSON.isRawJSON(value)
}
