/** Where in the text of an operation a wrong value stands, as the gateway's own errors name it: `options.timeoutMs`. */
import { type ASTNode, Kind, type Token, TokenKind } from 'graphql'

const values: ReadonlySet<string> = new Set([
  Kind.VARIABLE,
  Kind.INT,
  Kind.FLOAT,
  Kind.STRING,
  Kind.BOOLEAN,
  Kind.NULL,
  Kind.ENUM,
  Kind.LIST,
  Kind.OBJECT,
])

/** A pair starts with its name. */
const pairs: ReadonlySet<string> = new Set([Kind.ARGUMENT, Kind.OBJECT_FIELD])

/** Longer names are nobody's. */
const maxLength = 200

/** The last of the nodes that is a value, an argument or a field of an input; undefined when none is. */
export function fieldOf(nodes: readonly ASTNode[]): string | undefined {
  const node = nodes.findLast(({ kind }) => values.has(kind) || pairs.has(kind))
  const start = node?.loc?.startToken
  if (node === undefined || start === undefined) return undefined
  const path = pairs.has(node.kind) ? pathOfName(start) : pathOf(start)
  return path === undefined || path.length > maxLength ? undefined : path
}

/**
 * Nodes do not know what they stand in, but each token knows the one before it: what opens a list or an object is the first
 * token of a value again.
 * @param start the first token of a value
 */
function pathOf(start: Token): string | undefined {
  const before = previous(start)
  if (before?.kind === TokenKind.COLON) return pathOfName(previous(before))
  if (before?.kind === TokenKind.EQUALS) return variableOf(before)
  const { opener, count } = openerOf(start)
  if (opener?.kind !== TokenKind.BRACKET_L) return undefined
  const list = pathOf(opener)
  return list === undefined ? undefined : `${list}[${count}]`
}

/** @param name the first token of an argument or of a field of an input */
function pathOfName(name: Token | undefined): string | undefined {
  if (name === undefined) return undefined
  const { opener } = openerOf(name)
  if (opener?.kind === TokenKind.PAREN_L) return name.value
  if (opener?.kind !== TokenKind.BRACE_L) return undefined
  const object = pathOf(opener)
  return object === undefined ? undefined : `${object}.${name.value}`
}

/** Of a variable's default, which stands behind its type. */
function variableOf(equals: Token): string | undefined {
  let token: Token | undefined = equals
  while (token !== undefined && token.kind !== TokenKind.DOLLAR) token = previous(token)
  return token?.next?.value
}

const openers: ReadonlySet<string> = new Set([TokenKind.PAREN_L, TokenKind.BRACKET_L, TokenKind.BRACE_L])
const closers: ReadonlySet<string> = new Set([TokenKind.PAREN_R, TokenKind.BRACKET_R, TokenKind.BRACE_R])

/** What opens the innermost thing around the token, and how many values stand between, when that is a list. */
function openerOf(start: Token): { opener: Token | undefined; count: number } {
  let depth = 0
  let count = 0
  let token = previous(start)
  for (; token !== undefined; token = previous(token)) {
    if (openers.has(token.kind)) {
      if (depth === 0) break
      depth -= 1
    }
    // A variable is two tokens.
    if (depth === 0 && !closers.has(token.kind) && token.kind !== TokenKind.DOLLAR) count += 1
    if (closers.has(token.kind)) depth += 1
  }
  return { opener: token, count }
}

function previous({ prev }: Token): Token | undefined {
  let token = prev
  while (token?.kind === TokenKind.COMMENT) token = token.prev
  return token ?? undefined
}
