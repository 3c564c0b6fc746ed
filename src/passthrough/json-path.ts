/** JSONPath queries (RFC 9535) over a body: the matched values as their exact text, within bounds. */
import { JSONPathEnvironment, type JSONPathNode, type JSONValue } from 'json-p3'
import { RE2JS } from 're2js'
import { GatewayError, invalidInput } from '../errors.ts'
import { EmbeddedJson, textsAt } from './json-text.ts'

const maxPathLength = 1000
const maxMatches = 10_000
/** Characters of all matches together; nested matches repeat each other's text. */
const maxTextLength = 16 * 1024 * 1024
/** A query whose time may grow faster than its body is taken for bodies up to this length only. */
const maxCostlyLength = 8 * 1024

const environment = createEnvironment()

/**
 * The list of matched values, each as it stands in `text`.
 * @param value `text`, parsed
 * @throws {GatewayError} INVALID_INPUT on a path that is wrong or asks too much, RESPONSE_TOO_LARGE on a result without end
 */
export function selectJson(text: string, value: unknown, path: string): EmbeddedJson {
  if (path.length > maxPathLength) {
    throw invalidInput('path', `path takes a JSONPath of at most ${maxPathLength} characters; got ${path.length}.`)
  }
  if (text.length > maxCostlyLength && isCostly(path)) {
    const message = `path has several "..", or "..", "*", ":", "$" or a filter inside a filter; such a query is run on bodies of up to ${maxCostlyLength} characters only.`
    throw invalidInput('path', message)
  }
  const locations = findMatches(path, value as JSONValue).map(node => node.location)
  const texts = guardDepth(() => textsAt(text, locations))
  const length = texts.reduce((sum, item) => sum + item.length, 0)
  if (length > maxTextLength) {
    const message = `The values that ${JSON.stringify(path)} matches have ${length} characters; at most ${maxTextLength} are sent.`
    throw new GatewayError('RESPONSE_TOO_LARGE', message)
  }
  return new EmbeddedJson(`[${texts.join(',')}]`)
}

function findMatches(path: string, value: JSONValue): JSONPathNode[] {
  const matches: JSONPathNode[] = []
  return guardDepth(() => {
    for (const match of compile(path).lazyQuery(value)) {
      if (matches.length === maxMatches) throw invalidInput('path', `path matches more than ${maxMatches} values.`)
      matches.push(match)
    }
    return matches
  })
}

function compile(path: string) {
  try {
    return environment.compile(path)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw invalidInput(
      'path',
      `path takes a JSONPath (RFC 9535) such as $.data[*].id; got ${JSON.stringify(path)}: ${reason}`,
    )
  }
}

/** What a query throws while it runs can only come from how deep the body is. */
function guardDepth<T>(run: () => T): T {
  try {
    return run()
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause
    throw new GatewayError('INVALID_INPUT', 'The body is nested too deeply for this path.', {
      cause,
      details: [{ field: 'path', message: 'path leads deeper into the body than a query may go' }],
    })
  }
}

/** True for more than one descendant segment, or a filter in which any selector but names and indices occurs. */
function isCostly(path: string): boolean {
  const plain = path.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, '""')
  let depth = 0
  let filterDepth = 0
  let descendants = 0
  for (const [token] of plain.matchAll(/\.\.|[[\]?*:$]/g)) {
    if (token === '[') depth += 1
    else if (token === ']') {
      if (filterDepth === depth) filterDepth = 0
      depth -= 1
    } else if (filterDepth > 0) return true
    else if (token === '?') filterDepth = depth
    else if (token === '..') descendants += 1
  }
  return descendants > 1
}

/** `match()` and `search()` run on RE2: the standard's I-Regexp (RFC 9485) in linear time. */
function createEnvironment(): JSONPathEnvironment {
  const created = new JSONPathEnvironment()
  for (const [name, isWhole] of [
    ['match', true],
    ['search', false],
  ] as const) {
    const standard = created.functionRegister.get(name)
    if (standard === undefined) throw new TypeError(`json-p3 has no function ${name}`)
    const { argTypes, returnType } = standard
    created.functionRegister.set(name, {
      argTypes,
      returnType,
      call: (text, pattern) => testPattern(text, pattern, isWhole),
    })
  }
  return created
}

function testPattern(text: unknown, pattern: unknown, isWhole: boolean): boolean {
  if (typeof text !== 'string' || typeof pattern !== 'string') return false
  try {
    const compiled = RE2JS.compile(pattern)
    return isWhole ? compiled.testExact(text) : compiled.test(text)
  } catch {
    // RFC 9535 §2.4.6: what is no I-Regexp matches nothing.
    return false
  }
}
